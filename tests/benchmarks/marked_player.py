"""Estimators and MediaPipe's own Pose (full) on a basketball player whose joints people marked in calibrated views.

    git clone https://github.com/NicoNRG2/CV-Project-MoCap DIR
    python tests/benchmarks/marked_player.py DIR --mediapipe-python ENV/bin/python [--estimators di2pose blazepose]

The recording (25 frames/s, 3840 x 2160) shows a man of 130 to 270 pixels in the median of a view, 19 to 33 m away, who
runs, dribbles and throws; 48 moments are marked. Every video is cut to the part of the picture where he moves. Other
than references of BlazePose's joints (docs/multiview.md) these owe nothing to a network, and the whole body is in
sight. Marks of hands are moved to the wrists, hips down to where pictures have them; a view has part in its own
references. Coverage counts the man only, whoever else is found.
"""

import argparse
import json
import tempfile
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from multiview_mediapipe import mediapipe_people, patch_numbers

from engine.body.camera import Camera
from tools.line_options import settings
from tools.multiview import Asked, candidates, people_in
from training.calibrated_views import View
from training.multiview import TRIANGULATED, References, Sightings, agreed_by_all
from training.multiview_patch import Patch, choose_patch
from training.multiview_score import Candidate, figures, score
from training.triangulation import Rules

RULES = Rules(limit_mm=400.0)
"""The cameras' places are off by up to 140 mm at the player, the same for all joints; his bones keep their length to
some 25 mm."""
MARK_OF = {"wrist": "Hand", "shoulder": "Shoulder", "elbow": "Elbow", "hip": "Hip", "knee": "Knee", "ankle": "Ankle"}
WRIST_SHARE = 0.79
"""Of the way from elbow to the mark of the hand: forearm over forearm and half a hand (Drillis and Contini, 1966)."""
HIPS_DOWN = 0.09
"""Of the trunk, as in docs/experiments.md, section 'Hips'."""
FIRST_MOMENT, STEP = 1, 2
"""Mark n is of frame 2 n + 1 (counted from 0): BlazePose's joints lie nearest to the marks there in each view."""
SCORED_VIEWS = ("5", "8", "13")
"""The fourth, 2, gives marks alone; its video has not been looked at."""
MARGIN_PX = 140


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("directory", type=Path)
    parser.add_argument("--mediapipe-python", type=Path)
    parser.add_argument("--estimators", nargs="+", default=["di2pose", "blazepose"])
    options = parser.parse_args()
    views, marks_px, seen = marked(options.directory)
    known = references(views, marks_px, seen)
    with tempfile.TemporaryDirectory() as folder:
        rows = [row for row, view in enumerate(views) if view.name in SCORED_VIEWS]
        cut = [cut_out(views[row], marks_px[row], Path(folder)) for row in rows]
        frames = np.arange(min(frame_count(view.video) for view in cut))
        moments = [moment for moment in range(len(marks_px[0])) if frame_of(moment) < len(frames)]
        own = References(known.world_mm[rows][:, moments], known.known[rows][:, moments], np.empty(0))
        print("| estimator | patch | smoothing | view | references | coverage % | MPJPE mm | PA-MPJPE mm | PCK@150 % |")
        print("|---" * 9 + "|")
        for patches in (None, patches_on(cut, known.world_mm[0], len(frames))):
            setting = "no" if patches is None else "yes"
            for name in options.estimators:
                for smooth in (False, True):
                    people = [
                        people_in(
                            view,
                            frames,
                            Asked(),
                            estimator=name,
                            config=settings(None, smooth=smooth),
                            patches=None if patches is None else patches[row],
                        )
                        for row, view in enumerate(cut)
                    ]
                    show(f"{name} | {setting} | {'on' if smooth else 'off'}", cut, own, at(candidates(people), moments))
            if options.mediapipe_python:
                numbers = None if patches is None else [[patch_numbers(patch) for patch in some] for some in patches]
                everybody = mediapipe_people(cut, [frames] * len(cut), options.mediapipe_python, numbers)
                show(f"MediaPipe | {setting} | on", cut, own, at(everybody, moments))


def frame_of(moment: int) -> int:
    return STEP * (moment + FIRST_MOMENT) + 1


def at(people: list, moments: list[int]) -> list[list[list[Candidate]]]:
    return [[of_view[frame_of(moment)] for moment in moments] for of_view in people]


def marked(directory: Path) -> tuple[list[View], np.ndarray, np.ndarray]:
    """Views, (view, moment, 12, 2) marks in pixels in the order of `TRIANGULATED`, and which of them are there."""
    file = json.loads((directory / "_annotations.coco.json").read_text(encoding="utf-8"))
    names = next(kind["keypoints"] for kind in file["categories"] if "keypoints" in kind)
    picture = {entry["id"]: entry["file_name"].split("_") for entry in file["images"]}
    by_place = {}
    for mark in file["annotations"]:
        camera, _, number = picture[mark["image_id"]][:3]
        by_place[camera.removeprefix("out"), int(number)] = np.reshape(mark["keypoints"], (-1, 3)).astype(float)
    cameras = sorted({camera for camera, _ in by_place}, key=int)
    numbers = sorted({number for _, number in by_place})
    assert numbers == list(range(FIRST_MOMENT, FIRST_MOMENT + len(numbers))), "marks of every second frame"
    rows = [names.index(f"{side[0].upper()}{MARK_OF[part]}") for side, part in (n.split("_") for n in TRIANGULATED)]
    marks = np.array([[by_place[camera, number][rows] for number in numbers] for camera in cameras])
    views = [view_of(directory, camera) for camera in cameras]
    return views, marks[..., :2], marks[..., 2] > 0


def view_of(directory: Path, camera: str) -> View:
    fields = json.loads((directory / "camera_data" / f"cam_{camera}" / "calib" / "camera_calib.json").read_text())
    K, distortion = np.array(fields["mtx"]), tuple(np.ravel(fields["dist"]).tolist())
    lens = Camera((K[0, 0], K[1, 1]), (K[0, 2], K[1, 2]), (3840, 2160), f"file cam_{camera}", distortion)
    turn, _ = cv2.Rodrigues(np.ravel(fields["rvecs"]))
    return View(camera, lens, turn, np.ravel(fields["tvecs"]), directory / "mocap_7_videos" / f"out{camera}.mp4")


def references(views: list[View], marks_px: np.ndarray, seen: np.ndarray) -> References:
    world, known = np.zeros((*seen.shape[1:], 3)), np.zeros(seen.shape[1:], bool)
    for place, found in agreed_by_all(views, Sightings(marks_px, seen), rules=RULES).items():
        world[place], known[place] = found.point_mm, True
    joint = {name: TRIANGULATED.index(name) for name in TRIANGULATED}
    for side in ("left", "right"):
        elbow, wrist = joint[f"{side}_elbow"], joint[f"{side}_wrist"]
        world[:, wrist] = world[:, elbow] + WRIST_SHARE * (world[:, wrist] - world[:, elbow])
        known[:, wrist] &= known[:, elbow]
    hips, shoulders = [joint["left_hip"], joint["right_hip"]], [joint["left_shoulder"], joint["right_shoulder"]]
    trunk = world[:, hips].mean(axis=1, keepdims=True) - world[:, shoulders].mean(axis=1, keepdims=True)
    world[:, hips] += HIPS_DOWN * trunk
    known[:, hips] &= known[:, shoulders].all(axis=1, keepdims=True)
    return References(np.stack([world] * len(views)), np.stack([known] * len(views)), np.empty(0))


def cut_out(view: View, marks_px: np.ndarray, folder: Path) -> View:
    """The view with a lossless video of the part of the picture that has all marks in it."""
    flat = marks_px.reshape(-1, 2)
    left, top = np.maximum(flat.min(axis=0) - MARGIN_PX, 0).astype(int)
    width, height = np.minimum(flat.max(axis=0) + MARGIN_PX, view.camera.size_wh).astype(int) - (left, top)
    width, height = int(width - width % 2), int(height - height % 2)
    lens = view.camera
    moved = (lens.centre_px[0] - left, lens.centre_px[1] - top)
    video, capture = folder / f"{view.name}.avi", cv2.VideoCapture(str(view.video))
    writer = cv2.VideoWriter(str(video), cv2.VideoWriter.fourcc(*"FFV1"), 25.0, (width, height))
    assert writer.isOpened(), "this OpenCV writes no FFV1"
    while True:
        more, image_bgr = capture.read()
        if not more:
            break
        writer.write(image_bgr[top : top + height, left : left + width])
    writer.release()
    return replace(view, camera=replace(lens, centre_px=moved, size_wh=(width, height)), video=video)


def patches_on(views: list[View], world_mm: np.ndarray, frames: int) -> list[list[Patch]]:
    """Over one joint of every frame, drawn anew in each; frames without marks take those of the nearest that has."""
    patches = []
    for row, view in enumerate(views):
        marks_px = [view.camera.project(view.seen(joints_mm)) for joints_mm in world_mm]
        nearest = [np.clip(round((frame - 1) / STEP) - FIRST_MOMENT, 0, len(marks_px) - 1) for frame in range(frames)]
        patches.append(
            [
                choose_patch(marks_px[moment], marks_px[moment], rng=np.random.default_rng([0, row, frame]))
                for frame, moment in enumerate(nearest)
            ]
        )
    return patches


def frame_count(video: Path) -> int:
    return int(cv2.VideoCapture(str(video)).get(cv2.CAP_PROP_FRAME_COUNT))


def show(setting: str, views: list[View], known: References, people: list) -> None:
    results = score(views, known, people)
    by_view = {view.name: [result for result in results if result.view == row] for row, view in enumerate(views)}
    for name, some in (by_view | {"all": results}).items():
        found = figures(some)
        numbers = f"{found.mpjpe_mm:.1f} | {found.pa_mpjpe_mm:.1f} | {100 * found.pck150:.1f}"
        print(f"| {setting} | {name} | {found.references} | {100 * found.coverage:.1f} | {numbers} |")


if __name__ == "__main__":
    main()
