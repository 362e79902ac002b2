"""Made-up people for tests of what follows them: a body is a pose, and a scripted scene is where bodies are."""

from dataclasses import dataclass, field, replace

import numpy as np

from engine.body.crop import Region
from engine.body.pose import PersonPose
from engine.body.skeleton import H36M17
from realtime.frame import Frame
from realtime.tracks import Detection

SIZE_WH = (640, 480)


def region_at(x: float, y: float, size_px: float) -> Region:
    return Region((x, y), size_px)


def pose_at(person_id: int, x: float, y: float, *, size_px: float = 200.0, presence: float = 1.0) -> PersonPose:
    """An upright body whose pelvis is at (x, y)."""
    joints_px = np.tile(np.float32([x, y]), (17, 1))
    joints_px[H36M17.row("thorax"), 1] -= 0.25 * size_px
    joints_mm = np.zeros((17, 3), np.float32)
    joints_mm[1:] = np.random.default_rng(0).normal(0, 300, (16, 3))
    return PersonPose(
        person_id=person_id,
        joints_mm=joints_mm,
        root_mm=np.float32([0, 0, 3000]),
        joints_px=joints_px,
        confidence=np.full(17, 0.9, np.float32),
        hidden=np.zeros(17, bool),
        presence=presence,
        next_region=region_at(x, y, size_px),
    )


def detection_at(x: float, y: float, *, size_px: float = 200.0, score: float = 0.95) -> Detection:
    return Detection(score, np.array([[x, y], [x, y - 0.25 * size_px]]), region_at(x, y, size_px))


def frame_at(index: int, *, rate_hz: float = 30.0) -> Frame:
    return Frame(index, 0, np.zeros((SIZE_WH[1], SIZE_WH[0], 3), np.uint8), index / rate_hz)


@dataclass
class Body:
    x: float
    y: float
    size_px: float = 200.0
    score: float = 0.95
    presence: float = 1.0
    whole_window_sees: bool = True
    size_in_whole_px: float | None = None
    """What the detector takes its size for in the whole picture; None as it is."""
    detected: bool = True
    spread_mm: float | None = None
    """Of every joint; None as from an estimator that states no doubt."""


@dataclass
class Scene:
    """Stands in for both networks: the detector sees bodies in its windows, a crop gives the body nearest to it."""

    bodies: list[Body] = field(default_factory=list)
    windows_asked: list[float] = field(default_factory=list)

    def detect(self, _frame: Frame, windows) -> list[Detection]:
        self.windows_asked += [window.side_px for window in windows]
        seen = [body for body in self.bodies if body.detected and any(_sees(window, body) for window in windows)]
        closer = min((window.side_px for window in windows), default=0.0) < max(SIZE_WH)
        sizes_px = [b.size_px if closer or b.size_in_whole_px is None else b.size_in_whole_px for b in seen]
        return [detection_at(b.x, b.y, size_px=size, score=b.score) for b, size in zip(seen, sizes_px, strict=True)]

    def poses(self, crops) -> list[PersonPose]:
        return [self._pose(crop) for crop in crops]

    def _pose(self, crop) -> PersonPose:
        middle = (crop.image_rgb.shape[0] - 1) / 2
        x, y = crop.frame_from_crop @ [middle, middle, 1]
        reach = np.linalg.norm(crop.frame_from_crop[:, 0]) * crop.image_rgb.shape[0] / 2
        near = [b for b in self.bodies if max(abs(b.x - x), abs(b.y - y)) <= reach]
        body = min(near, key=lambda b: abs(b.x - x) + abs(b.y - y), default=None)
        if body is None or reach < body.size_px / 4:
            return pose_at(crop.person_id, float(x), float(y), presence=0.0)
        pose = pose_at(crop.person_id, body.x, body.y, size_px=body.size_px, presence=body.presence)
        return pose if body.spread_mm is None else replace(pose, spread_mm=np.full(17, body.spread_mm, np.float32))


def _sees(window, body: Body) -> bool:
    inside = 0 <= body.x - window.left_px <= window.side_px and 0 <= body.y - window.top_px <= window.side_px
    return inside and (body.whole_window_sees or window.side_px < max(SIZE_WH))
