"""What a crop shows beyond the frame: the frame's edge drawn out, as the product cuts it (`engine.blazepose.warp.cut`).

A crop is drawn without its frame, so the renderer also fills what no camera has seen. Here that is put right.
"""

from __future__ import annotations

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

Maps = tuple[Floats, Floats]
"""x and y of many places, single precision: a ten-thousandth of a pixel in a frame of 2,000."""

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
    low, high = _rim(view)
    reach = view.crop_size_px * np.maximum(view.frame_from_crop[:, :2], 0).sum(axis=1) + view.frame_from_crop[:, 2]
    back = view.crop_size_px * np.minimum(view.frame_from_crop[:, :2], 0).sum(axis=1) + view.frame_from_crop[:, 2]
    begin, end = np.clip(back, low, high), np.clip(reach, low, high)
    width, height = (np.ceil((end - begin) / scale * _FINENESS).astype(int) + 2).tolist()
    step = np.maximum(end - begin, scale / 100) / (width - 1, height - 1)
    x, y = begin[0] + step[0] * np.arange(width), begin[1] + step[1] * np.arange(height)
    xs = np.concatenate([x, x, np.full(height, x[0]), np.full(height, x[-1])])
    ys = np.concatenate([np.full(width, y[0]), np.full(width, y[-1]), y, y])
    columns, rows = _sources((xs.astype(np.float32), ys.astype(np.float32)), view)
    colours = cv2.remap(cv2.cvtColor(image_rgb, cv2.COLOR_RGB2RGBA), columns, rows, cv2.INTER_LINEAR)
    sides = np.split(np.asarray(colours, np.uint8).reshape(-1, 4), np.cumsum([width, width, height]))
    upright = np.empty((height, width, 4), np.uint8)  # within the rim nothing is looked at
    upright[0], upright[-1], upright[:, 0], upright[:, -1] = sides
    upright_from_crop = (
        np.column_stack([view.frame_from_crop[:, :2], view.frame_from_crop[:, 2] - begin]) / step[:, None]
    )
    drawn_out = cv2.warpAffine(
        upright, upright_from_crop, image_rgb.shape[:2], flags=_NEAREST, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(cv2.cvtColor(drawn_out, cv2.COLOR_RGBA2RGB), np.uint8)


def _rim(view: Viewpoint) -> tuple[Array, Array]:
    """Least and greatest x and y so far inside the frame that the four pixels between which is sampled are inside too.

    That is at most one and a half of the crop's pixels.
    """
    last = np.array(view.camera.size_wh) - 1.0
    inset = np.minimum(np.abs(view.frame_from_crop[:, :2]).sum(axis=1), last / 2)
    return inset, last - inset


def _sources(places: Maps, view: Viewpoint) -> Maps:
    """Places in the frame's axes -> the pixels of the crop that show the frame's edge there."""
    crop_from_frame, side = inverted(view.frame_from_crop), view.crop_size_px - 1
    low, high = _rim(view)
    columns, rows = _moved(_clipped(places, low, high), crop_from_frame)
    lost = (columns < 0) | (columns > side) | (rows < 0) | (rows > side)
    if lost.any():
        found = columns[lost], rows[lost]
        edges = np.zeros(2), np.full(2, side)
        for _ in range(_ROUNDS):  # projections onto two convex sets in turn end in both (Bregman 1965)
            back = _clipped(_moved(_clipped(found, *edges), view.frame_from_crop), low, high)
            found = _moved(back, crop_from_frame)
        columns[lost], rows[lost] = found
    return columns, rows


def _moved(places: Maps, affine: Array) -> Maps:
    (xx, xy, x0), (yx, yy, y0) = affine.astype(np.float32)
    x, y = places
    return xx * x + xy * y + x0, yx * x + yy * y + y0


def _clipped(places: Maps, low: Array, high: Array) -> Maps:
    x, y = (
        np.minimum(np.maximum(axis, np.float32(a)), np.float32(b)) for axis, a, b in zip(places, low, high, strict=True)
    )
    return x, y
