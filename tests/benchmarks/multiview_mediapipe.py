"""Our estimators and MediaPipe's own Pose (full) on a calibrated recording: same frames, references, patches, metric.

    python tests/benchmarks/multiview_mediapipe.py DIR --mediapipe-python ENV/bin/python
        [--estimators blazepose ...] [--every 1] [--limit-mm 40] [--json FILE]

Every row is measured without and with the patch. MediaPipe smooths over time unless told not to; so ours has a row with
smoothing on beside the one without.
"""

import argparse
import json
import subprocess
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np

from engine.body.skeleton_map import H36M17_FROM_BLAZEPOSE33
from tools.line_options import settings
from tools.multiview import Asked, Prepared, candidates, people_of, prepared
from training.multiview_check import check_calibration
from training.multiview_report import COLUMNS, HEADINGS, Setting, as_dict
from training.multiview_score import Candidate, score
from training.triangulation import Rules

HERE = Path(__file__).resolve().parent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("directory", type=Path)
    parser.add_argument("--mediapipe-python", type=Path, required=True)
    parser.add_argument("--estimators", nargs="+", default=["blazepose"])
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--limit-mm", type=float, default=Rules().limit_mm)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    asked = Asked(every=options.every, cover="a joint", rules=Rules(limit_mm=options.limit_mm))
    covered = prepared(options.directory, asked)
    reports = []
    print("| estimator | patch | smoothing | " + " | ".join(HEADINGS) + " |")
    print("|---" * (len(HEADINGS) + 3) + "|")
    for ready in (replace(covered, patches=None), covered):
        for name in options.estimators:
            for smoothing in (False, True):
                people = people_of(ready, asked, estimator=name, config=settings(None, smooth=smoothing))
                reports.append(_report(ready, asked, candidates(people), estimator=name, smoothing=smoothing))
        theirs = _mediapipe(ready, options.mediapipe_python)
        reports.append(_report(ready, asked, theirs, estimator="MediaPipe", smoothing=True))
    if options.json:
        options.json.write_text(json.dumps(reports, indent=2) + "\n", encoding="utf-8")


def _report(ready: Prepared, asked: Asked, people: list, *, estimator: str, smoothing: bool) -> dict:
    views = ready.recording.views
    check = check_calibration(views, ready.sightings, ready.references, rules=asked.rules)
    patch, moments = ready.patches is not None, len(ready.moments.frames)
    name = ready.recording.directory.name
    setting = Setting(name, estimator, smoothing, patch, asked.every, moments, asked.rules)
    report = as_dict(setting, check, score(views, ready.references, people), views=views)
    numbers = " | ".join(_shown(column, report[column]) for column in COLUMNS)
    print(f"| {estimator} | {'yes' if patch else 'no'} | {'on' if smoothing else 'off'} | {numbers} |", flush=True)
    return report


def _shown(column: str, value: float | None) -> str:
    if value is None or column == "references":
        return str(value)
    return f"{value if column.endswith('_mm') else 100 * value:.1f}"


def _mediapipe(ready: Prepared, python: Path) -> list[list[list[Candidate]]]:
    views = ready.recording.views
    frames = [ready.moments.frames[:, row] for row in range(len(views))]
    patches = (
        None if ready.patches is None else [[patch_numbers(patch) for patch in of_view] for of_view in ready.patches]
    )
    return mediapipe_people(views, frames, python, patches)


def mediapipe_people(views, frames, python: Path, patches=None) -> list[list[list[Candidate]]]:
    """Per view and frame (rising, one array per view) what MediaPipe's Pose finds with the Python at `python`."""
    jobs = [
        {
            "video": str(view.video.resolve()),
            "frames": frames[row].tolist(),
            "patches": [None] * len(frames[row]) if patches is None else patches[row],
        }
        for row, view in enumerate(views)
    ]
    with tempfile.TemporaryDirectory() as folder:
        job, out = Path(folder) / "job.json", Path(folder) / "out.npz"
        job.write_text(json.dumps(jobs), encoding="utf-8")
        command = [str(python), str(HERE / "mediapipe_views.py"), str(job), str(out)]
        subprocess.run(command, check=True, stderr=subprocess.DEVNULL)
        with np.load(out) as results:
            return [_candidates(results, row) for row in range(len(jobs))]


def patch_numbers(patch) -> list[int] | None:
    return None if patch is None else [patch.left_px, patch.top_px, patch.side_px, *patch.colour_rgb]


def _candidates(results, row: int) -> list[list[Candidate]]:
    """MediaPipe's 33 points as our 17 joints, by the same weights as our BlazePose estimator."""
    found, points_px, world_m = (results[f"{name}_{row}"] for name in ("found", "points_px", "world_m"))
    joints_px, joints_mm = H36M17_FROM_BLAZEPOSE33 @ points_px, H36M17_FROM_BLAZEPOSE33 @ world_m * 1000
    return [[Candidate(mm, px)] if there else [] for there, mm, px in zip(found, joints_mm, joints_px, strict=True)]


if __name__ == "__main__":
    main()
