"""Where the camera of a synthetic picture stands, what lens it has, and which crop the live line would cut."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

import numpy as np

from engine.body.camera import Camera
from engine.body.skeleton import H36M17
from training.kinematics import Array
from training.synthetic.body_outline import body_points_mm
from training.synthetic.crop_regions import RegionRange, draw_region, nominal_region, share_inside
from training.synthetic.lenses import LensRange, draw_camera, ray_through
from training.synthetic.looking import Direction, looking
from training.synthetic.scene import CROP_SIZE_PX, Viewpoint

_TRUNK = H36M17.rows("pelvis", "thorax")
_TRIES = 60
_STEEPEST = math.sin(math.radians(75.0))


class ViewpointError(ValueError):
    """No camera can look at these joints; the text says whether the joints or the plan are at fault."""


@dataclass(frozen=True, slots=True)
class ViewpointRange:
    """What viewpoints are drawn from."""

    lens: LensRange = field(default_factory=LensRange)
    region: RegionRange = field(default_factory=RegionRange)
    distance_mm: tuple[float, float] = (600.0, 10_000.0)
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
    aim: tuple[tuple[float, float], tuple[float, float]] = ((-0.2, 1.2), (-0.2, 1.2))
    """Where the frame of a cut body has the body's middle: across and down, in sides of the frame."""
    kept: tuple[str, ...] = ()
    """Joints that no frame cuts off."""
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
        if any(low > high for low, high in self.aim):
            raise ValueError(f"aim is two ranges in order, across and down, got {self.aim}")
        H36M17.rows(*self.kept)  # KeyError names the joints that exist
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
    body = _Body.of(joints_world_mm)
    drawn = _cut_off if rng.random() < plan.truncated else _whole
    for _ in range(_TRIES):
        if (sight := drawn(rng, body, plan=plan)) is not None:
            return _with_crop(rng, sight, plan=plan)
    return _with_crop(rng, _far_away(rng, body, plan=plan), plan=plan)


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


@dataclass(frozen=True, slots=True, eq=False)
class _Body:
    """What a camera has to see."""

    points_mm: Array
    middle_mm: Direction
    """Of the box around it."""

    @classmethod
    def of(cls, joints_mm: Array) -> _Body:
        points = body_points_mm(np.asarray(joints_mm, np.float64))
        x, y, z = ((points.min(axis=0) + points.max(axis=0)) / 2).tolist()
        return cls(points, (x, y, z))


@dataclass(frozen=True, slots=True, eq=False)
class _Stand:
    """A camera that is not turned yet."""

    camera: Camera
    eye_mm: Array
    way_mm: Direction
    """From the eye to the body's middle."""
    roll_rad: float

    def aimed(self, body: _Body, aim_px: tuple[float, float], *, nearest_mm: float) -> _Sight | None:
        """The camera turned so that the body's middle appears at `aim_px`; None where it cannot be or is too near."""
        rotation = looking(self.way_mm, ray_through(self.camera, *aim_px), roll_rad=self.roll_rad)
        if rotation is None:
            return None
        seen_mm = (body.points_mm - self.eye_mm) @ rotation.T
        if seen_mm[:, 2].min() < nearest_mm:
            return None
        return _Sight(self, rotation, self.camera.project(seen_mm))


@dataclass(frozen=True, slots=True, eq=False)
class _Sight:
    stand: _Stand
    rotation: Array
    points_px: Array
    """Of the body, in the frame."""


def _whole(rng: np.random.Generator, body: _Body, *, plan: ViewpointRange) -> _Sight | None:
    """A view with all of the body in the frame, anywhere it fits; None where the drawn camera stands too near."""
    stand = _drawn(rng, body, plan=plan)
    right, bottom = (side - 1.0 for side in stand.camera.size_wh)
    sight = stand.aimed(body, (right / 2, bottom / 2), nearest_mm=plan.nearest_mm)
    if sight is None:
        return None
    x, y, end_x, end_y = _box(sight.points_px)
    if end_x - x > right or end_y - y > bottom:
        return None
    aim_px = right / 2 + rng.uniform(-x, right - end_x), bottom / 2 + rng.uniform(-y, bottom - end_y)
    sight = stand.aimed(body, aim_px, nearest_mm=plan.nearest_mm)
    if sight is None:
        return None
    x, y, end_x, end_y = _box(sight.points_px)
    inside = min(x, y) >= 0 and end_x <= right and end_y <= bottom
    return sight if inside and _worth_a_crop(sight, plan) else None


def _cut_off(rng: np.random.Generator, body: _Body, *, plan: ViewpointRange) -> _Sight | None:
    """A view whose frame cuts the body but holds a part of the trunk, without which the line follows nobody."""
    stand = _drawn(rng, body, plan=plan)
    right, bottom = (side - 1.0 for side in stand.camera.size_wh)
    across, down = plan.aim
    aim_px = float(rng.uniform(*across)) * right, float(rng.uniform(*down)) * bottom
    sight = stand.aimed(body, aim_px, nearest_mm=plan.nearest_mm)
    if sight is None:
        return None
    x, y = sight.points_px.T
    outside = (x < 0) | (x > right) | (y < 0) | (y > bottom)
    held = not (outside[_TRUNK].all() or outside[H36M17.rows(*plan.kept)].any())
    fits = plan.cut_off[0] <= np.count_nonzero(outside) / len(outside) <= plan.cut_off[1]
    return sight if held and fits and _worth_a_crop(sight, plan) else None


def _far_away(rng: np.random.Generator, body: _Body, *, plan: ViewpointRange) -> _Sight:
    """What remains when nothing drawn fits: level, from the greatest distance, the person in the middle."""
    camera = draw_camera(rng, plan=replace(plan.lens, bent=0.0))
    yaw, height = float(rng.uniform(-math.pi, math.pi)), float(np.clip(1500.0, *plan.height_mm))
    x, y, z = body.middle_mm
    away_x, away_z = plan.distance_mm[1] * math.sin(yaw), plan.distance_mm[1] * math.cos(yaw)
    stand = _Stand(camera, np.array([x + away_x, height, z + away_z]), (-away_x, y - height, -away_z), 0.0)
    aim_px = (camera.size_wh[0] - 1) / 2, (camera.size_wh[1] - 1) / 2
    sight = stand.aimed(body, aim_px, nearest_mm=plan.nearest_mm)
    if sight is None:
        raise ViewpointError(f"no camera within {plan.distance_mm} mm sees this person; allow a greater distance")
    return sight


def _drawn(rng: np.random.Generator, body: _Body, *, plan: ViewpointRange) -> _Stand:
    camera = draw_camera(rng, plan=plan.lens)
    near, far = plan.distance_mm
    distance = math.exp(rng.uniform(math.log(near), math.log(far)))
    low, high = plan.height_mm
    usual = max(low, min(900.0, high)), min(high, max(1800.0, low))
    height = float(rng.uniform(*(usual if rng.random() < plan.held else (low, high))))
    x, y, z = body.middle_mm
    above = min(max(height - y, -_STEEPEST * distance), _STEEPEST * distance)
    above = max(above, low - y)
    beside = math.sqrt(max(distance**2 - above**2, 0.0))
    yaw = rng.uniform(-math.pi, math.pi)
    spread, limit = plan.roll_deg
    roll = min(max(rng.normal(0.0, spread), -limit), limit)
    if rng.random() < 1 / 8:
        roll = rng.uniform(-limit, limit)
    away_x, away_z = beside * math.sin(yaw), beside * math.cos(yaw)
    eye_mm = np.array([x + away_x, y + above, z + away_z])
    return _Stand(camera, eye_mm, (-away_x, -above, -away_z), math.radians(roll))


def _box(points_px: Array) -> tuple[float, float, float, float]:
    (x, y), (end_x, end_y) = points_px.min(axis=0).tolist(), points_px.max(axis=0).tolist()
    return x, y, end_x, end_y


def _worth_a_crop(sight: _Sight, plan: ViewpointRange) -> bool:
    region = nominal_region(sight.points_px)
    if not plan.side_px[0] <= region.size_px <= plan.side_px[1]:
        return False
    return share_inside(region, sight.stand.camera.size_wh) >= plan.least_seen


def _with_crop(rng: np.random.Generator, sight: _Sight, *, plan: ViewpointRange) -> Viewpoint:
    stand = sight.stand
    region = draw_region(rng, sight.points_px, size_wh=stand.camera.size_wh, plan=plan.region)
    return Viewpoint(stand.camera, sight.rotation, stand.eye_mm, region.frame_from_crop(CROP_SIZE_PX))
