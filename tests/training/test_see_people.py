"""What is said of a network's tensors is what they hold, and the detector is shown people of several sizes."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from engine.blazepose.eight_bits import needed_of
from engine.blazepose.networks import detector_graph
from engine.blazepose.simplify import simplified
from engine.blazepose.warp import detector_input
from training.see_people import seen_by, shown_to_detector


def test_the_detector_sees_one_four_and_nine_crops(tmp_path: Path) -> None:
    crops = [np.full((256, 256, 3), level, np.uint8) for level in range(10, 70, 10)]
    pictures = list(shown_to_detector(crops))
    assert [picture.shape for picture in pictures] == [(224, 224, 3)] * 6
    assert [len(np.unique(picture[8::16, 8::16])) for picture in pictures[:2]] == [1, 4]
    assert len(np.unique(pictures[2][8::16, 8::16])) >= 5


def test_ranges_hold_what_is_seen_and_zero(networks_dir: Path) -> None:
    graph = simplified(detector_graph(networks_dir))
    rng = np.random.default_rng(0)
    pictures = [rng.integers(0, 256, (224, 224, 3), dtype=np.uint8) for _ in range(3)]
    seen = seen_by(graph, map(detector_input, pictures))
    assert sorted(seen) == needed_of(graph)
    for tensor, each in seen.items():
        assert each.low.shape == each.high.shape == each.mean.shape == (graph.shapes[tensor][-1],)
        assert (each.low <= 0).all() and (each.high >= 0).all()
        assert (each.mean >= each.low - 1e-3).all() and (each.mean <= each.high + 1e-3).all()
