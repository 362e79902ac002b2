"""One model on an NVIDIA Triton server: asking it with Triton's own gRPC client, and what to do where it fails.

The client is imported here only, and only when a connection is opened: the extra `triton` brings it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.runtime.backend import BackendError

GUIDE = "docs/triton.md"
_CHANNEL = (
    ("grpc.max_send_message_length", -1),  # sixteen people are 13 MB there and 23 MB back, gRPC's limit is 4
    ("grpc.max_receive_message_length", -1),
    ("grpc.initial_reconnect_backoff_ms", 200),
    ("grpc.max_reconnect_backoff_ms", 1000),  # gRPC's own reaches two minutes, long after the server is back
)
Question = Callable[[Any], Any]
"""Called with the client, whose package has no types."""


@dataclass(frozen=True, slots=True)
class _Library:
    """`tritonclient.grpc` and `tritonclient.utils`."""

    grpc: Any
    utils: Any


class TritonConnection:
    """A model by its name on a server by its address, HOST:PORT of the gRPC endpoint. One thread at a time.

    timeout_s: the longest that one answer may take. BackendError where address or timeout are none.
    """

    def __init__(self, address: str, model: str, *, timeout_s: float) -> None:
        host, _, port = address.rpartition(":")
        if not host or "/" in address or not (port.isascii() and port.isdigit()):
            raise BackendError(f"{address!r} is no address of a Triton server; give HOST:PORT of its gRPC port (8001)")
        if not timeout_s > 0:
            raise BackendError(f"the time that Triton may take must be above 0 s, got {timeout_s:g}")
        self.model = model
        self.name = f"model {model!r} on the Triton server {address}"
        """As messages write it."""
        self.timeout_s = timeout_s
        self._address = address
        self._library: _Library | None = None
        self._client: Any = None

    def open(self) -> None:
        """Nothing is sent yet. BackendError where the client is not installed."""
        self._library = _installed()
        self._client = self._library.grpc.InferenceServerClient(self._address, channel_args=list(_CHANNEL))

    def close(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            client.close()

    def ask(self, question: Question) -> Any:
        """The answer. BackendError with cause and cure where there is none; the connection stays usable."""
        library = self._opened()
        try:
            return question(self._client)
        except library.utils.InferenceServerException as error:
            raise self._explained(error) from error

    def infer(self, inputs: dict[str, NDArray[Any]]) -> Any:
        """The client's own result object. BackendError as in `ask`."""
        sent = [self._sent(name, array) for name, array in inputs.items()]
        return self.ask(lambda client: client.infer(self.model, sent, client_timeout=self.timeout_s))

    def numpy_type(self, datatype: str) -> str:
        """`FP32` -> `float32`. BackendError for a type that no array holds."""
        kind = self._opened().utils.triton_to_np_dtype(datatype)
        if kind is None or datatype == "BYTES":
            raise BackendError(f"{self.name} has tensors of type {datatype}, which no array holds; serve another model")
        return np.dtype(kind).name

    def _sent(self, name: str, array: NDArray[Any]) -> Any:
        library = self._opened()
        sent = library.grpc.InferInput(name, list(array.shape), library.utils.np_to_triton_dtype(array.dtype))
        sent.set_data_from_numpy(array)
        return sent

    def _opened(self) -> _Library:
        if self._client is None or self._library is None:
            raise BackendError(f"{self.name} is not connected; use the backend in a 'with' block")
        return self._library

    def _explained(self, error: Any) -> BackendError:
        status, said = str(error.status()).removeprefix("StatusCode."), error.message()
        if status == "DEADLINE_EXCEEDED":
            return BackendError(
                f"{self.name} gave no answer within {self.timeout_s:g} s; see in its log whether it works, let fewer "
                f"lines use it, or allow more time"
            )
        if status == "UNAVAILABLE":
            return BackendError(
                f"{self.name} cannot be reached or takes no more requests ({said}); start the server, check host and "
                f"gRPC port (8001, where 8000 is HTTP), or let fewer lines use it ({GUIDE})"
            )
        if status == "NOT_FOUND":
            return BackendError(f"{self.name} is not there ({said}); {GUIDE} says how to serve it")
        return BackendError(f"{self.name} could not be run ({status}: {said}); the server's log may say more")


def _installed() -> _Library:
    try:
        import tritonclient.grpc as grpc
        import tritonclient.utils as utils
    except (ImportError, RuntimeError) as error:  # the latter where it was installed without its part for gRPC
        raise BackendError(
            f"Triton's client cannot be imported ({error}); install it: pip install 'di2pose[triton]'"
        ) from error
    return _Library(grpc, utils)
