"""Small sets of encoded crops, made once."""

from __future__ import annotations

from pathlib import Path

import pytest
from tiny_live import encode_small


@pytest.fixture(scope="session")
def encoded_train(networks_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return encode_small(tmp_path_factory.mktemp("encoded") / "train", split="train", count=24)


@pytest.fixture(scope="session")
def encoded_test(networks_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return encode_small(tmp_path_factory.mktemp("encoded") / "test", split="test", count=12)
