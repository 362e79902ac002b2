"""How much joints tremble over a still picture: our estimators and MediaPipe's Pose (full), filters off.

    python tests/benchmarks/still_jitter.py PICTURE --mediapipe-python ENV/bin/python [--estimators di2pose blazepose]

100 frames of PICTURE (a person, any format OpenCV reads; VIDEO:FRAME takes a frame of a video) with sensor noise of
sigma 3/255, shifted by up to 2 px. Prints the median, over joints and frames, of the acceleration of the root-relative
joints in mm per frame squared.
"""

import argparse
import json
import subprocess
import tempfile
from pathlib import Path

import cv2
import numpy as np

from engine.body.skeleton_map import H36M17_FROM_BLAZEPOSE33
from realtime.parts import camera_choice, live_parts
from realtime.sources import SourceOptions, open_source
from realtime.track_file import tracked
from tools.line_options import settings

FRAMES, SIGMA, SHAKE_PX = 100, 3.0, 2.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("picture")
    parser.add_argument("--mediapipe-python", type=Path)
    parser.add_argument("--estimators", nargs="+", default=["di2pose", "blazepose"])
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "frames"
        write_frames(still(asked.picture), folder)
        found = {estimator: ours(estimator, folder) for estimator in asked.estimators}
        if asked.mediapipe_python is not None:
            out = Path(name) / "worlds.npy"
            command = [str(asked.mediapipe_python), str(Path(__file__).with_name("mediapipe_stills.py"))]
            subprocess.run([*command, str(folder), str(out)], check=True, stderr=subprocess.DEVNULL)
            found["MediaPipe"] = H36M17_FROM_BLAZEPOSE33 @ np.load(out) * 1000
    results = {name: round(jitter_mm(joints), 3) for name, joints in found.items()}
    for name, value in results.items():
        print(f"{name:12} {value:6.2f} mm/frame^2 over {len(found[name])} frames")
    if asked.json:
        asked.json.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")


def still(picture: str) -> np.ndarray:
    """(height, width, 3) BGR."""
    path, _, frame = picture.rpartition(":")
    if not path:
        image = cv2.imread(picture)
    else:
        capture = cv2.VideoCapture(path)
        capture.set(cv2.CAP_PROP_POS_FRAMES, int(frame))
        image = capture.read()[1]
    if image is None:
        raise SystemExit(f"{picture} cannot be read")
    return image


def write_frames(image_bgr: np.ndarray, folder: Path) -> None:
    folder.mkdir()
    rng = np.random.default_rng(0)
    size_wh = image_bgr.shape[1::-1]
    for index in range(FRAMES):
        shift = np.eye(2, 3)
        shift[:, 2] = rng.uniform(-SHAKE_PX, SHAKE_PX, 2)
        moved = cv2.warpAffine(image_bgr, shift, size_wh, borderMode=cv2.BORDER_REPLICATE)
        noisy = moved + rng.normal(0, SIGMA, moved.shape)
        cv2.imwrite(str(folder / f"{index:03d}.png"), np.clip(noisy, 0, 255).astype(np.uint8))


def ours(estimator: str, folder: Path) -> np.ndarray:
    """(frame, 17, 3) of the first person."""
    found = []

    def on_frame(frame, people):
        found.extend(person.pose.joints_mm for person in people if person.person_id == 1)

    with (
        live_parts(estimator, settings(None, smooth=False), camera_of=camera_choice()) as parts,
        open_source(str(folder), SourceOptions(pace="max")) as source,
    ):
        tracked(source, parts, on_frame=on_frame)
    return np.array(found)


def jitter_mm(joints_mm: np.ndarray) -> float:
    centred = joints_mm - joints_mm[:, :1]
    return float(np.median(np.linalg.norm(np.diff(centred, n=2, axis=0), axis=-1)[:, 1:]))


if __name__ == "__main__":
    main()
