"""The whole line against MediaPipe's own Pose (full), in turn on the same frames.

    python tests/benchmarks/compare_mediapipe.py VIDEO --mediapipe-python ENV/bin/python [--pairs 5] [--rounds 10]
        [--estimator NAME]

Ours counts everything from decoding to publishing, MediaPipe's decoding and its own processing.
`make compare` makes the second environment.
"""

import argparse
import json
import statistics
import subprocess
import sys
from pathlib import Path

from tools.line_options import DEFAULT_ESTIMATOR

HERE = Path(__file__).resolve().parent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("video", type=Path)
    parser.add_argument("--mediapipe-python", type=Path, required=True)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--frames-per-round", type=int, default=65)
    parser.add_argument("--estimator", default=DEFAULT_ESTIMATOR)
    options = parser.parse_args()
    ours, theirs = [], []
    for pair in range(options.pairs):
        ours.append(_ours(options.video, options.rounds * options.frames_per_round, options.estimator))
        theirs.append(_theirs(options.mediapipe_python, options.video, options.rounds))
        print(f"pair {pair + 1}: ours {ours[-1]:.1f}, MediaPipe {theirs[-1]:.1f}, ratio {ours[-1] / theirs[-1]:.2f}")
    ratios = [one / other for one, other in zip(ours, theirs, strict=True)]
    print(f"best of {options.pairs}: ours {max(ours):.1f} frames/s, MediaPipe {max(theirs):.1f} frames/s")
    print(f"ratio pair by pair: median {statistics.median(ratios):.2f}, {min(ratios):.2f} to {max(ratios):.2f}")


def _ours(video: Path, frames: int, estimator: str) -> float:
    command = [sys.executable, "-m", "tools.cli", "bench", "--source", str(video), "--frames", str(frames)]
    return float(
        json.loads(_output([*command, "--estimator", estimator, "--no-listen", "--json", "-"]))["frames_per_s"]
    )


def _theirs(python: Path, video: Path, rounds: int) -> float:
    last = _output([str(python), str(HERE / "mediapipe_pose.py"), str(video), str(rounds)]).strip().splitlines()[-1]
    return float(json.loads(last)["frames_per_s"])


def _output(command: list[str]) -> str:
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout


if __name__ == "__main__":
    main()
