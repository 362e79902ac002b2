from itertools import pairwise

import pytest

from realtime.windows import around, coarse_tiles, fine_tiles, whole

SIZES = [(1768, 994), (720, 1280), (640, 480), (500, 500), (3840, 800)]


@pytest.mark.parametrize("size", SIZES)
def test_the_whole_window_holds_the_picture_in_its_middle(size):
    window = whole(size)
    assert window.side_px == max(size)
    assert window.middle_px == (size[0] / 2, size[1] / 2)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("tiles_of", [coarse_tiles, fine_tiles])
def test_tiles_cover_the_picture_and_overlap(size, tiles_of):
    tiles = tiles_of(size)
    if not tiles:
        assert tiles_of is fine_tiles or max(size) < 1.2 * min(size)
        return
    side = tiles[0].side_px
    for axis, length in enumerate(size):
        starts = sorted({(tile.left_px, tile.top_px)[axis] for tile in tiles})
        assert starts[0] == 0
        assert starts[-1] + side == pytest.approx(length)
        assert all(after - before <= 0.6 * side + 1e-6 for before, after in pairwise(starts))


def test_the_window_around_a_point_has_it_in_its_middle():
    assert around((100.0, 40.0), 64).middle_px == (100.5, 40.5)  # the middle of pixel (100, 40)
