"""The patch covers its square and nothing else, at every position of the protocol."""

from __future__ import annotations

import numpy as np
import pytest

from training.sliding_patch import PATCHES_PX, outside_patch, patch_positions
from training.synthetic.patches import patch_texture, patched


@pytest.mark.parametrize("patch_px", PATCHES_PX)
def test_the_square_and_only_the_square_is_covered(patch_px: int) -> None:
    picture, texture = np.full((256, 192, 3), 7, np.uint8), np.full((96, 96, 3), 200, np.uint8)
    pixels = np.stack(np.meshgrid(np.arange(192), np.arange(256)), axis=-1).reshape(1, -1, 2)
    for corner in patch_positions((192, 256), patch_px)[::17]:
        image = patched(picture, corner, patch_px, texture)
        free = outside_patch(pixels, corner, patch_px).reshape(256, 192)
        assert (image[free] == 7).all() and (image[~free] == 200).all()
    assert (picture == 7).all()


def test_the_texture_is_whole_and_always_the_same() -> None:
    photograph = np.random.default_rng(1).integers(0, 255, (60, 80, 3)).astype(np.uint8)
    assert np.array_equal(patch_texture(2, photographs=[photograph]), patch_texture(2, photographs=[photograph]))
    assert np.array_equal(patch_texture(), patch_texture())
    assert not np.array_equal(patch_texture(0), patch_texture(1))
    texture = patch_texture(5)
    assert texture.shape == (96, 96, 3) and texture.dtype == np.uint8


def test_a_patch_beside_the_picture_is_refused() -> None:
    picture = np.zeros((256, 192, 3), np.uint8)
    with pytest.raises(ValueError, match="covers nothing"):
        patched(picture, np.array([192, 0]), 40, patch_texture())
    with pytest.raises(ValueError, match="covers nothing"):
        patched(picture, np.array([0, 0]), 0, patch_texture())
