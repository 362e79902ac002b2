"""The line that users run, on a photograph: the same points as mediapipe 0.10.21, in the first frame.

The answers of mediapipe are those that tests/engine/blazepose/record_mediapipe.py recorded.
"""

import json
from importlib.util import module_from_spec, spec_from_file_location

import numpy as np
import pytest
import skimage.data

from realtime.config import LineConfig, SmoothingConfig
from realtime.frame import Frame
from realtime.parts import camera_choice, live_parts


@pytest.mark.parametrize("turn_deg", [0, 40, 90])
def test_the_points_are_mediapipes(repo_root, networks_dir, turn_deg):
    here = repo_root / "tests" / "engine" / "blazepose"
    expected = json.loads((here / "mediapipe_0_10_21.json").read_text())["poses"][str(turn_deg)]
    spec = spec_from_file_location("record_mediapipe", here / "record_mediapipe.py")
    recorder = module_from_spec(spec)
    spec.loader.exec_module(recorder)
    photo = Frame(0, 0, recorder.turned_photo(skimage.data.astronaut(), turn_deg), 0.0)
    config = LineConfig(smoothing=SmoothingConfig(enabled=False))
    with live_parts("blazepose", config, camera_of=camera_choice()) as parts:
        [person] = parts.line.people(photo)
    points = person.pose.points33
    apart_px = np.linalg.norm(points.points_px - expected["points_px"], axis=1)
    apart_mm = np.linalg.norm(points.points_mm - np.array(expected["world_mm"])[:33], axis=1)
    assert np.median(apart_px) < 0.5  # asked for: 2
    assert apart_mm.max() < 5  # asked for: 15
