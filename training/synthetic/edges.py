"""What a crop shows beyond the frame: the frame's edge drawn out, as the product cuts it (`engine.blazepose.warp.cut`).

A crop is drawn without its frame, so the renderer also fills what no camera has seen. Here that is put right.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.body.crop import inverted
from training.avatar import Floats
from training.kinematics import Array
from training.synthetic.scene import NOBODY, Drawn, Viewpoint

Pixels = TypeVar("Pixels", NDArray[np.uint8], Floats)

_ROUNDS = 6
"""Of going back and forth between frame and crop for places that lie in neither; they are corners of the picture."""
_FINENESS = 2
"""Points of the rim for one pixel of the crop."""
_NEAREST = cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP
"""On the fine rim, once more between pixels would blur it."""
_LEVEL = 1e-12
"""Stands for a slope of zero, so that a row parallel to the frame's side lies all within or all beyond it."""


def outside_frame(view: Viewpoint) -> NDArray[np.bool_]:
    """(size, size) True where a pixel of the crop lies beyond the centres of the frame's outermost pixels."""
    first, last = _inner_columns(view)
    columns = np.arange(view.crop_size_px, dtype=np.int16)
    return np.asarray((columns < first[:, None]) | (columns > last[:, None]))


def with_edges_repeated(drawn: Drawn, view: Viewpoint) -> Drawn:
    """The crop with its pixels outside the frame replaced by the colour at the frame's edge; nobody is seen there.

    A place at the edge that lies beyond the crop takes the nearest one that is in both. Apply after the camera's flaws,
    for noise is repeated too. Where the frame reaches around the crop, `drawn` itself is returned; a crop that lies
    outside the frame altogether keeps its colours and shows nobody.
    """
    if _reaches_around(view):
        return drawn
    outside = outside_frame(view)
    image_rgb, share = drawn.image_rgb, cv2.countNonZero(outside.view(np.uint8)) / outside.size
    if 0 < share < 1:
        image_rgb = _laid_over(image_rgb, _drawn_out(image_rgb, view), outside)
    beyond = np.full(outside.shape, np.inf, np.float32)
    nobody = np.full(outside.shape, NOBODY, np.uint8)
    depth_mm, owner = _laid_over(drawn.depth_mm, beyond, outside), _laid_over(drawn.owner, nobody, outside)
    return replace(drawn, image_rgb=image_rgb, depth_mm=depth_mm, owner=owner)


def _laid_over(below: Pixels, above: Pixels, where: NDArray[np.bool_]) -> Pixels:
    """A copy of one picture, with pixels of another; OpenCV is ten times as fast as NumPy."""
    both = below.copy()
    cv2.copyTo(above, where.view(np.uint8), both)
    return both


def _reaches_around(view: Viewpoint) -> bool:
    (width, height), last = view.camera.size_wh, view.crop_size_px - 1
    for (along, down, start), end in zip(view.frame_from_crop.tolist(), (width - 1, height - 1), strict=True):
        if (
            start + last * (min(along, 0.0) + min(down, 0.0)) < 0
            or start + last * (max(along, 0.0) + max(down, 0.0)) > end
        ):
            return False
    return True


def _inner_columns(view: Viewpoint) -> tuple[NDArray[np.int16], NDArray[np.int16]]:
    """First and last column of each row of the crop that lie in the frame: it is convex."""
    size = view.crop_size_px
    rows = np.arange(size)
    first, last = np.zeros(size), np.full(size, size - 1.0)
    for (along, down, start), side in zip(view.frame_from_crop.tolist(), view.camera.size_wh, strict=True):
        slope = along if abs(along) > _LEVEL else _LEVEL
        begins = (-start - down * rows) / slope
        ends = begins + (side - 1) / slope
        first = np.maximum(first, np.minimum(begins, ends))
        last = np.minimum(last, np.maximum(begins, ends))
    whole_first, whole_last = np.ceil(np.minimum(first, size)), np.floor(np.maximum(last, -1.0))
    return whole_first.astype(np.int16), whole_last.astype(np.int16)


def _drawn_out(image_rgb: NDArray[np.uint8], view: Viewpoint) -> NDArray[np.uint8]:
    """(size, size, 3) right beyond the frame: its rim, upright and twice as fine as the crop, repeated outwards."""
    scale = float(np.hypot(*view.frame_from_crop[:, 0]))
    begin, end = _seen_part(view)
    scale = math.hypot(*view.frame_from_crop[:, 0].tolist())
    width, height = (math.ceil(length) + 2 for length in ((end - begin) * (_FINENESS / scale)).tolist())
    step = np.maximum(end - begin, scale / 100) / (width - 1, height - 1)
    rim = np.empty((2, 2 * (width + height)), np.float32)
    across, down, last = slice(0, width), slice(2 * width, 2 * width + height), end.astype(np.float32)
    rim[0], rim[1] = begin
    rim[0, across] = rim[0, width : 2 * width] = begin[0] + step[0] * np.arange(width)
    rim[1, down] = rim[1, 2 * width + height :] = begin[1] + step[1] * np.arange(height)
    rim[1, width : 2 * width], rim[0, 2 * width + height :] = last[1], last[0]
    columns, rows = _sources(rim, view)
    colours = cv2.remap(cv2.cvtColor(image_rgb, cv2.COLOR_RGB2RGBA), columns, rows, cv2.INTER_LINEAR)
    colours = np.asarray(colours, np.uint8).reshape(-1, 4)
    upright = np.empty((height, width, 4), np.uint8)  # within the rim nothing is looked at
    upright[0], upright[-1] = colours[across], colours[width : 2 * width]
    upright[:, 0], upright[:, -1] = colours[down], colours[2 * width + height :]
    upright_from_crop = (
        np.column_stack([view.frame_from_crop[:, :2], view.frame_from_crop[:, 2] - begin]) / step[:, None]
    )
    drawn_out = cv2.warpAffine(
        upright, upright_from_crop, image_rgb.shape[:2], flags=_NEAREST, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(cv2.cvtColor(drawn_out, cv2.COLOR_RGBA2RGB), np.uint8)


def _seen_part(view: Viewpoint) -> tuple[Array, Array]:
    """Least and greatest x and y of the part within the rim that a box around the crop holds."""
    low, high = _rim(view)
    ways, start = view.crop_size_px * view.frame_from_crop[:, :2], view.frame_from_crop[:, 2]
    least, most = start + np.minimum(ways, 0).sum(axis=1), start + np.maximum(ways, 0).sum(axis=1)
    return np.minimum(np.maximum(least, low), high), np.minimum(np.maximum(most, low), high)


def _rim(view: Viewpoint) -> tuple[Array, Array]:
    """Least and greatest x and y so far inside the frame that the four pixels between which is sampled are inside too.

    That is at most one and a half of the crop's pixels.
    """
    last = np.array(view.camera.size_wh) - 1.0
    inset = np.minimum(np.abs(view.frame_from_crop[:, :2]).sum(axis=1), last / 2)
    return inset, last - inset


def _sources(places: Floats, view: Viewpoint) -> Floats:
    """(2, n) places on the rim, x and y -> (2, n) pixels of the crop that show them, or the nearest in both."""
    low, high = (bound[:, None].astype(np.float32) for bound in _rim(view))
    into_frame, into_crop = (
        affine.astype(np.float32) for affine in (view.frame_from_crop, inverted(view.frame_from_crop))
    )
    side = np.float32(view.crop_size_px - 1)
    pixels = _moved(places, into_crop)
    lost = np.flatnonzero(((pixels < 0) | (pixels > side)).any(axis=0))
    if len(lost):
        found = pixels[:, lost]
        for _ in range(_ROUNDS):  # projections onto two convex sets in turn end in both (Bregman 1965)
            back = _moved(np.minimum(np.maximum(found, np.float32(0)), side), into_frame)
            found = _moved(np.minimum(np.maximum(back, low), high), into_crop)
        pixels[:, lost] = found
    return pixels


def _moved(places: Floats, affine: Floats) -> Floats:
    return affine[:, :2] @ places + affine[:, 2:]
