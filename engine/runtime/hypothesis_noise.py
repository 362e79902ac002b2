"""The randomness of the live model: drawn once per estimator, so equal pictures give equal poses."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine.runtime.backend import Backend, BackendError

NOISE = "noise"
_SEED = 0


def noise_for(backend: Backend) -> NDArray[np.float32]:
    """Standard Gumbel noise as the graph takes it, always the same. BackendError where it takes none."""
    asked = [info for info in backend.inputs if info.name == NOISE]
    if not asked or not all(isinstance(size, int) for size in asked[0].shape):
        found = ", ".join(info.name for info in backend.inputs)
        raise BackendError(f"the graph of the live model takes noise of a fixed shape, this one takes {found}")
    return drawn_noise(tuple(int(size) for size in asked[0].shape))


def drawn_noise(shape: tuple[int, ...]) -> NDArray[np.float32]:
    return np.random.default_rng(_SEED).gumbel(size=shape).astype(np.float32)
