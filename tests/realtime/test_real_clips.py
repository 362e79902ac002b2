"""The real clips give every frame that their containers announce."""

from pathlib import Path

import pytest

from realtime.frame import Frame, SourceEvent
from realtime.frame_source import SourceOptions
from realtime.sources import open_source


@pytest.mark.parametrize(
    ("file", "count", "rate_hz"),
    [
        ("squats_720x1280.mp4", 65, 5.0),
        ("outdoor_walk_1768x994.mp4", 230, 30.0),
        pytest.param("office_people_768x432.mp4", 1394, 10.0, marks=pytest.mark.slow),
    ],
)
def test_every_frame_of_a_real_clip(file: str, count: int, rate_hz: float, shared_dir: Path) -> None:
    seen = 0
    with open_source(str(shared_dir / "data" / "clips" / file), SourceOptions(pace="max")) as source:
        assert (source.frame_count, source.rate_hz) == (count, rate_hz)
        while isinstance(item := source.read(30.0), Frame):
            assert item.index == seen
            assert item.media_time_s == pytest.approx(seen / rate_hz, abs=1e-6)
            seen += 1
    assert seen == count
    assert isinstance(item, SourceEvent)
    assert item.kind == "ended"
