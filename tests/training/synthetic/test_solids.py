"""Solids are closed, look outwards, and are fine enough for a lens; the library is the same everywhere."""

from __future__ import annotations

import numpy as np
import pytest

from training.kinematics import axis_rotation
from training.synthetic.furniture import KINDS
from training.synthetic.solids import Solid, ball, box, cylinder, joined
from training.synthetic.things import library

SOLIDS = {
    "box": box((500.0, 40.0, 900.0)),
    "cylinder": cylinder(120.0, 700.0),
    "cone": cylinder(300.0, 200.0, top_mm=0.0),
    "ball": ball((100.0, 200.0, 50.0)),
    "round box": ball((200.0, 150.0, 100.0), squareness=0.8),
}
VOLUMES = {
    "box": 500.0 * 40.0 * 900.0,
    "cylinder": np.pi * 120.0**2 * 700.0,
    "cone": np.pi * 300.0**2 * 200.0 / 3,
    "ball": 4 / 3 * np.pi * 100.0 * 200.0 * 50.0,
}


def _volume(solid: Solid) -> float:
    """By the divergence theorem: right only where all faces are counter-clockwise from outside."""
    a, b, c = (solid.vertices_mm.astype(np.float64)[solid.faces[:, corner]] for corner in range(3))
    return float((a * np.cross(b, c)).sum() / 6)


@pytest.mark.parametrize("name", VOLUMES)
def test_solids_are_closed_and_turned_outwards(name: str) -> None:
    assert _volume(SOLIDS[name]) == pytest.approx(VOLUMES[name], rel=0.12)  # what is round is inscribed


@pytest.mark.parametrize("name", SOLIDS)
def test_normals_agree_with_faces(name: str) -> None:
    solid = SOLIDS[name]
    a, b, c = (solid.vertices_mm[solid.faces[:, corner]] for corner in range(3))
    across = np.cross(b - a, c - a)
    mean = solid.normals[solid.faces].mean(axis=1)
    assert ((across * mean).sum(axis=1) > 0).mean() > 0.98
    np.testing.assert_allclose(np.linalg.norm(solid.normals, axis=1), 1.0, atol=1e-5)


def test_moving_turning_and_joining_keep_the_shape() -> None:
    solid = SOLIDS["ball"].turned(axis_rotation("X", 0.7)).moved((10.0, 500.0, -3.0))
    assert _volume(joined([solid, SOLIDS["box"]])) == pytest.approx(_volume(SOLIDS["ball"]) + VOLUMES["box"], rel=1e-3)


def test_the_library_holds_every_kind_and_names_are_unique() -> None:
    things = library()
    assert {thing.kind for thing in things} == set(KINDS)
    assert len({thing.look.name for thing in things}) == len(things) == 56


def test_things_are_whole_meshes_with_small_textures() -> None:
    for thing in library():
        look = thing.look
        assert look.faces.min() == 0 and look.faces.max() == len(thing.vertices_mm) - 1 == len(look.uv) - 1
        assert look.uv.min() >= -1e-6 and look.uv.max() <= 1 + 1e-6
        assert sum(part.face_count for part in look.parts) == len(look.faces) < 4500
        assert thing.vertices_mm[:, 1].min() == pytest.approx(0.0, abs=1e-3)
        for texture in look.textures_rgba:
            assert texture.shape == (96, 96, 4) and texture.dtype == np.uint8 and not texture[..., 3].any()


def test_edges_are_short_enough_for_a_lens() -> None:
    for thing in library():
        corners = thing.vertices_mm[thing.look.faces]
        sides = np.abs(corners - np.roll(corners, 1, axis=1)).max(axis=-1)
        if thing.kind != "plant":  # leaves bend by less than their own width
            assert sides.max() <= 150.0, thing.kind


def test_the_same_seed_builds_the_same_things_and_another_one_others() -> None:
    photograph = np.random.default_rng(0).integers(0, 255, (100, 150, 3)).astype(np.uint8)
    one, same, other = (library(seed, count=25, photographs=[photograph]) for seed in (3, 3, 4))
    for a, b in zip(one, same, strict=True):
        assert np.array_equal(a.vertices_mm, b.vertices_mm)
        assert all(np.array_equal(x, y) for x, y in zip(a.look.textures_rgba, b.look.textures_rgba, strict=True))
    assert not {thing.look.name for thing in one} & {thing.look.name for thing in other}
    assert any(a.vertices_mm.shape != c.vertices_mm.shape for a, c in zip(one, other, strict=True))
