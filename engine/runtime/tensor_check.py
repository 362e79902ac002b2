"""Do these arrays fit what a network takes? Asked before they are handed to a library or sent to a server."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from engine.runtime.backend import Arrays, BackendError, TensorInfo


def check_inputs(network: str, expected: Sequence[TensorInfo], inputs: Arrays) -> None:
    """BackendError names the input of this network that is missing, unknown or of a wrong shape or type."""
    known = {info.name for info in expected}
    if set(inputs) != known:
        raise BackendError(f"{network} takes the inputs {sorted(known)}, got {sorted(inputs)}")
    for info in expected:
        array = inputs[info.name]
        if array.dtype != np.dtype(info.dtype) or not _fits(array.shape, info.shape):
            raise BackendError(
                f"{network}: input {info.name!r} must be {info.shape} {info.dtype}, got {array.shape} {array.dtype}"
            )


def _fits(shape: tuple[int, ...], expected: tuple[int | str, ...]) -> bool:
    return len(shape) == len(expected) and all(
        isinstance(axis, str) or size == axis for size, axis in zip(shape, expected, strict=True)
    )
