"""What many tests need: the repository, the shared data beside it, and the pretrained networks."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from stream_parts import live_stream, pose_message

from engine.blazepose.fetch import network_files

__all__ = ["live_stream", "pose_message"]


@pytest.fixture(scope="session")
def repo_root() -> Path:
    return Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def shared_dir(repo_root: Path) -> Path:
    """The data that lies beside a checkout; the test is skipped where it is absent."""
    directory = Path(os.environ.get("DI2POSE_SHARED") or repo_root.parent / "shared")
    if not directory.is_dir():
        pytest.skip(f"needs the shared data in {directory}; set DI2POSE_SHARED to where it lies")
    return directory


@pytest.fixture(scope="session")
def networks_dir() -> Path:
    """A directory with the three BlazePose networks: the user's cache, filled by the product's own download."""
    return network_files()
