"""Where the camera of a synthetic picture stands, what lens it has, and which crop the live line would cut."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

import numpy as np

from engine.body.camera import Camera
from engine.body.crop import transformed
from engine.body.skeleton import H36M17
from training.kinematics import Array
from training.synthetic.body_outline import body_points_mm
from training.synthetic.crop_regions import RegionRange, draw_region, nominal_region
from training.synthetic.lenses import LensRange, draw_camera
from training.synthetic.looking import looking
from training.synthetic.scene import CROP_SIZE_PX, Viewpoint

_TRUNK = H36M17.rows("pelvis", "thorax")
_TRIES = 60
_STEEPEST = math.sin(math.radians(75.0))
_UNSET = np.eye(2, 3)
_GRID_SIDE = 9
_GRID = np.stack(np.meshgrid(np.arange(_GRID_SIDE), np.arange(_GRID_SIDE)), axis=-1).reshape(-1, 2)


class ViewpointError(ValueError):
    """No camera can look at these joints; the text says whether the joints or the plan are at fault."""


@dataclass(frozen=True, slots=True)
class ViewpointRange:
    """What viewpoints are drawn from."""

    lens: LensRange = field(default_factory=LensRange)
    region: RegionRange = field(default_factory=RegionRange)
    distance_mm: tuple[float, float] = (1000.0, 10_000.0)
    """From the camera to the middle of the body, evenly in its logarithm before what does not fit is thrown away."""
    height_mm: tuple[float, float] = (100.0, 3000.0)
    """Of the camera above the ground."""
    held: float = 0.5
    """Share of cameras between 900 and 1800 mm, where people hold them and screens carry them."""
    roll_deg: tuple[float, float] = (3.0, 40.0)
    """Spread of most cameras' roll, and the limit of all; one in eight is drawn evenly up to the limit."""
    truncated: float = 0.25
    """Share of pictures whose frame cuts the body."""
    cut_off: tuple[float, float] = (0.08, 0.7)
    """Share of a cut body's points outside the frame."""
    nearest_mm: float = 400.0
    """Least depth of a joint, fingertip or toe; what surrounds it stays beyond 300 mm."""
    side_px: tuple[float, float] = (40.0, 4000.0)
    """Of the crop's region in the frame, before the tracker's errors."""
    least_seen: float = 0.3
    """Share of that region inside the frame."""

    def __post_init__(self) -> None:
        for name in ("distance_mm", "height_mm", "side_px"):
            low, high = getattr(self, name)
            if not 0 < low <= high:
                raise ValueError(f"{name} is a range of positive numbers in order, got {(low, high)}")
        if not 0 <= self.roll_deg[0] <= self.roll_deg[1] <= 90:
            raise ValueError(f"roll_deg is a spread and a limit within 0..90 degrees, got {self.roll_deg}")
        if not 0 <= self.truncated <= 1 or not 0 <= self.cut_off[0] < self.cut_off[1] <= 1:
            raise ValueError(f"truncated and cut_off are shares within 0..1, got {self.truncated}, {self.cut_off}")


def draw_viewpoint(
    rng: np.random.Generator, joints_world_mm: Array, *, plan: ViewpointRange | None = None
) -> Viewpoint:
    """A camera that sees the person, and the crop that the line would cut of it.

    joints_world_mm: (17, 3). ViewpointError for joints that are not finite, or where the plan leaves the camera no
    place.
    """
    plan = plan or ViewpointRange()
    if joints_world_mm.shape != (17, 3) or not np.isfinite(joints_world_mm).all():
        raise ViewpointError(f"a person is (17, 3) finite millimetres, got {joints_world_mm.shape}; drop this pose")
    body_mm = body_points_mm(np.asarray(joints_world_mm, np.float64))
    cut = bool(rng.random() < plan.truncated)
    for _ in range(_TRIES):
        view = _cut_off(rng, body_mm, plan=plan) if cut else _whole(rng, body_mm, plan=plan)
        if view is not None:
            return _with_crop(rng, view, body_mm, plan=plan)
    return _with_crop(rng, _far_away(rng, body_mm, plan=plan), body_mm, plan=plan)


def mirrored(view: Viewpoint) -> Viewpoint:
    """The viewpoint from which a world mirrored at x = 0 looks as this one, mirrored, from here."""
    camera, width, flip = view.camera, view.camera.size_wh[0], np.array([-1.0, 1.0, 1.0])
    k1, k2, p1, p2, k3 = camera.distortion
    (x, y), last = camera.centre_px, view.crop_size_px - 1
    lens = replace(camera, centre_px=(width - 1 - x, y), distortion=(k1, k2, p1, -p2, k3))
    (xx, xy, x0), (yx, yy, y0) = view.frame_from_crop
    affine = np.array([[xx, -xy, width - 1 - x0 - xx * last], [-yx, yy, y0 + yx * last]])
    rotation = view.rotation * flip[:, None] * flip
    return replace(view, camera=lens, rotation=rotation, eye_mm=view.eye_mm * flip, frame_from_crop=affine)


def _whole(rng: np.random.Generator, body_mm: Array, *, plan: ViewpointRange) -> Viewpoint | None:
    """A view with all of the body in the frame, anywhere it fits; None where the drawn camera stands too near."""
    camera, eye, roll = _drawn(rng, body_mm, plan=plan)
    last = np.array(camera.size_wh) - 1.0
    view = _aimed(camera, eye, body_mm, aim_px=last / 2, roll_rad=roll)
    if view is None or not _deep_enough(view, body_mm, plan):
        return None
    points = camera.project(view.camera_mm(body_mm))
    low, high = points.min(axis=0), points.max(axis=0)
    if (high - low > last).any():
        return None
    view = _aimed(camera, eye, body_mm, aim_px=last / 2 + rng.uniform(-low, last - high), roll_rad=roll)
    if view is None or not _deep_enough(view, body_mm, plan):
        return None
    points = camera.project(view.camera_mm(body_mm))
    return view if ((points >= 0) & (points <= last)).all() and _worth_a_crop(camera, points, plan) else None


def _cut_off(rng: np.random.Generator, body_mm: Array, *, plan: ViewpointRange) -> Viewpoint | None:
    """A view whose frame cuts the body but holds a part of the trunk, without which the line follows nobody."""
    camera, eye, roll = _drawn(rng, body_mm, plan=plan)
    last = np.array(camera.size_wh) - 1.0
    view = _aimed(camera, eye, body_mm, aim_px=rng.uniform(-0.2, 1.2, 2) * last, roll_rad=roll)
    if view is None or not _deep_enough(view, body_mm, plan):
        return None
    points = camera.project(view.camera_mm(body_mm))
    outside = np.any((points < 0) | (points > last), axis=1)
    held = not outside[_TRUNK].all()
    fits = plan.cut_off[0] <= np.mean(outside) <= plan.cut_off[1]
    return view if held and fits and _worth_a_crop(camera, points, plan) else None


def _far_away(rng: np.random.Generator, body_mm: Array, *, plan: ViewpointRange) -> Viewpoint:
    """What remains when nothing drawn fits: level, from the greatest distance, the person in the middle."""
    camera = draw_camera(rng, plan=replace(plan.lens, bent=0.0))
    middle = _middle(body_mm)
    yaw = float(rng.uniform(-math.pi, math.pi))
    height = float(np.clip(1500.0, *plan.height_mm))
    eye = middle + plan.distance_mm[1] * np.array([math.sin(yaw), 0.0, math.cos(yaw)])
    eye[1] = height
    view = _aimed(camera, eye, body_mm, aim_px=(np.array(camera.size_wh) - 1.0) / 2, roll_rad=0.0)
    if view is None or not _deep_enough(view, body_mm, plan):
        raise ViewpointError(f"no camera within {plan.distance_mm} mm sees this person; allow a greater distance")
    return view


def _drawn(rng: np.random.Generator, body_mm: Array, *, plan: ViewpointRange) -> tuple[Camera, Array, float]:
    """Camera, eye in the world and roll."""
    camera = draw_camera(rng, plan=plan.lens)
    distance = float(np.exp(rng.uniform(*np.log(plan.distance_mm))))
    low, high = plan.height_mm
    usual = max(low, min(900.0, high)), min(high, max(1800.0, low))
    height = float(rng.uniform(*(usual if rng.random() < plan.held else (low, high))))
    middle = _middle(body_mm)
    above = float(np.clip(height - middle[1], -_STEEPEST * distance, _STEEPEST * distance))
    above = max(above, low - middle[1])
    beside = math.sqrt(max(distance**2 - above**2, 0.0))
    yaw = float(rng.uniform(-math.pi, math.pi))
    spread, limit = plan.roll_deg
    roll = float(np.clip(rng.normal(0.0, spread), -limit, limit))
    if rng.random() < 1 / 8:
        roll = float(rng.uniform(-limit, limit))
    away = np.array([beside * math.sin(yaw), above, beside * math.cos(yaw)])
    return camera, middle + away, math.radians(roll)


def _middle(body_mm: Array) -> Array:
    middle: Array = (body_mm.min(axis=0) + body_mm.max(axis=0)) / 2
    return middle


def _aimed(camera: Camera, eye_mm: Array, body_mm: Array, *, aim_px: Array, roll_rad: float) -> Viewpoint | None:
    ray = camera.back_project(aim_px)
    rotation = looking(_middle(body_mm) - eye_mm, ray, roll_rad=roll_rad)
    return None if rotation is None else Viewpoint(camera, rotation, eye_mm, _UNSET)


def _deep_enough(view: Viewpoint, body_mm: Array, plan: ViewpointRange) -> bool:
    return bool(view.camera_mm(body_mm)[:, 2].min() >= plan.nearest_mm)


def _worth_a_crop(camera: Camera, points_px: Array, plan: ViewpointRange) -> bool:
    region = nominal_region(points_px)
    if not plan.side_px[0] <= region.size_px <= plan.side_px[1]:
        return False
    places = transformed(_GRID, region.frame_from_crop(_GRID_SIDE))
    seen = np.all((places >= 0) & (places <= np.array(camera.size_wh) - 1), axis=1)
    return bool(np.mean(seen) >= plan.least_seen)


def _with_crop(rng: np.random.Generator, view: Viewpoint, body_mm: Array, *, plan: ViewpointRange) -> Viewpoint:
    points = view.camera.project(view.camera_mm(body_mm))
    region = draw_region(rng, points, size_wh=view.camera.size_wh, plan=plan.region)
    return replace(view, frame_from_crop=region.frame_from_crop(CROP_SIZE_PX))
