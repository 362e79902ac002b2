"""The line's networks on a Triton server."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from engine.blazepose.cache import sha256_of
from engine.runtime.backend import Backend, BackendError
from engine.runtime.triton_backend import TritonServer


class TritonNetworks:
    """Every graph on one server. BackendError where the server's graph is another one than the line would run here."""

    wants_features = True
    warm_up_runs = 1

    def __init__(self, server: TritonServer) -> None:
        self._server = server
        self.in_use: dict[str, str] = {}

    def has_plan(self, name: str, path_of: Callable[[], Path]) -> bool:  # noqa: ARG002
        return False

    @contextmanager
    def opened(self, name: str, path: Path, *, threads: int) -> Iterator[Backend]:  # noqa: ARG002 - the server's own
        with self._server.backend(name) as backend:
            here, there = sha256_of(path), backend.onnx_sha256
            if here != there:
                raise BackendError(
                    f"Triton at {self._server.address} serves another {name} graph (sha256 {there[:12]}) than "
                    f"{path.name} here ({here[:12]}); export it again with `di2pose export triton` of this version"
                )
            self.in_use[name] = f"Triton at {self._server.address}"
            yield backend
