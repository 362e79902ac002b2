"""The picture that `di2pose evaluate crops --figures` writes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from realtime.config import LineConfig
from realtime.parts import estimator_named
from training.crop_figures import row_of
from training.evaluate_crops import poses_of
from training.synthetic.scene import Crop

ROWS = 10


def write_sheet(path: Path, crops: Sequence[Crop], estimators: Sequence[str]) -> None:
    """Some of the crops, evenly spread, a row each; the last estimator's joints are drawn on the crop."""
    chosen = [crops[at] for at in np.unique(np.linspace(0, len(crops) - 1, ROWS).round().astype(int))]
    found = []
    for name in estimators:
        with estimator_named(name, LineConfig()) as estimator:
            found.append(poses_of(estimator, chosen))
    rows = [row_of(crop, poses, estimators) for crop, *poses in zip(chosen, *found, strict=True)]
    coded = cv2.imencode(".png", cv2.cvtColor(np.vstack(rows), cv2.COLOR_RGB2BGR))[1]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(coded.tobytes())
