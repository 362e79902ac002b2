import itertools
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from training.data_directory import DataDirectory

for module in ("moderngl", "meshoptimizer", "av"):
    pytest.importorskip(module, reason="the extra 'data' is not installed")
from training.demo_clip import ClipPlan, render_clip, write_clip  # noqa: E402
from training.render import RenderError  # noqa: E402

BUNDLED = Path(__file__).parents[2] / "realtime" / "demo.mp4"


def decoded(path: Path) -> list[np.ndarray]:
    capture = cv2.VideoCapture(str(path))
    frames = list(itertools.takewhile(lambda frame: frame is not None, (capture.read()[1] for _ in itertools.count())))
    capture.release()
    return frames


def test_the_bundled_clip_is_small_and_opencv_reads_all_of_it() -> None:
    plan = ClipPlan()
    frames = decoded(BUNDLED)
    assert BUNDLED.stat().st_size < 1_000_000
    assert len(frames) == plan.frames[1] - plan.frames[0]
    assert all(frame.shape[1::-1] == plan.size_wh for frame in frames)


def test_a_clip_is_written_from_data_and_repeats_exactly(shared_dir: Path, tmp_path: Path) -> None:
    plan = replace(ClipPlan(), frames=(230, 233), size_wh=(160, 120))
    data = DataDirectory(shared_dir / "data")
    try:
        frames = list(render_clip(data, plan))
    except RenderError as error:
        pytest.skip(str(error))
    np.testing.assert_array_equal(frames, list(render_clip(data, plan)))
    assert write_clip(iter(frames), tmp_path / "clip.mp4", size_wh=plan.size_wh, rate_hz=30) == 3
    for frame, read in zip(frames, decoded(tmp_path / "clip.mp4"), strict=True):
        assert np.abs(frame.astype(int) - read[..., ::-1]).mean() < 6
