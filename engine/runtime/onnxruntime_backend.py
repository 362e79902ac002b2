"""Running an ONNX model on the CPU with onnxruntime."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Any, Self

import onnxruntime
from numpy.typing import NDArray

from engine.runtime.backend import Arrays, BackendError, TensorInfo
from engine.runtime.tensor_check import check_inputs

_DTYPES = {
    "tensor(float)": "float32",
    "tensor(float16)": "float16",
    "tensor(double)": "float64",
    "tensor(uint8)": "uint8",
    "tensor(int32)": "int32",
    "tensor(int64)": "int64",
    "tensor(bool)": "bool",
}


class OnnxRuntimeBackend:
    """A `Backend` on onnxruntime. The model is loaded on entering; its output arrays are fresh for every run.

    threads: workers inside one operation. spin_us: how long an idle worker waits awake for the next operation; enough
    to bridge the gaps inside one run, too little to keep a capture thread or a subscriber from the core afterwards
    (measured in docs/experiments.md; onnxruntime's own default is about a millisecond).
    """

    def __init__(self, path: Path, threads: int = 1, *, spin_us: int = 20) -> None:
        if threads < 1:
            raise BackendError(f"{path.name}: threads must be at least 1, got {threads}")
        if spin_us < 0:
            raise BackendError(f"{path.name}: spin_us must not be negative, got {spin_us}")
        self._path = path
        self._threads = threads
        self._spin_us = spin_us
        self._session: Any = None
        self._inputs: tuple[TensorInfo, ...] = ()
        self._outputs: tuple[TensorInfo, ...] = ()

    @property
    def inputs(self) -> tuple[TensorInfo, ...]:
        self._loaded()
        return self._inputs

    @property
    def outputs(self) -> tuple[TensorInfo, ...]:
        self._loaded()
        return self._outputs

    def run(self, inputs: Arrays) -> dict[str, NDArray[Any]]:
        """Outputs by name. BackendError names the input that is missing, unknown or of a wrong shape or type."""
        session = self._loaded()
        check_inputs(self._path.name, self._inputs, inputs)
        names = [info.name for info in self._outputs]
        try:
            return dict(zip(names, session.run(names, dict(inputs)), strict=True))
        except Exception as error:  # onnxruntime's own classes are not public; what it says is passed on
            raise BackendError(f"{self._path} could not be run: {error}") from error

    def __enter__(self) -> Self:
        if not self._path.is_file():
            raise BackendError(f"there is no network {self._path}; run 'di2pose doctor' to get the networks again")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = self._threads
        options.inter_op_num_threads = 1
        options.add_session_config_entry("session.intra_op.allow_spinning", "1" if self._spin_us else "0")
        if self._spin_us:
            options.add_session_config_entry("session.intra_op.spin_duration_us", str(self._spin_us))
        options.log_severity_level = 3
        try:
            session = onnxruntime.InferenceSession(str(self._path), options, providers=["CPUExecutionProvider"])
        except Exception as error:  # as above
            raise BackendError(
                f"{self._path} is not a network that onnxruntime can load ({error}); delete it and start again, "
                f"it is made anew"
            ) from error
        self._session = session
        self._inputs = tuple(_info(argument) for argument in session.get_inputs())
        self._outputs = tuple(_info(argument) for argument in session.get_outputs())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._session = None

    def _loaded(self) -> Any:
        if self._session is None:
            raise BackendError(f"{self._path.name} is not loaded; use the backend in a 'with' block")
        return self._session


def _info(argument: Any) -> TensorInfo:
    shape = tuple(axis if isinstance(axis, int) else str(axis) for axis in argument.shape)
    return TensorInfo(argument.name, shape, _DTYPES.get(argument.type, argument.type))
