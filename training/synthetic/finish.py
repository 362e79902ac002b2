"""From what the device drew to a crop: shrunk, laid over the background, in sRGB."""

from __future__ import annotations

import cv2
import moderngl
import numpy as np
from numpy.typing import NDArray

from training.synthetic.light import SRGB_OF_ROOT
from training.synthetic.scene import Drawn

_DEPTH_STEPS_PER_MM = 64


def finished(fine: moderngl.Framebuffer, backdrop: NDArray[np.uint8], size_px: int) -> Drawn:
    """`fine` holds colour with coverage and packed surfaces, two samples a pixel; `backdrop` (side, side, 4) roots."""
    samples = fine.width
    colour = np.frombuffer(fine.read(components=4, alignment=1), np.uint8).reshape(samples, samples, 4)
    packed = np.frombuffer(fine.read(components=1, attachment=1, alignment=1, dtype="u4"), np.uint32)
    surface = np.ascontiguousarray(packed.reshape(samples, samples)[::2, ::2])
    depth_mm = np.multiply(surface >> np.uint32(8), np.float32(1 / _DEPTH_STEPS_PER_MM), dtype=np.float32)
    np.copyto(depth_mm, np.float32(np.inf), where=depth_mm == 0)
    return Drawn(_picture(colour, backdrop, size_px), depth_mm, ~surface.astype(np.uint8))


def _picture(colour: NDArray[np.uint8], backdrop: NDArray[np.uint8], size_px: int) -> NDArray[np.uint8]:
    """(size, size, 3) sRGB."""
    before = np.asarray(cv2.pyrDown(colour), np.uint8)  # the binomial 1 4 6 4 1: its middle is the pixel's centre
    behind = cv2.cvtColor(backdrop, cv2.COLOR_RGBA2RGB)
    if len(backdrop) != size_px:
        behind = cv2.resize(behind, (size_px, size_px), interpolation=cv2.INTER_CUBIC)
    uncovered = cv2.merge([~before[..., 3]] * 3)
    roots = cv2.add(cv2.cvtColor(before, cv2.COLOR_RGBA2RGB), cv2.multiply(behind, uncovered, scale=1 / 255))
    return np.asarray(cv2.LUT(roots, SRGB_OF_ROOT), np.uint8)
