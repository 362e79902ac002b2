"""Everything under engine.model runs with its shapes checked: the jaxtyping annotations become assertions."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from jaxtyping import install_import_hook

with install_import_hook("engine.model", "beartype.beartype"):
    from engine.model import checkpoint, di2pose  # noqa: F401


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """The networks here are tiny: more threads only fight over the cores."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
