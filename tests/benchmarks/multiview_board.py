"""How well a recording's calibration fits a board of ArUco markers that is shown in it.

    python tests/benchmarks/multiview_board.py DIR [--every 1]

People's joints judge a calibration only as well as a 2D network finds them; corners of printed markers are found to a
fraction of a pixel. Each corner that three views see is triangulated; printed are the reprojection error per camera and
the length of the markers' sides, which says whether the unit is right. Markers of the 4x4 dictionary, black on white or
white on black.
"""

import argparse
from collections import defaultdict
from pathlib import Path

import cv2
import numpy as np

from tools.multiview import frames_of, moments_of
from training.calibrated_views import Moments, Recording, read_recording
from training.multiview import rig_of
from training.triangulation import Rules, agreed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("directory", type=Path)
    parser.add_argument("--every", type=int, default=1)
    options = parser.parse_args()
    recording = read_recording(options.directory)
    seen = corners(recording, moments_of(recording, every=options.every))
    rig, rules = rig_of(recording.views), Rules(limit_mm=60)
    errors, points = defaultdict(list), {}
    for place, by_view in seen.items():
        there = np.array([row in by_view for row in range(len(recording.views))])
        rays = np.array([by_view.get(row, np.zeros(2)) for row in range(len(recording.views))])
        known = agreed(rig, rays, there, rules=rules)
        if known is not None:
            points[place] = known.point_mm
            for row in np.flatnonzero(there):
                errors[recording.views[row].name].append(known.errors_px[row])
    print(f"{len(seen)} corners seen, {len(points)} by three views or more")
    for name, pixels in sorted(errors.items()):
        median, p90, p99 = np.percentile(pixels, [50, 90, 99])
        print(f"camera {name}: {len(pixels)} corners, median {median:.2f} px, 90 % {p90:.2f} px, 99 % {p99:.2f} px")
    sides = [
        np.linalg.norm(point - points[moment, marker, (corner + 1) % 4])
        for (moment, marker, corner), point in points.items()
        if (moment, marker, (corner + 1) % 4) in points
    ]
    print(f"sides of the markers: median {np.median(sides):.1f} mm, spread {np.std(sides):.2f} mm, {len(sides)} sides")


def corners(recording: Recording, moments: Moments) -> dict:
    """(moment, marker, corner) -> view row -> ray (2,)."""
    dictionary = cv2.aruco.getPredefinedDictionary(cv2.aruco.DICT_4X4_50)
    wishes = cv2.aruco.DetectorParameters()
    wishes.detectInvertedMarker = True
    detector = cv2.aruco.ArucoDetector(dictionary, wishes)
    seen: dict = defaultdict(dict)
    for row, view in enumerate(recording.views):
        for moment, frame in enumerate(frames_of(view, moments.frames[:, row])):
            found, markers, _ = detector.detectMarkers(frame.image_rgb)
            for marker, quad in zip([] if markers is None else markers.ravel(), found, strict=True):
                for corner, ray in enumerate(view.camera.back_project(quad[0])[:, :2]):
                    seen[moment, int(marker), corner][row] = ray
    return seen


if __name__ == "__main__":
    main()
