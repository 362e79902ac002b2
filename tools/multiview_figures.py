"""Pictures of what `di2pose evaluate multiview` measured: a sheet of frames per camera, and a chart of the errors."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from realtime.overlay import drawn
from tools.multiview import Measured, Prepared, frames_of
from training.multiview_figures import error_chart, sheet, with_reference
from training.multiview_score import Scored

SHEET_FRAMES = 9


def write_figures(directory: Path, ready: Prepared, results: Sequence[Scored], people: Sequence[Measured]) -> None:
    """`view_ID.png` for every camera that has a reference, and `errors.png`, as docs/multiview.md explains them."""
    directory.mkdir(parents=True, exist_ok=True)
    for row, view in enumerate(ready.recording.views):
        mine = [result for result in results if result.view == row]
        if mine:
            chosen = [mine[at] for at in np.unique(np.linspace(0, len(mine) - 1, SHEET_FRAMES).round().astype(int))]
            _write(directory / f"view_{view.name}.png", sheet(_pictures(ready, chosen, people[row], row=row)))
    _write(directory / "errors.png", error_chart(results))


def _pictures(ready: Prepared, chosen: Sequence[Scored], people: Measured, *, row: int) -> list[NDArray[np.uint8]]:
    view, moments = ready.recording.views[row], [result.moment for result in chosen]
    patches = None if ready.patches is None else [ready.patches[row][moment] for moment in moments]
    frames = frames_of(view, ready.moments.frames[moments, row], patches=patches)
    return [
        with_reference(drawn(frame.image_rgb, people[result.moment]), view, result)
        for frame, result in zip(frames, chosen, strict=True)
    ]


def _write(path: Path, picture: NDArray[np.uint8]) -> None:
    coded = cv2.imencode(".png", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))[1]
    path.write_bytes(coded.tobytes())
