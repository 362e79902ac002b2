"""The camera: projection between millimetres in camera axes and pixels of the full frame.

Axes: x right, y down, z forward (OpenCV). Pixels: the centre of the first pixel is (0, 0).
"""

from __future__ import annotations

import math
import tomllib
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

DEFAULT_FOV_DEG = 55.0
"""Assumed field of view along the longer image side, as MeTRAbs assumes where none is given."""

_UNDISTORT_STEPS = 20
_UNDISTORTED = 1e-12
"""At z = 1: far below any pixel."""
_WIDEST = 10.0
"""Rays end at 84 degrees from the axis: at z = 1 no pixel lies farther out than this."""
_ONE_TO_ONE = 0.98
"""Share of the radius where a lens model turns back that is used: at the radius itself its slope is zero."""


class CameraError(ValueError):
    """A camera file or an intrinsic value cannot be used; the text names the value and the cure."""


@dataclass(frozen=True, slots=True)
class Camera:
    """Pinhole intrinsics with OpenCV's five-term distortion (k1, k2, p1, p2, k3)."""

    focal_px: tuple[float, float]
    centre_px: tuple[float, float]
    size_wh: tuple[int, int]
    source: str
    """Where the intrinsics come from, stated in every stream: 'file NAME' or 'assumed 55 deg'."""
    distortion: tuple[float, float, float, float, float] = (0.0, 0.0, 0.0, 0.0, 0.0)

    def __post_init__(self) -> None:
        numbers = (*self.focal_px, *self.centre_px, *self.distortion)
        if not all(math.isfinite(number) for number in numbers):
            raise CameraError(f"camera values must be finite numbers, got {numbers}")
        if min(self.focal_px) <= 0:
            raise CameraError(f"focal length must be positive pixels, got {self.focal_px}")
        if min(self.size_wh) <= 0:
            raise CameraError(f"image size must be positive pixels, got {self.size_wh}")

    @classmethod
    def from_fov(cls, size_wh: tuple[int, int], fov_deg: float = DEFAULT_FOV_DEG) -> Camera:
        """A camera without distortion whose view spans `fov_deg` along the longer image side."""
        if not 1.0 <= fov_deg <= 170.0:
            raise CameraError(f"field of view must lie in 1..170 degrees, got {fov_deg}")
        focal = max(size_wh) / 2 / math.tan(math.radians(fov_deg) / 2)
        centre = ((size_wh[0] - 1) / 2, (size_wh[1] - 1) / 2)
        return cls((focal, focal), centre, size_wh, f"assumed {fov_deg:g} deg")

    @classmethod
    def from_toml(cls, path: Path) -> Camera:
        """Read `K` (3x3), `distortion` (up to 5 numbers, optional) and `size` ([width, height]).

        CameraError names the file, the field and what is expected.
        """
        try:
            fields = tomllib.loads(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise CameraError(f"cannot read camera file {path}: {error.strerror}") from error
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise CameraError(f"camera file {path} is not valid TOML: {error}") from error
        try:
            return _parsed(fields, path)
        except (KeyError, TypeError, ValueError) as error:
            raise CameraError(
                f"camera file {path}: {error}; expected K = 3x3 numbers, size = [width, height] "
                "and optionally distortion = [k1, k2, p1, p2, k3]"
            ) from error

    @property
    def K(self) -> NDArray[np.float64]:
        (fx, fy), (cx, cy) = self.focal_px, self.centre_px
        return np.array([[fx, 0.0, cx], [0.0, fy, cy], [0.0, 0.0, 1.0]])

    def project(self, points_mm: ArrayLike) -> NDArray[np.float64]:
        """(..., 3) millimetres in camera axes -> (..., 2) pixels. Points must have z > 0."""
        points = np.asarray(points_mm, np.float64)
        flat = _distorted(points[..., :2] / points[..., 2:], self.distortion)
        return flat * self.focal_px + self.centre_px

    def back_project(self, points_px: ArrayLike) -> NDArray[np.float64]:
        """(..., 2) pixels -> (..., 3) ray points at z = 1 (undistorted), always finite.

        Pixels that no ray reaches, outside of where the lens model is one to one, give the nearest ray that it has.
        """
        flat = (np.asarray(points_px, np.float64) - self.centre_px) / self.focal_px
        if any(self.distortion):
            flat = _undistorted(flat, self.distortion)
        return np.concatenate([flat, np.ones_like(flat[..., :1])], axis=-1)

    @property
    def reach(self) -> float:
        """The radius at z = 1 up to which the lens model is one to one and used; without a lens model infinite."""
        return _one_to_one_radius(self.distortion) if any(self.distortion) else math.inf

    def resized(self, size_wh: tuple[int, int]) -> Camera:
        """The same lens on an image of another resolution."""
        if size_wh == self.size_wh:
            return self
        scale = np.array(size_wh) / np.array(self.size_wh)
        focal = np.array(self.focal_px) * scale
        centre = (np.array(self.centre_px) + 0.5) * scale - 0.5
        return replace(
            self,
            focal_px=(float(focal[0]), float(focal[1])),
            centre_px=(float(centre[0]), float(centre[1])),
            size_wh=size_wh,
        )


def _distorted(flat: NDArray[np.float64], distortion: tuple[float, ...]) -> NDArray[np.float64]:
    """OpenCV's radial and tangential model on points at z = 1 (calib3d documentation)."""
    if not any(distortion):
        return flat
    k1, k2, p1, p2, k3 = distortion
    x, y = flat[..., 0], flat[..., 1]
    r2 = x * x + y * y
    radial = 1 + r2 * (k1 + r2 * (k2 + r2 * k3))
    return np.stack(
        [
            x * radial + 2 * p1 * x * y + p2 * (r2 + 2 * x * x),
            y * radial + p1 * (r2 + 2 * y * y) + 2 * p2 * x * y,
        ],
        axis=-1,
    )


def _undistorted(distorted: NDArray[np.float64], distortion: tuple[float, ...]) -> NDArray[np.float64]:
    """The inverse of `_distorted` by Newton's method, kept inside of the radius where the model is one to one."""
    reach = _one_to_one_radius(distortion)
    flat = _within(distorted, reach)
    for _ in range(_UNDISTORT_STEPS):
        missing = distorted - _distorted(flat, distortion)
        if not (np.abs(missing) > _UNDISTORTED).any():
            break
        flat = _within(flat + _newton_step(flat, missing, distortion), reach)
    return flat


def _one_to_one_radius(distortion: tuple[float, ...]) -> float:
    """The radius up to which r (1 + k1 r^2 + k2 r^4 + k3 r^6) rises, at most `_WIDEST`."""
    k1, k2, _, _, k3 = distortion
    turns = np.roots([7 * k3, 5 * k2, 3 * k1, 1.0])  # of the derivative, in r^2
    squares = [float(turn.real) for turn in turns if abs(turn.imag) < 1e-9 and turn.real > 0]
    return min([_ONE_TO_ONE * math.sqrt(square) for square in squares] + [_WIDEST])


def _within(flat: NDArray[np.float64], reach: float) -> NDArray[np.float64]:
    radius = np.linalg.norm(flat, axis=-1, keepdims=True)
    return flat * np.minimum(1.0, reach / np.maximum(radius, 1e-12))


def _newton_step(
    flat: NDArray[np.float64], missing: NDArray[np.float64], distortion: tuple[float, ...]
) -> NDArray[np.float64]:
    """`missing` through the inverse of the 2x2 derivatives of `_distorted`; finite also where those are singular."""
    k1, k2, p1, p2, k3 = distortion
    x, y = flat[..., 0], flat[..., 1]
    r2 = x * x + y * y
    radial = 1 + r2 * (k1 + r2 * (k2 + r2 * k3))
    growth = 2 * (k1 + r2 * (2 * k2 + r2 * 3 * k3))
    xx = radial + x * x * growth + 2 * p1 * y + 6 * p2 * x
    yy = radial + y * y * growth + 6 * p1 * y + 2 * p2 * x
    xy = x * y * growth + 2 * p1 * x + 2 * p2 * y
    area = np.maximum(np.abs(xx * yy - xy * xy), 1e-6) * np.where(xx * yy < xy * xy, -1.0, 1.0)
    dx, dy = missing[..., 0], missing[..., 1]
    return np.stack([(yy * dx - xy * dy) / area, (xx * dy - xy * dx) / area], axis=-1)


def _parsed(fields: dict[str, object], path: Path) -> Camera:
    K = np.asarray(fields["K"], np.float64)
    if K.shape != (3, 3):
        raise ValueError(f"K has shape {K.shape}")
    terms = [float(term) for term in np.ravel(np.asarray(fields.get("distortion", ()), np.float64))]
    if len(terms) > 5:
        raise ValueError(f"distortion has {len(terms)} terms")
    width, height = np.asarray(fields["size"], int).tolist()
    k1, k2, p1, p2, k3 = terms + [0.0] * (5 - len(terms))
    return Camera(
        focal_px=(float(K[0, 0]), float(K[1, 1])),
        centre_px=(float(K[0, 2]), float(K[1, 2])),
        size_wh=(width, height),
        source=f"file {path.name}",
        distortion=(k1, k2, p1, p2, k3),
    )
