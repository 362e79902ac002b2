"""Running a network on an NVIDIA Triton server."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from numpy.typing import NDArray

from engine.runtime.backend import Arrays, BackendError, TensorInfo
from engine.runtime.served_model import ONNX_SHA256, WEIGHTS
from engine.runtime.tensor_check import check_inputs
from engine.runtime.triton_connection import GUIDE, TritonConnection

TIMEOUT_S = 10.0
"""A run takes milliseconds, but the first one on a GPU also chooses kernels."""


@dataclass(frozen=True, slots=True)
class TritonServer:
    """A server that serves the repository of `di2pose export triton`; the backends of a line come from it."""

    address: str
    """HOST:PORT of its gRPC endpoint."""
    timeout_s: float = TIMEOUT_S

    def backend(self, graph: str) -> TritonBackend:
        """For `detector`, `landmark`, `live` or `fused`; not yet connected. BackendError where the address is none."""
        return TritonBackend(self.address, graph, timeout_s=self.timeout_s)

    def has(self, graph: str) -> bool:
        """Whether the server's repository holds such a model, ready or not. BackendError where it does not answer."""
        connection = TritonConnection(self.address, graph, timeout_s=self.timeout_s)
        connection.open()
        try:
            index = connection.ask(lambda client: client.get_model_repository_index(client_timeout=self.timeout_s))
        finally:
            connection.close()
        return any(entry.name == graph for entry in index.models)


@dataclass(frozen=True, slots=True)
class _Described:
    """What the server said of the model on entering."""

    inputs: tuple[TensorInfo, ...]
    outputs: tuple[TensorInfo, ...]
    max_rows: int
    """0 where the server sets no limit."""
    parameters: Mapping[str, str]


class TritonBackend:
    """A `Backend` whose network runs on a server. Entering connects and asks what the model takes.

    Output arrays are read-only views of the answer, fresh for every run. After a BackendError of `run` the backend
    stays usable: a server that was restarted is found again.
    """

    def __init__(self, address: str, model: str, *, timeout_s: float = TIMEOUT_S) -> None:
        self._connection = TritonConnection(address, model, timeout_s=timeout_s)
        self._described: _Described | None = None

    @property
    def inputs(self) -> tuple[TensorInfo, ...]:
        return self._entered().inputs

    @property
    def outputs(self) -> tuple[TensorInfo, ...]:
        return self._entered().outputs

    @property
    def weights(self) -> str:
        """Of the model that the server runs, as messages name them. BackendError where its repository tells none."""
        return self._told(WEIGHTS, "which weights it has")

    @property
    def onnx_sha256(self) -> str:
        """Of the graph in single precision that the server's model was made of. BackendError as above."""
        return self._told(ONNX_SHA256, "which graph it is")

    def _told(self, key: str, what: str) -> str:
        found = self._entered().parameters.get(key)
        if found is None:
            raise BackendError(
                f"{self._connection.name} does not tell {what}; serve a repository of `di2pose export triton`"
            )
        return found

    def run(self, inputs: Arrays) -> dict[str, NDArray[Any]]:
        """Outputs by name. BackendError names a wrong input, or says why there is no answer and what to do."""
        described, name = self._entered(), self._connection.name
        check_inputs(name, described.inputs, inputs)
        rows = max(array.shape[0] for array in inputs.values())
        if described.max_rows and rows > described.max_rows:
            raise BackendError(
                f"{name} takes at most {described.max_rows} rows, got {rows}; export it again with --max-batch {rows}"
            )
        answer = self._connection.infer(dict(inputs))
        found = {info.name: answer.as_numpy(info.name) for info in described.outputs}
        missing = [key for key, array in found.items() if array is None]
        if missing:
            raise BackendError(f"{name} answered without {missing[0]!r}; the server's log may say why")
        return found

    def __enter__(self) -> Self:
        self._connection.open()
        try:
            self._described = self._asked()
        except BaseException:
            self._connection.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._described = None
        self._connection.close()

    def _entered(self) -> _Described:
        if self._described is None:
            raise BackendError(f"{self._connection.name} is not connected; use the backend in a 'with' block")
        return self._described

    def _asked(self) -> _Described:
        ask, model = self._connection.ask, self._connection.model
        limit = {"client_timeout": self._connection.timeout_s}
        if not ask(lambda client: client.is_model_ready(model, **limit)):
            index = ask(lambda client: client.get_model_repository_index(**limit))
            raise BackendError(f"{self._connection.name} is not ready: {_state(index, model)}")
        said = ask(lambda client: client.get_model_metadata(model, **limit))
        config = ask(lambda client: client.get_model_config(model, **limit)).config
        return _Described(
            tuple(map(self._info, said.inputs)),
            tuple(map(self._info, said.outputs)),
            config.max_batch_size,
            {key: value.string_value for key, value in config.parameters.items()},
        )

    def _info(self, said: Any) -> TensorInfo:
        shape = tuple(_axis(index, size) for index, size in enumerate(said.shape))
        return TensorInfo(said.name, shape, self._connection.numpy_type(said.datatype))


def _axis(index: int, size: int) -> int | str:
    """A server tells no names of open axes; the first one of this project's graphs counts persons or pictures."""
    if size >= 0:
        return int(size)
    return f"axis {index}" if index else "batch"


def _state(index: Any, model: str) -> str:
    """Why the server does not run this model, from its list of models; and the cure."""
    states = [entry for entry in index.models if entry.name == model]
    if not states:
        there = ", ".join(sorted({entry.name for entry in index.models})) or "no model"
        return f"the server has {there}; export it with `di2pose export triton` and start the server on that ({GUIDE})"
    reason = next((entry.reason for entry in states if entry.reason), "it is not loaded")
    return f"{reason}; mend that on the server, whose log says more"
