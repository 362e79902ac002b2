"""The noise is always the same, and a graph without it is refused."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from engine.runtime.backend import BackendError, TensorInfo
from engine.runtime.hypothesis_noise import NOISE, noise_for


def backend_of(*inputs: TensorInfo) -> SimpleNamespace:
    return SimpleNamespace(inputs=inputs)


def test_noise_is_standard_gumbel_and_always_the_same() -> None:
    backend = backend_of(
        TensorInfo("points", ("batch", 33, 17), "float32"), TensorInfo(NOISE, (16, 2, 32, 28), "float32")
    )
    noise = noise_for(backend)
    assert noise.shape == (16, 2, 32, 28) and noise.dtype == np.float32
    assert noise.mean() == pytest.approx(0.5772, abs=0.02) and noise.var() == pytest.approx(np.pi**2 / 6, rel=0.05)
    np.testing.assert_array_equal(noise, noise_for(backend))


@pytest.mark.parametrize("inputs", [[], [TensorInfo(NOISE, ("batch", 2), "float32")]])
def test_a_graph_without_noise_of_a_fixed_shape_is_refused(inputs: list[TensorInfo]) -> None:
    with pytest.raises(BackendError, match="noise of a fixed shape, this one takes"):
        noise_for(backend_of(*inputs))
