"""From what the device drew to a crop: shrunk, laid over the background, in sRGB."""

from __future__ import annotations

import cv2
import moderngl
import numpy as np
from numpy.typing import NDArray

from training.avatar import Floats
from training.synthetic.extent import Piece
from training.synthetic.light import SRGB_OF_ROOT
from training.synthetic.scene import NOBODY, Drawn

_DEPTH_STEPS_PER_MM = 64


def finished(
    backdrop: NDArray[np.uint8], size_px: int, fine: moderngl.Framebuffer | None, piece: Piece | None
) -> Drawn:
    """The crop of `backdrop` (side, side, 4) roots and, over a piece of it, what `fine` holds.

    `fine` is colour with coverage and packed surfaces, two samples a pixel.
    """
    roots = cv2.cvtColor(backdrop, cv2.COLOR_RGBA2RGB)
    if len(backdrop) != size_px:
        roots = cv2.resize(roots, (size_px, size_px), interpolation=cv2.INTER_CUBIC)
    depth_mm = np.full((size_px, size_px), np.inf, np.float32)
    owner = np.full((size_px, size_px), NOBODY, np.uint8)
    if fine is not None and piece is not None:
        where, shape = piece.rows_columns, (fine.height, fine.width)
        colour = np.frombuffer(fine.read(components=4, alignment=1), np.uint8).reshape(*shape, 4)
        packed = np.frombuffer(fine.read(components=1, attachment=1, alignment=1, dtype="u4"), np.uint32)
        roots[where] = _over(colour, np.asarray(roots[where], np.uint8))
        depth_mm[where], owner[where] = _surface(packed.reshape(shape))
    return Drawn(np.asarray(cv2.LUT(roots, SRGB_OF_ROOT), np.uint8), depth_mm, owner)


def _surface(packed: NDArray[np.uint32]) -> tuple[Floats, NDArray[np.uint8]]:
    """Depth and owner of every pixel's centre."""
    surface = np.ascontiguousarray(packed[::2, ::2])
    depth_mm = np.multiply(surface >> np.uint32(8), np.float32(1 / _DEPTH_STEPS_PER_MM), dtype=np.float32)
    np.copyto(depth_mm, np.float32(np.inf), where=depth_mm == 0)
    return depth_mm, ~surface.astype(np.uint8)


def _over(colour: NDArray[np.uint8], behind: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """(height, width, 3) roots."""
    before = np.asarray(cv2.pyrDown(colour), np.uint8)  # the binomial 1 4 6 4 1: its middle is the pixel's centre
    uncovered = cv2.merge([~before[..., 3]] * 3)
    roots = cv2.add(cv2.cvtColor(before, cv2.COLOR_RGBA2RGB), cv2.multiply(behind, uncovered, scale=1 / 255))
    return np.asarray(roots, np.uint8)
