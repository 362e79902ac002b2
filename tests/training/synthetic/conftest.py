"""Real crops of people for what judges made ones."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from engine.runtime.blazepose_encoder import BlazePoseEncoder
from tools.data_closeness import crops_of
from training.synthetic.encode import crop_encoder


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
