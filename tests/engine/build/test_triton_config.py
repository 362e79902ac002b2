"""Laws of config.pbtxt: Triton's own schema reads it, and rows are joined only where every tensor has an open row."""

from __future__ import annotations

from pathlib import Path

import pytest
from onnx import helper
from small_graphs import graph_of, live_of_world, stored, two_layers

from engine.build.build_error import BuildError
from engine.build.onnx_file import read_onnx
from engine.build.served import ServedTensors
from engine.build.triton_config import Platform, TritonConfig
from engine.runtime.backend import TensorInfo

pytest.importorskip("tritonclient.grpc", reason="Triton's schema is in the extra triton: pip install 'di2pose[triton]'")

ROWS = TensorInfo("x", ("batch", 8), "float32")


def read(config: TritonConfig):
    from google.protobuf import text_format
    from tritonclient.grpc.model_config_pb2 import ModelConfig

    return text_format.Parse(config.text(), ModelConfig())


def tensors(*inputs: TensorInfo, outputs: tuple[TensorInfo, ...] = (ROWS,)) -> ServedTensors:
    return ServedTensors(inputs, outputs)


def test_open_rows_become_batches_and_leave_the_dims() -> None:
    found = read(TritonConfig("m", Platform.ONNX, tensors(ROWS), 4, {"made": "of"}))
    assert (found.name, found.platform, found.max_batch_size) == ("m", "onnxruntime_onnx", 4)
    assert [(entry.name, list(entry.dims), entry.data_type) for entry in found.input] == [("x", [8], 11)]
    assert found.HasField("dynamic_batching") and found.dynamic_batching.max_queue_delay_microseconds == 0
    assert found.dynamic_batching.default_queue_policy.max_queue_size == 64
    assert [(group.count, group.kind) for group in found.instance_group] == [(1, 0)]
    assert found.parameters["made"].string_value == "of"


@pytest.mark.parametrize(
    "other",
    [
        TensorInfo("noise", (16, 2), "float32"),  # as the live model's: shared by all rows
        TensorInfo("x2", ("batch", "token"), "float32"),
        TensorInfo("x2", ("batch",), "float32"),
    ],
)
def test_one_tensor_without_plain_rows_ends_batching_for_all(other: TensorInfo) -> None:
    for served in (tensors(ROWS, other), tensors(ROWS, outputs=(other,))):
        found = read(TritonConfig("m", Platform.ONNX, served, 4))
        assert found.max_batch_size == 0 and not found.HasField("dynamic_batching")
        written = {entry.name: list(entry.dims) for entry in (*found.input, *found.output)}
        assert written["x"] == [-1, 8]
        assert written[other.name] == [size if isinstance(size, int) else -1 for size in other.shape]
        assert [group.count for group in found.instance_group] == [2]


def test_a_plan_is_bound_to_the_gpu() -> None:
    found = read(TritonConfig("m", Platform.PLAN, tensors(ROWS), 4))
    assert found.platform == "tensorrt_plan"
    assert [group.kind for group in found.instance_group] == [found.instance_group[0].KIND_GPU]


@pytest.mark.parametrize("odd", ['a "quoted" name', "back\\slash", "größe", "two\nlines"])
def test_any_name_is_read_as_it_was(odd: str) -> None:
    found = read(TritonConfig("m", Platform.ONNX, tensors(TensorInfo(odd, ("b", 2), "int64")), 1, {"k": odd}))
    assert found.input[0].name == odd and found.parameters["k"].string_value == odd


def test_tensors_are_read_from_the_graph(tmp_path: Path) -> None:
    two = ServedTensors.of(read_onnx(stored(two_layers(), tmp_path / "two.onnx")))
    assert two.inputs == (TensorInfo("x", ("batch", 8), "float32"),)
    assert [(entry.name, len(entry.shape)) for entry in two.outputs] == [("y", 2)]
    live = ServedTensors.of(read_onnx(stored(live_of_world(), tmp_path / "live.onnx")))
    assert not live.is_batched and len(live.inputs) == 6


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: TritonConfig("m", Platform.ONNX, tensors(ROWS), 0), "--max-batch must be at least 1, got 0"),
        (
            lambda: TritonConfig("m", Platform.ONNX, tensors(TensorInfo("x", (1,), "complex64")), 1),
            "'x' is complex64, which Triton does not serve",
        ),
        (lambda: tensors(TensorInfo("x", (), "float32")), "'x' has no axes"),
    ],
)
def test_what_triton_cannot_serve_is_named(make, message: str) -> None:
    with pytest.raises(BuildError, match=message):
        make()


def test_a_graph_with_fixed_rows_is_served_as_it_is(tmp_path: Path) -> None:
    model = graph_of([helper.make_node("Relu", ["x"], ["y"])], {}, given=(1, 8))
    fixed = ServedTensors.of(read_onnx(stored(model, tmp_path / "fixed.onnx")))
    assert read(TritonConfig("m", Platform.ONNX, fixed, 16)).max_batch_size == 0
