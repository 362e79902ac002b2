"""Record what mediapipe 0.10.21 itself says about a turned photograph, for test_mediapipe_parity.

Run it in an environment of its own that has mediapipe 0.10.21:
    python tests/engine/blazepose/record_mediapipe.py ASTRONAUT.png > tests/engine/blazepose/mediapipe_0_10_21.json
ASTRONAUT.png lies in scikit-image's package, skimage/data/astronaut.png.
"""

from __future__ import annotations

import json
import sys
from importlib.metadata import version

import cv2
import numpy as np

ANGLES_DEG = (0, 40, 90)


def turned_photo(photo_rgb: np.ndarray, angle_deg: float) -> np.ndarray:
    """The photograph turned clockwise about its centre on a canvas of its own size, black outside.

    Nearest pixels in plain numpy, so that two versions of OpenCV cannot disagree about it.
    """
    height, width = photo_rgb.shape[:2]
    angle = np.radians(angle_deg)
    y, x = np.mgrid[:height, :width] - np.array([height - 1, width - 1])[:, None, None] / 2
    source_x = np.rint(x * np.cos(angle) + y * np.sin(angle) + (width - 1) / 2).astype(int)
    source_y = np.rint(y * np.cos(angle) - x * np.sin(angle) + (height - 1) / 2).astype(int)
    inside = (source_x >= 0) & (source_x < width) & (source_y >= 0) & (source_y < height)
    turned = photo_rgb[source_y.clip(0, height - 1), source_x.clip(0, width - 1)]
    return np.where(inside[:, :, None], turned, 0).astype(np.uint8)


def recorded(image_rgb: np.ndarray) -> dict[str, object]:
    """What the graph behind mediapipe.solutions.pose (static images, full network) says, and its region."""
    from mediapipe.python.solution_base import SolutionBase
    from mediapipe.python.solutions import pose

    switches = {"smooth_landmarks", "enable_segmentation", "smooth_segmentation", "use_prev_landmarks"}
    graph = SolutionBase(
        binary_graph_path=pose._BINARYPB_FILE_PATH,
        side_inputs={"model_complexity": 1, **dict.fromkeys(switches, False)},
        outputs=["pose_landmarks", "pose_world_landmarks", "pose_rect_from_detection"],
    )
    with graph:
        result = graph.process({"image": image_rgb})
    if result.pose_landmarks is None:
        raise SystemExit("mediapipe found nobody")
    height, width = image_rgb.shape[:2]
    points, world = result.pose_landmarks.landmark, result.pose_world_landmarks.landmark
    rect = result.pose_rect_from_detection
    return {
        "centre_px": [rect.x_center * width, rect.y_center * height],
        "size_px": rect.width * width,
        "angle_rad": rect.rotation,
        "points_px": [[round(each.x * width, 3), round(each.y * height, 3)] for each in points],
        "world_mm": [[round(each.x * 1e3, 3), round(each.y * 1e3, 3), round(each.z * 1e3, 3)] for each in world],
        "visibility": [round(each.visibility, 5) for each in points],
    }


def main() -> None:
    photo_rgb = cv2.cvtColor(cv2.imread(sys.argv[1]), cv2.COLOR_BGR2RGB)
    poses = {str(angle): recorded(turned_photo(photo_rgb, angle)) for angle in ANGLES_DEG}
    print(json.dumps({"mediapipe": version("mediapipe"), "poses": poses}, indent=1))


if __name__ == "__main__":
    main()
