"""What a crop shows beyond the frame: the frame's edge drawn out, as the product cuts it (`engine.blazepose.warp.cut`).

A crop is drawn without its frame, so the renderer also fills what no camera has seen. Here that is put right.
"""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.body.crop import inverted, transformed
from training.kinematics import Array
from training.synthetic.scene import NOBODY, Drawn, Viewpoint

_ROUNDS = 12
"""Of going back and forth between frame and crop for places that lie in neither; they are corners of the picture."""


def frame_px(view: Viewpoint) -> Array:
    """(size, size, 2) where in the frame the crop's pixel centres lie."""
    steps = np.arange(view.crop_size_px, dtype=np.float64)
    grid = np.stack(np.meshgrid(steps, steps), axis=-1)
    return transformed(grid, view.frame_from_crop)


def outside_frame(view: Viewpoint) -> NDArray[np.bool_]:
    """(size, size) True where a pixel of the crop lies beyond the centres of the frame's outermost pixels."""
    return _outside(frame_px(view), _last(view))


def with_edges_repeated(drawn: Drawn, view: Viewpoint) -> Drawn:
    """The crop with its pixels outside the frame replaced by the colour at the frame's edge; nobody is seen there.

    A place at the edge that lies beyond the crop takes the nearest one that is in both. Apply after the camera's flaws,
    for noise is repeated too. Where the frame reaches around the crop, `drawn` itself is returned; a crop that lies
    outside the frame altogether keeps its colours and shows nobody.
    """
    places, last = frame_px(view), _last(view)
    outside = _outside(places, last)
    if not outside.any():
        return drawn
    depth_mm, owner = drawn.depth_mm.copy(), drawn.owner.copy()
    depth_mm[outside], owner[outside] = np.inf, NOBODY
    image_rgb = drawn.image_rgb
    if not outside.all():
        image_rgb = image_rgb.copy()
        image_rgb[outside] = _colours(drawn.image_rgb, places[outside], view, last)
    return replace(drawn, image_rgb=image_rgb, depth_mm=depth_mm, owner=owner)


def _colours(image_rgb: NDArray[np.uint8], places: Array, view: Viewpoint, last: Array) -> NDArray[np.uint8]:
    """(n, 3) colours for (n, 2) places in the frame's axes outside of it."""
    crop_from_frame, side = inverted(view.frame_from_crop), view.crop_size_px - 1
    # So far inside that the four pixels between which is sampled are inside too: at most one and a half of the crop's.
    inset = np.minimum(np.abs(view.frame_from_crop[:, :2]).sum(axis=1), last / 2)
    places = np.clip(places, inset, last - inset)
    pixels = transformed(places, crop_from_frame)
    lost = ((pixels < 0) | (pixels > side)).any(axis=1)
    if lost.any():
        found = pixels[lost]
        for _ in range(_ROUNDS):  # projections onto two convex sets in turn end in both (Bregman 1965)
            clipped = np.clip(transformed(np.clip(found, 0, side), view.frame_from_crop), inset, last - inset)
            found = transformed(clipped, crop_from_frame)
        pixels[lost] = found
    columns, rows = np.clip(pixels, 0, side).astype(np.float32).T
    # remap takes fewer than 32,768 rows, and answers in the shape of its maps.
    width = view.crop_size_px
    padded = -len(columns) % width
    maps = [np.pad(axis, (0, padded), mode="edge").reshape(-1, width) for axis in (columns, rows)]
    sampled = cv2.remap(image_rgb, maps[0], maps[1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(sampled, np.uint8).reshape(-1, 3)[: len(columns)]


def _last(view: Viewpoint) -> Array:
    return np.array(view.camera.size_wh, np.float64) - 1


def _outside(places: Array, last: Array) -> NDArray[np.bool_]:
    return np.asarray(((places < 0) | (places > last)).any(axis=-1))
