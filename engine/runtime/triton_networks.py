"""The line's networks on a Triton server."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from engine.blazepose.cache import sha256_of
from engine.runtime.backend import Backend, BackendError
from engine.runtime.graph_name import SizeWh
from engine.runtime.networks import Choices
from engine.runtime.triton_backend import TritonBackend, TritonServer


class TritonNetworks:
    """Every graph on one server. BackendError where the server's graph is another one than the line would run here."""

    runs_on_cpu = False
    needs_plans = True
    warm_up_runs = 1

    def __init__(self, server: TritonServer) -> None:
        self._server = server
        self._choices = Choices()
        self.in_use: dict[str, str] = {}

    def frames_planned(self) -> tuple[SizeWh, ...]:
        """None: crops travel in a tenth of the bytes of a frame."""
        return ()

    def has_plan(self, name: str, path_of: Callable[[], Path]) -> bool:
        """Whether the server runs this very graph, as a plan or not; says why where it has one that is not used.

        BackendError where the server does not answer.
        """
        if not self._server.has(name):
            return False
        try:
            with self._server.backend(name) as backend:
                self._check(name, path_of(), backend)
        except BackendError as error:
            self._choices.say(f"{name}: not used ({error})")
            return False
        return True

    @contextmanager
    def opened(self, name: str, path: Path, *, threads: int) -> Iterator[Backend]:  # noqa: ARG002 - the server's own
        with self._server.backend(name) as backend:
            self._check(name, path, backend)
            self.in_use[name] = f"Triton at {self._server.address}"
            yield backend

    def _check(self, name: str, path: Path, backend: TritonBackend) -> None:
        here, there = sha256_of(path), backend.onnx_sha256
        if here != there:
            raise BackendError(
                f"Triton at {self._server.address} serves another {name} graph (sha256 {there[:12]}) than "
                f"{path.name} here ({here[:12]}); export it again with `di2pose export triton` of this version"
            )
