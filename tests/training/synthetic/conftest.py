"""A small data directory of real files, its pack, and what is drawn from it."""

from __future__ import annotations

from pathlib import Path

import pytest

from training.data_directory import DataDirectory
from training.synthetic.cast import Cast
from training.synthetic.pack import Pack
from training.synthetic.pack_build import write_pack
from training.synthetic.people import People

AVATARS = ("AIAN_F_1_Busi", "AIAN_F_2_Casual", "White_M_1_Casual", "White_M_3_Casual", "White_M_3_Medi")
MOTIONS = ("02_01", "13_31", "01_01")
BACKGROUNDS = ("pm_lab", "pm_sky", "studio_small_03_1k", "studio_small_05_1k", "adams_place_bridge_1k")


@pytest.fixture(scope="session")
def small_data(shared_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> DataDirectory:
    pytest.importorskip("meshoptimizer", reason="the extra 'data' is not installed")
    root = tmp_path_factory.mktemp("data")
    for folder, source, suffix, names in (
        ("avatars", "avatars_valid", "glb", AVATARS),
        ("motion", "mocap_cmu", "bvh", MOTIONS),
        ("backgrounds", "backgrounds_hdri", "jpg", BACKGROUNDS),
    ):
        (root / folder).mkdir()
        for name in names:
            (root / folder / f"{name}.{suffix}").symlink_to(shared_dir / "data" / source / f"{name}.{suffix}")
    return DataDirectory(root)


@pytest.fixture(scope="session")
def pack_path(small_data: DataDirectory, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("pack")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DI2POSE_CACHE", str(root))
        write_pack(small_data, root / "people.pack")
    return root / "people.pack"


@pytest.fixture(scope="session")
def pack(pack_path: Path) -> Pack:
    return Pack.open(pack_path)


@pytest.fixture(scope="session")
def cast(pack: Pack) -> Cast:
    return Cast.of(pack, "train")


@pytest.fixture(scope="session")
def people(cast: Cast) -> People:
    return People(cast, 7)
