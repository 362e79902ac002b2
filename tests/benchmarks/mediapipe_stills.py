"""MediaPipe's own Pose (full) over a folder of pictures, unsmoothed: run with the Python of an environment that has it.

Usage: python mediapipe_stills.py FOLDER OUT.npy  (OUT: (picture, 33, 3) metres, pictures without a person left out)
"""

import sys
from pathlib import Path

import cv2
import mediapipe
import numpy as np


def main() -> None:
    worlds = []
    with mediapipe.solutions.pose.Pose(model_complexity=1, smooth_landmarks=False) as pose:
        for path in sorted(Path(sys.argv[1]).glob("*.png")):
            result = pose.process(cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB))
            if result.pose_world_landmarks is not None:
                worlds.append([(mark.x, mark.y, mark.z) for mark in result.pose_world_landmarks.landmark])
    np.save(sys.argv[2], np.array(worlds))


if __name__ == "__main__":
    main()
