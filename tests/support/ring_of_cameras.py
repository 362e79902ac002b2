"""Cameras around a made-up person, with exact projections: what a calibrated recording would show."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from engine.body.camera import Camera
from training.calibrated_views import View
from training.multiview import TRIANGULATED, Sightings

SIZE_WH = (1280, 720)


def ring(count: int = 5, *, distance_mm: float = 3500.0) -> list[View]:
    """Cameras on a circle, one metre up, all looking at the middle; real lenses with distortion."""
    return [_view(str(number), 2 * np.pi * number / count + 0.3, distance_mm) for number in range(count)]


def _view(name: str, angle: float, distance_mm: float) -> View:
    centre = np.array([distance_mm * np.cos(angle), distance_mm * np.sin(angle), 1000.0])
    forward = np.array([0.0, 0.0, 900.0]) - centre
    forward /= np.linalg.norm(forward)
    right = np.cross(forward, [0.0, 0.0, 1.0])
    right /= np.linalg.norm(right)
    turn = np.stack([right, np.cross(forward, right), forward])
    camera = Camera((800.0, 805.0), (640.0, 355.0), SIZE_WH, "test", (-0.1, 0.02, 0.001, -0.001, 0.0))
    return View(name, camera, turn, -turn @ centre, Path(f"cam_{name}.mp4"))


def body(seed: int = 0) -> np.ndarray:
    """(12, 3) world millimetres in the order of `TRIANGULATED`: upright, facing along x, different per seed."""
    heights = {"shoulder": 1450, "elbow": 1150, "wrist": 950, "knee": 480, "ankle": 80, "hip": 950}
    widths = {"shoulder": 180, "elbow": 260, "wrist": 300, "knee": 120, "ankle": 110, "hip": 130}
    joints = []
    for name in TRIANGULATED:
        side, part = name.split("_")
        joints.append([0.0, widths[part] if side == "left" else -widths[part], heights[part]])
    return np.array(joints) + np.random.default_rng(seed).normal(0, 40, (len(TRIANGULATED), 3))


def sightings(views: list[View], world_mm: np.ndarray) -> Sightings:
    """Exact 2D joints of (moment, 12, 3) points in every view, all seen."""
    points = np.stack([view.camera.project(view.seen(world_mm)) for view in views])
    return Sightings(points, np.ones(points.shape[:-1], bool))
