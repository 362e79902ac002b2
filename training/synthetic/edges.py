"""What a crop shows beyond the frame: the frame's edge drawn out, as the product cuts it (`engine.blazepose.warp.cut`).

A crop is drawn without its frame, so the renderer also fills what no camera has seen. Here that is put right.
"""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.body.crop import inverted, transformed
from training.avatar import Floats
from training.kinematics import Array
from training.synthetic.scene import NOBODY, Drawn, Viewpoint

Maps = tuple[Floats, Floats]
"""x and y of many places, single precision: a ten-thousandth of a pixel in a frame of 2,000."""

_ROUNDS = 6
"""Of going back and forth between frame and crop for places that lie in neither; they are corners of the picture."""


def outside_frame(view: Viewpoint) -> NDArray[np.bool_]:
    """(size, size) True where a pixel of the crop lies beyond the centres of the frame's outermost pixels."""
    return _outside(_frame_places(view), view)


def with_edges_repeated(drawn: Drawn, view: Viewpoint) -> Drawn:
    """The crop with its pixels outside the frame replaced by the colour at the frame's edge; nobody is seen there.

    A place at the edge that lies beyond the crop takes the nearest one that is in both. Apply after the camera's flaws,
    for noise is repeated too. Where the frame reaches around the crop, `drawn` itself is returned; a crop that lies
    outside the frame altogether keeps its colours and shows nobody.
    """
    if not _outside(_corners(view), view).any():
        return drawn
    places = _frame_places(view)
    outside = _outside(places, view)
    depth_mm, owner = drawn.depth_mm.copy(), drawn.owner.copy()
    depth_mm[outside], owner[outside] = np.inf, NOBODY
    image_rgb = drawn.image_rgb
    if outside.any() and not outside.all():
        columns, rows = _sources(places, view)
        moved = cv2.remap(image_rgb, columns, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        image_rgb = np.where(outside[..., None], np.asarray(moved, np.uint8), image_rgb)
    return replace(drawn, image_rgb=image_rgb, depth_mm=depth_mm, owner=owner)


def _sources(places: Maps, view: Viewpoint) -> Maps:
    """Places in the frame's axes -> the pixels of the crop that show the frame's edge there."""
    crop_from_frame, side = inverted(view.frame_from_crop), view.crop_size_px - 1
    # So far inside that the four pixels between which is sampled are inside too: at most one and a half of the crop's.
    last = np.array(view.camera.size_wh) - 1.0
    inset = np.minimum(np.abs(view.frame_from_crop[:, :2]).sum(axis=1), last / 2)
    low, high = inset, last - inset
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


def _frame_places(view: Viewpoint) -> Maps:
    """(size, size) each: where in the frame the crop's pixel centres lie."""
    (xx, xy, x0), (yx, yy, y0) = view.frame_from_crop.astype(np.float32)
    steps = np.arange(view.crop_size_px, dtype=np.float32)
    return np.add.outer(xy * steps + x0, xx * steps), np.add.outer(yy * steps + y0, yx * steps)


def _corners(view: Viewpoint) -> Maps:
    last = view.crop_size_px - 1.0
    x, y = transformed([[0.0, 0.0], [last, 0.0], [0.0, last], [last, last]], view.frame_from_crop).astype(np.float32).T
    return x, y


def _moved(places: Maps, affine: Array) -> Maps:
    (xx, xy, x0), (yx, yy, y0) = affine.astype(np.float32)
    x, y = places
    return xx * x + xy * y + x0, yx * x + yy * y + y0


def _clipped(places: Maps, low: Array, high: Array) -> Maps:
    x, y = (np.clip(axis, np.float32(a), np.float32(b)) for axis, a, b in zip(places, low, high, strict=True))
    return x, y


def _outside(places: Maps, view: Viewpoint) -> NDArray[np.bool_]:
    (x, y), (width, height) = places, view.camera.size_wh
    return np.asarray((x < 0) | (x > width - 1) | (y < 0) | (y > height - 1))
