"""Real crops of people, and a small data directory of real files with its pack and what is drawn from it."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from engine.blazepose.networks import FULL, landmark_onnx
from engine.runtime.blazepose_encoder import BlazePoseEncoder
from tools.data_closeness import crops_of
from training.data_directory import DataDirectory
from training.synthetic.cast import Cast
from training.synthetic.encode import crop_encoder
from training.synthetic.pack import Pack
from training.synthetic.pack_build import write_pack
from training.synthetic.people import People

AVATARS = ("AIAN_F_1_Busi", "AIAN_F_2_Casual", "White_M_1_Casual", "White_M_3_Casual", "White_M_3_Medi")
MOTIONS = ("02_01", "13_31", "01_01")
BACKGROUNDS = ("pm_lab", "pm_sky", "studio_small_03_1k", "studio_small_05_1k", "adams_place_bridge_1k")


@pytest.fixture(scope="session")
def squats(shared_dir: Path, networks_dir: Path) -> list[np.ndarray]:
    """One real woman, whole and free, (256, 256, 3) each."""
    return list(crops_of(str(shared_dir / "data" / "clips" / "squats_720x1280.mp4"), every=2))


@pytest.fixture(scope="session")
def drawn(networks_dir: Path) -> list[np.ndarray]:
    """The avatar of the bundled clip."""
    return list(crops_of("demo", every=6))


@pytest.fixture(scope="session")
def encoder(networks_dir: Path) -> Iterator[BlazePoseEncoder]:
    with crop_encoder() as encoder:
        yield encoder


@pytest.fixture(scope="session")
def full_encoder(networks_dir: Path) -> Iterator[BlazePoseEncoder]:
    """Of the full landmark network, by which closeness and looks are judged."""
    with crop_encoder(network=partial(landmark_onnx, FULL)) as encoder:
        yield encoder


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
