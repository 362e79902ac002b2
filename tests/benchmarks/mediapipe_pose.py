"""MediaPipe's own Pose (full) over a video, several times: run with the Python of an environment that has it.

Prints one JSON line. Usage: python mediapipe_pose.py VIDEO ROUNDS
"""

import json
import sys
import time

import cv2
import mediapipe


def main() -> None:
    video, rounds = sys.argv[1], int(sys.argv[2])
    frames = found = 0
    with mediapipe.solutions.pose.Pose(model_complexity=1) as pose:
        spent_s = 0.0
        for turn in range(rounds + 1):  # the first round warms up
            capture = cv2.VideoCapture(video)
            begun = time.perf_counter()
            while True:
                more, image_bgr = capture.read()
                if not more:
                    break
                result = pose.process(cv2.cvtColor(image_bgr, cv2.COLOR_BGR2RGB))
                frames += turn > 0
                found += turn > 0 and result.pose_landmarks is not None
            spent_s += (time.perf_counter() - begun) * (turn > 0)
    print(json.dumps({"mediapipe": mediapipe.__version__, "frames_per_s": frames / spent_s, "found": found / frames}))


if __name__ == "__main__":
    main()
