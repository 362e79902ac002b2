"""MediaPipe's own Pose (full) over frames of several videos: run with the Python of an environment that has it.

Usage: python mediapipe_views.py JOB.json OUT.npz
JOB.json: a list with one object per view: video, frames (rising), patches (per frame null or six numbers: left, top,
side, r, g, b).
OUT.npz per view number i: found_i (frame,), points_px_i (frame, 33, 2), world_m_i (frame, 33, 3), zero where not found.
"""

import json
import sys
from pathlib import Path

import cv2
import mediapipe
import numpy as np


def main() -> None:
    jobs = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    results = {}
    for number, job in enumerate(jobs):
        found, points_px, world_m = view(job)
        results |= {f"found_{number}": found, f"points_px_{number}": points_px, f"world_m_{number}": world_m}
    np.savez(sys.argv[2], **results)


def view(job: dict) -> tuple:
    frames, patches = job["frames"], job["patches"]
    found = np.zeros(len(frames), bool)
    points_px, world_m = np.zeros((len(frames), 33, 2)), np.zeros((len(frames), 33, 3))
    capture = cv2.VideoCapture(job["video"])
    with mediapipe.solutions.pose.Pose(model_complexity=1) as pose:
        index, at = -1, 0
        while at < len(frames):
            more, image_bgr = capture.read()
            if not more:
                raise SystemExit(f"{job['video']} ends before frame {frames[at]}")
            index += 1
            if index != frames[at]:
                continue
            image_rgb = covered(cv2.cvtColor(image_bgr, cv2.COLOR_BGR2RGB), patches[at])
            result = pose.process(image_rgb)
            if result.pose_landmarks is not None:
                found[at] = True
                size_wh = image_rgb.shape[1::-1]
                flat = np.array([(mark.x, mark.y) for mark in result.pose_landmarks.landmark])
                points_px[at] = flat * size_wh - 0.5
                world_m[at] = [(mark.x, mark.y, mark.z) for mark in result.pose_world_landmarks.landmark]
            at += 1
    return found, points_px, world_m


def covered(image_rgb: np.ndarray, patch: list | None) -> np.ndarray:
    if patch is not None:
        left, top, side, *colour = patch
        image_rgb[max(top, 0) : max(top + side, 0), max(left, 0) : max(left + side, 0)] = colour
    return image_rgb


if __name__ == "__main__":
    main()
