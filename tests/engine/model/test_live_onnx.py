"""The live model's graph gives in onnxruntime what torch gives, for any batch, and its names are fixed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from exported_live import stored
from onnx import numpy_helper

from engine.model.checkpoint import HALVED_FROM, CheckpointError
from engine.model.config_reading import ConfigError
from engine.model.live_onnx import INPUTS, OPSET, OUTPUTS, halved
from engine.model.live_pose import gumbel_noise, load_live_pose

pytest.importorskip("onnxscript", reason="torch's exporter needs onnxscript")


@pytest.mark.parametrize("count", [1, 5])
def test_onnxruntime_gives_what_torch_gives(exported: tuple[Path, Path], count: int) -> None:
    directory, graph = exported
    pose = load_live_pose(directory)
    torch.manual_seed(count)
    shapes = ((33, 17), (33, 48), (4, 288), (16, 288), (3,))
    numbers = [torch.randn(count, *shape) for shape in shapes] + [gumbel_noise(pose.noise_shape, 0)]
    with torch.no_grad():
        expected = pose(*numbers)
    session = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])
    given = dict(zip(INPUTS, (value.numpy() for value in numbers), strict=True))
    for one, other in zip(session.run(list(OUTPUTS), given), expected, strict=True):
        np.testing.assert_allclose(one, other.numpy(), atol=0.5)


def test_names_opset_and_the_free_batch_are_fixed(exported: tuple[Path, Path]) -> None:
    model = onnx.load(exported[1])
    assert [entry.name for entry in model.graph.input] == list(INPUTS)
    assert [entry.name for entry in model.graph.output] == list(OUTPUTS)
    assert [entry.version for entry in model.opset_import if entry.domain == ""] == [OPSET]
    for entry in [*model.graph.input[:-1], *model.graph.output]:
        assert entry.type.tensor_type.shape.dim[0].dim_param, entry.name
    assert [size.dim_value for size in model.graph.input[-1].type.tensor_type.shape.dim] == [3, 2, 6, 9]


def test_only_large_weights_are_halved() -> None:
    large, small = np.full(HALVED_FROM, 1 / 3, np.float32), np.full(3, 1 / 3, np.float32)
    tensors = [numpy_helper.from_array(values, name) for name, values in (("large", large), ("small", small))]
    model = halved(onnx.helper.make_model(onnx.helper.make_graph([], "g", [], [], tensors)))
    kept = {entry.name: numpy_helper.to_array(entry) for entry in model.graph.initializer}
    assert kept["large.half"].dtype == np.float16 and kept["small"].dtype == np.float32
    assert [(node.op_type, list(node.output)) for node in model.graph.node] == [("Cast", ["large"])]


def test_what_is_not_finished_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="train doubt"):
        load_live_pose(stored(tmp_path / "trained", finished=False))
    with pytest.raises(ConfigError, match="ancestral"):
        load_live_pose(stored(tmp_path / "other", sampler="ancestral"))
