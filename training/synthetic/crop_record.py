"""One crop as two small files: the picture as JPEG, everything else as JSON.

JSON and not arrays in .npz: any tool reads it, nothing in it can run, 1.8 kB instead of 1.4 kB beside a picture of 15
to 40 kB, and it reads ten times faster (0.1 against 1.2 ms). Numbers come back exactly: a JSON number holds every
float32 and float64.
"""

from __future__ import annotations

import json
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.body.camera import Camera
from engine.body.skeleton import H36M17
from training.synthetic.scene import Crop

_JPEG = (cv2.IMWRITE_JPEG_QUALITY, 92, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444)
"""Full colour resolution: thin sleeves keep their edge. 44 dB on clean pictures; quality 95 costs 35 to 50 % more."""

_JOINTS = len(H36M17.names)
_SHAPES = {"joints_mm": (_JOINTS, 3), "root_mm": (3,), "joints_px": (_JOINTS, 2)}


class RecordError(ValueError):
    """A crop's files do not hold a crop; the text says which part and why."""


def encoded(crop: Crop) -> tuple[bytes, bytes]:
    """JPEG and JSON of a crop. RecordError for numbers that are not finite."""
    done, jpeg = cv2.imencode(".jpg", cv2.cvtColor(crop.image_rgb, cv2.COLOR_RGB2BGR), _JPEG)
    assert done, "a crop's picture is (height, width, 3) uint8"
    fields = {name: np.asarray(getattr(crop, name), np.float32).tolist() for name in _SHAPES}
    fields["visible"] = [int(seen) for seen in crop.visible]
    fields["camera"] = _camera_fields(crop.camera)
    fields["frame_from_crop"] = crop.frame_from_crop.tolist()
    fields["about"] = dict(crop.about)
    try:
        text = json.dumps(fields, separators=(",", ":"), allow_nan=False, default=_plain)
    except ValueError as error:
        raise RecordError(f"a number is not finite ({error}); {dict(crop.about)}") from error
    return jpeg.tobytes(), text.encode()


def decoded(jpeg: bytes, text: bytes) -> Crop:
    """The crop of two files. RecordError where they do not hold one."""
    image_bgr = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR) if jpeg else None
    if image_bgr is None:
        raise RecordError("the picture is no JPEG")
    image_rgb: Any = cv2.cvtColor(image_bgr, cv2.COLOR_BGR2RGB)
    try:
        fields = json.loads(text)
        return Crop(
            image_rgb=image_rgb,
            **{name: _array(fields[name], shape, name=name).astype(np.float32) for name, shape in _SHAPES.items()},
            visible=_array(fields["visible"], (_JOINTS,), name="visible").astype(bool),
            camera=_camera(fields["camera"]),
            frame_from_crop=_array(fields["frame_from_crop"], (2, 3), name="frame_from_crop"),
            about={str(key): value for key, value in fields["about"].items()},
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        what = f"no {error}" if isinstance(error, KeyError) else str(error)
        raise RecordError(f"the truth beside the picture is unreadable ({what})") from error


def _camera_fields(camera: Camera) -> dict[str, Any]:
    return {
        "focal_px": camera.focal_px,
        "centre_px": camera.centre_px,
        "size_wh": camera.size_wh,
        "distortion": camera.distortion,
        "source": camera.source,
    }


def _camera(fields: dict[str, Any]) -> Camera:
    fx, fy = (float(value) for value in fields["focal_px"])
    cx, cy = (float(value) for value in fields["centre_px"])
    width, height = (int(value) for value in fields["size_wh"])
    k1, k2, p1, p2, k3 = (float(value) for value in fields["distortion"])
    return Camera((fx, fy), (cx, cy), (width, height), str(fields["source"]), (k1, k2, p1, p2, k3))


def _array(value: Any, shape: tuple[int, ...], *, name: str) -> NDArray[np.float64]:
    array = np.asarray(value, np.float64)
    if array.shape != shape or not np.isfinite(array).all():
        raise ValueError(f"{name} is not {shape} finite numbers")
    return array


def _plain(value: object) -> object:
    """NumPy's scalars in `about` as Python's own."""
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"{type(value).__name__} is neither text nor a number")
