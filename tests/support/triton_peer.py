"""A peer that speaks Triton's gRPC protocol on a loopback socket and serves a model repository with onnxruntime.

It uses Triton's own service definition and reads `config.pbtxt` by Triton's own schema. What it refuses, it refuses as
Triton does, with the status and words that a server of version 2.51 was seen to send.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import onnxruntime
from google.protobuf import text_format
from tritonclient.grpc import model_config_pb2, service_pb2, service_pb2_grpc
from tritonclient.utils import np_to_triton_dtype, triton_to_np_dtype

Code = grpc.StatusCode


def config_in(repository: Path, model: str) -> Any:
    """A model's config.pbtxt, read by Triton's schema."""
    text = (repository / model / "config.pbtxt").read_text(encoding="utf-8")
    return text_format.Parse(text, model_config_pb2.ModelConfig())


class TritonPeer(service_pb2_grpc.GRPCInferenceServiceServicer):
    """delay_s: how long an answer takes. broken: models that failed to load, with the reason."""

    def __init__(self, repository: Path, *, delay_s: float = 0.0, broken: dict[str, str] | None = None) -> None:
        self.delay_s, self._broken = delay_s, broken or {}
        names = [path.parent.name for path in sorted(repository.glob("*/config.pbtxt"))]
        self._configs = {name: config_in(repository, name) for name in names}
        self._sessions = {name: onnxruntime.InferenceSession(repository / name / "1" / "model.onnx") for name in names}
        self._lock = threading.Lock()

    def ModelReady(self, request: Any, context: Any) -> Any:
        return service_pb2.ModelReadyResponse(ready=request.name in self._configs and request.name not in self._broken)

    def RepositoryIndex(self, request: Any, context: Any) -> Any:
        made = service_pb2.RepositoryIndexResponse()
        for name in self._configs:
            broken = self._broken.get(name)
            made.models.add(name=name, version="1", state="UNAVAILABLE" if broken else "READY", reason=broken or "")
        return made

    def ModelConfig(self, request: Any, context: Any) -> Any:
        return service_pb2.ModelConfigResponse(config=self._config(request.name, context))

    def ModelMetadata(self, request: Any, context: Any) -> Any:
        config = self._config(request.name, context)
        made = service_pb2.ModelMetadataResponse(name=config.name, versions=["1"], platform=config.platform)
        for given, described in ((config.input, made.inputs), (config.output, made.outputs)):
            for entry in given:
                kind = model_config_pb2.DataType.Name(entry.data_type).removeprefix("TYPE_")
                described.add(name=entry.name, datatype=kind, shape=_full(config, entry))
        return made

    def ModelInfer(self, request: Any, context: Any) -> Any:
        config = self._config(request.model_name, context)
        time.sleep(self.delay_s)
        arrays = {
            sent.name: np.frombuffer(raw, triton_to_np_dtype(sent.datatype)).reshape(sent.shape)
            for sent, raw in zip(request.inputs, request.raw_input_contents, strict=True)
        }
        self._refuse_misfits(config, arrays, context)
        names = [entry.name for entry in config.output]
        with self._lock:
            outputs = self._sessions[config.name].run(names, arrays)
        made = service_pb2.ModelInferResponse(model_name=config.name, model_version="1")
        for name, array in zip(names, outputs, strict=True):
            made.outputs.add(name=name, datatype=np_to_triton_dtype(array.dtype), shape=array.shape)
            made.raw_output_contents.append(array.tobytes())
        return made

    def _config(self, name: str, context: Any) -> Any:
        if name not in self._configs:
            context.abort(Code.NOT_FOUND, f"Request for unknown model: '{name}' is not found")
        return self._configs[name]

    def _refuse_misfits(self, config: Any, arrays: dict[str, np.ndarray], context: Any) -> None:
        def refuse(why: str) -> None:
            context.abort(Code.INVALID_ARGUMENT, f"{why} for model '{config.name}'")

        if set(arrays) != {entry.name for entry in config.input}:
            refuse(f"unexpected inference input {sorted(arrays)}")
        for entry in config.input:
            wanted, found = _full(config, entry), list(arrays[entry.name].shape)
            if len(wanted) != len(found) or any(a not in (-1, b) for a, b in zip(wanted, found, strict=True)):
                refuse(f"unexpected shape for input '{entry.name}', expected {wanted}, got {found},")
            if config.max_batch_size and found[0] > config.max_batch_size:
                refuse(f"inference request batch-size must be <= {config.max_batch_size}")


def _full(config: Any, entry: Any) -> list[int]:
    return [-1, *entry.dims] if config.max_batch_size else list(entry.dims)


@contextmanager
def serving(peer: TritonPeer, port: int = 0) -> Iterator[str]:
    """The peer on a free port of the loopback device, or on that port; its address."""
    server = grpc.server(ThreadPoolExecutor(4), options=[("grpc.so_reuseport", 0)])
    service_pb2_grpc.add_GRPCInferenceServiceServicer_to_server(peer, server)
    bound = server.add_insecure_port(f"127.0.0.1:{port}")
    server.start()
    try:
        yield f"127.0.0.1:{bound}"
    finally:
        server.stop(grace=None).wait()
