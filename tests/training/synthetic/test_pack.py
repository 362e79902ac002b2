"""A pack holds what went in, and every way of damaging it is a typed error."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial import cKDTree

from training.avatar import load_avatar
from training.cmu import TEST_SUBJECTS, load_motion
from training.data_directory import DataDirectory, DataDirectoryError
from training.gltf import AvatarError
from training.synthetic.pack import Pack
from training.synthetic.pack_build import pack_for, write_pack
from training.synthetic.pack_format import PackError, read_members, write_members
from training.synthetic.simplify import OUTLINE_ERROR_MM, SURFACE_ERROR_MM, simplified


def test_vertices_are_vertices_of_the_file_and_the_surface_stays(small_data: DataDirectory, pack: Pack) -> None:
    for name in ("White_M_3_Casual", "AIAN_F_1_Busi"):
        avatar, actor = load_avatar(small_data.avatar(name)), pack.actor(name)
        assert 2000 < len(actor.vertices_mm) < 3500
        assert cKDTree(avatar.vertices_mm).query(actor.vertices_mm)[0].max() < 0.1
        corners = actor.vertices_mm[actor.look.faces]
        grid = np.array([(i, j, 6 - i - j) for i in range(7) for j in range(7 - i)]) / 6
        surface = np.einsum("gc,fcx->fgx", grid, corners).reshape(-1, 3)
        body = np.unique(avatar.faces[: avatar.parts[0].face_count])
        off_mm = cKDTree(surface).query(avatar.vertices_mm[body])[0]
        assert np.percentile(off_mm, 99) < SURFACE_ERROR_MM
        assert off_mm.max() < 25


def test_looks_are_whole(pack: Pack) -> None:
    for name in pack.actor_names:
        look = pack.actor(name).look
        assert look.faces.max() < len(look.uv) == len(pack.actor(name).vertices_mm)
        assert sum(part.face_count for part in look.parts) == len(look.faces)
        assert {part.texture for part in look.parts} == set(range(len(look.textures_rgba)))
        skin = look.textures_rgba[0][..., 3] > 127
        assert look.textures_rgba[0].shape == (512, 512, 4)
        assert 0.15 < skin.mean() < 0.75


def test_hair_comes_off(pack: Pack) -> None:
    actor = pack.actor("AIAN_F_1_Busi")
    assert actor.bald_look is not None
    assert len(actor.bald_look.uv) == actor.body_vertices < len(actor.look.uv)
    assert actor.bald_look.faces.max() < actor.body_vertices
    assert actor.bald_look.name != actor.look.name
    assert pack.actor("White_M_3_Casual").bald_look is None


def test_the_outline_is_the_same_body_with_fewer_faces(pack: Pack) -> None:
    for name in ("White_M_3_Casual", "AIAN_F_1_Busi"):
        actor = pack.actor(name)
        for look in filter(None, (actor.look, actor.bald_look)):
            assert look.outline is not None
            assert look.outline.max() < len(look.uv)
            assert 1000 < len(look.outline) < 0.4 * len(look.faces)
            corners = actor.vertices_mm[look.outline]
            grid = np.array([(i, j, 6 - i - j) for i in range(7) for j in range(7 - i)]) / 6
            surface = np.einsum("gc,fcx->fgx", grid, corners).reshape(-1, 3)
            off_mm = cKDTree(surface).query(actor.vertices_mm[np.unique(look.faces)])[0]
            assert np.percentile(off_mm, 90) < OUTLINE_ERROR_MM


def test_motion_is_the_recordings(small_data: DataDirectory, pack: Pack, tmp_path: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DI2POSE_CACHE", str(tmp_path))
        recorded = load_motion(small_data)
    packed = pack.motion()
    assert packed.clips == recorded.clips
    assert packed.rate_hz == recorded.rate_hz
    np.testing.assert_allclose(packed.rotations, recorded.rotations, atol=3e-4)
    assert not packed.part("train").subjects & TEST_SUBJECTS


def test_a_pack_is_read_without_mesh_decoder_and_pillow(pack_path: Path, repo_root: Path) -> None:
    """On a machine that has neither: both are shut out before anything is imported."""
    program = (
        "import sys; sys.modules.update({'meshoptimizer': None, 'PIL': None})\n"
        "from pathlib import Path\nfrom training.synthetic.pack import Pack\n"
        "from training.synthetic.cast import Cast\nfrom training.synthetic.people import People\n"
        "cast = Cast.of(Pack.open(Path(sys.argv[1])), 'train')\n"
        "cast.pack.background_rgb(cast.backgrounds[0])\nPeople(cast, 0).person(0)\n"
    )
    subprocess.run([sys.executable, "-c", program, str(pack_path)], check=True, cwd=repo_root)


def test_backgrounds_are_panoramas(pack: Pack) -> None:
    assert len(pack.background_names) == 5
    assert all(pack.background_rgb(name).shape == (512, 1024, 3) for name in pack.background_names)


def test_the_same_data_give_the_same_bytes(small_data: DataDirectory, pack_path: Path, tmp_path: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DI2POSE_CACHE", str(tmp_path))
        opened = pack_for(small_data)
        assert opened.path.read_bytes() == pack_path.read_bytes()
        opened.path.write_bytes(b"damaged")
        assert pack_for(small_data).path.read_bytes() == pack_path.read_bytes()


@pytest.mark.parametrize("share", [0.0, 0.001, 0.5, 0.9, 0.99999])
def test_a_truncated_pack_is_named(pack_path: Path, tmp_path: Path, share: float) -> None:
    whole = pack_path.read_bytes()
    (tmp_path / "cut.pack").write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(PackError, match=r"cut\.pack.*di2pose data pack"):
        Pack.open(tmp_path / "cut.pack")


def test_a_flipped_byte_is_found_wherever_it_is(pack_path: Path, tmp_path: Path) -> None:
    whole = bytearray(pack_path.read_bytes())
    for place in np.random.default_rng(0).integers(0, len(whole) - 4000, 8):
        damaged = whole.copy()
        damaged[place] ^= 0x10
        (tmp_path / "bad.pack").write_bytes(damaged)
        with pytest.raises(PackError, match=r"bad\.pack"):
            Pack.open(tmp_path / "bad.pack")


def test_a_member_that_differs_from_its_sha256_is_named(pack_path: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(pack_path) as source, zipfile.ZipFile(tmp_path / "p.pack", "w") as target:
        for name in source.namelist():
            target.writestr(name, b"other" if name == "backgrounds/pm_sky.jpg" else source.read(name))
    with pytest.raises(PackError, match=r"pm_sky\.jpg: differs from its sha256"):
        Pack.open(tmp_path / "p.pack")


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda manifest: manifest.update(format_version=99), "format_version: is 99"),
        (lambda manifest: manifest.pop("sha256"), "manifest"),
        (lambda manifest: manifest["sha256"].update({"avatars/ghost.npz": "0"}), "ghost.npz: is missing"),
    ],
)
def test_another_manifest_is_refused(
    pack_path: Path, tmp_path: Path, change: Callable[..., object], expected: str
) -> None:
    with zipfile.ZipFile(pack_path) as source, zipfile.ZipFile(tmp_path / "p.pack", "w") as target:
        manifest = json.loads(source.read("manifest.json"))
        change(manifest)
        target.writestr("manifest.json", json.dumps(manifest))
        for name in source.namelist()[1:]:
            target.writestr(name, source.read(name))
    with pytest.raises(PackError, match=expected):
        Pack.open(tmp_path / "p.pack")


def test_a_member_of_another_kind_is_named_when_it_is_read(pack_path: Path, tmp_path: Path) -> None:
    manifest, members = read_members(pack_path)
    members["avatars/White_M_3_Casual.npz"] = members["motion.npz"]
    members["motion.npz"] = b"no arrays"
    write_members(tmp_path / "p.pack", members, about={})
    opened = Pack.open(tmp_path / "p.pack")
    with pytest.raises(PackError, match="White_M_3_Casual"):
        opened.actor("White_M_3_Casual")
    with pytest.raises(PackError, match=r"motion\.npz"):
        opened.motion()
    assert manifest["format_version"] == 2


def test_absent_things_are_named(pack: Pack, tmp_path: Path) -> None:
    with pytest.raises(PackError, match=r"absent\.pack"):
        Pack.open(tmp_path / "absent.pack")
    with pytest.raises(PackError, match="Nobody.*which has AIAN_F_1_Busi"):
        pack.actor("Nobody")
    with pytest.raises(PackError, match="nowhere"):
        pack.background_rgb("nowhere")


def test_data_that_cannot_be_packed_are_named(small_data: DataDirectory, tmp_path: Path) -> None:
    def copied(name: str) -> DataDirectory:
        root = tmp_path / name
        for folder in ("avatars", "motion", "backgrounds"):
            (root / folder).mkdir(parents=True)
            for file in sorted((small_data.path / folder).iterdir())[:1]:
                (root / folder / file.name).symlink_to(file.resolve())
        return DataDirectory(root)

    truncated = copied("truncated")
    avatar = truncated.avatar("AIAN_F_1_Busi")
    content = avatar.read_bytes()
    avatar.unlink()
    avatar.write_bytes(content[: len(content) // 2])
    with pytest.raises(AvatarError, match=r"AIAN_F_1_Busi\.glb is truncated"):
        write_pack(truncated, tmp_path / "out.pack")

    no_picture = copied("no_picture")
    background = no_picture.files("backgrounds", "*.jpg")[0]
    background.unlink()
    background.write_bytes(b"no picture")
    with pytest.raises(DataDirectoryError, match=rf"{background.name} is no picture"):
        write_pack(no_picture, tmp_path / "out.pack")

    empty = copied("empty")
    for file in (empty.path / "avatars").iterdir():
        file.unlink()
    with pytest.raises(DataDirectoryError, match=r"among its avatars; docs/data\.md"):
        write_pack(empty, tmp_path / "out.pack")
    assert not (tmp_path / "out.pack").exists()


def test_an_avatar_without_fingers_is_refused(small_data: DataDirectory) -> None:
    avatar = load_avatar(small_data.avatar("White_M_3_Casual"))
    names = tuple(name.replace("LeftHandThumb2", "Claw") for name in avatar.joint_names)
    object.__setattr__(avatar, "joint_names", names)
    with pytest.raises(AvatarError, match="White_M_3_Casual has no joint LeftHandThumb2"):
        simplified(avatar)
