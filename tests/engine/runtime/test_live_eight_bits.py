"""The narrow live model answers as the wide one does, for any batch; its file is whole or made anew."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import numpy_helper

from engine.runtime.backend import BackendError
from engine.runtime.di2pose_estimator import shipped_graph
from engine.runtime.live_eight_bits import BLOCK, eight_bit_live_onnx, narrow

SHAPES = {"points": (33, 17), "at_points": (33, 48), "trunk_2": (4, 288), "trunk_4": (16, 288), "view": (3,)}


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DI2POSE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def answers(path: Path, count: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(count)
    given = {name: rng.normal(0, 0.5, (count, *shape)).astype(np.float32) for name, shape in SHAPES.items()}
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    given["noise"] = rng.gumbel(size=session.get_inputs()[-1].shape).astype(np.float32)
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, given), strict=True))


@pytest.mark.parametrize("count", [1, 5])
def test_it_answers_as_the_wide_one_does(cache: Path, count: int) -> None:
    wide, found = (answers(path, count) for path in (shipped_graph(), eight_bit_live_onnx(shipped_graph())))
    off_mm = np.linalg.norm(found["joints_mm"] - wide["joints_mm"], axis=-1)
    assert 0 < off_mm.mean() < 5 and off_mm.max() < 40
    np.testing.assert_allclose(found["spread_mm"].mean(), wide["spread_mm"].mean(), rtol=0.05)
    assert found["hypotheses_mm"].shape == wide["hypotheses_mm"].shape
    np.testing.assert_array_equal(found["seen"], wide["seen"])  # its matrices are small


def test_large_matrices_alone_are_narrow_and_none_is_kept_twice(cache: Path) -> None:
    model = onnx.load(eight_bit_live_onnx(shipped_graph()))
    sizes = {weight.name: int(np.prod(weight.dims)) for weight in model.graph.initializer}
    narrow_products = [node for node in model.graph.node if node.op_type == "MatMulNBits"]
    assert len(narrow_products) > 10 and all(sizes[node.input[1]] >= 100_000 for node in narrow_products)
    wide = [node for node in model.graph.node if node.op_type in ("Gemm", "MatMul")]
    assert wide and all(sizes.get(node.input[1], 0) < 100_000 for node in wide)
    read = {name for node in model.graph.node for name in node.input}
    assert sizes.keys() <= read
    assert eight_bit_live_onnx(shipped_graph()).stat().st_size < 0.7 * shipped_graph().stat().st_size


def test_each_run_of_weights_has_a_step_that_fits_it() -> None:
    rng = np.random.default_rng(0)
    weight = rng.normal(size=(800, 3 * BLOCK + 7)).astype(np.float32)
    weight[:, BLOCK : 2 * BLOCK] *= 100
    x = onnx.helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, ["batch", weight.shape[1]])
    y = onnx.helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, ["batch", 800])
    node = onnx.helper.make_node("Gemm", ["x", "w"], ["y"], transB=1)
    graph = onnx.helper.make_graph([node], "product", [x], [y], [numpy_helper.from_array(weight, "w")])
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 20)], ir_version=10)
    narrow(model)
    stored = {each.name: numpy_helper.to_array(each) for each in model.graph.initializer}
    assert stored["y_bits"].shape == (800, 4, BLOCK) and "w" not in stored
    back = ((stored["y_bits"].astype(np.float32) - 128) * stored["y_steps"][..., None]).reshape(800, -1)
    off = np.abs(back[:, : weight.shape[1]] - weight)
    assert off[:, :BLOCK].max() < 0.03 < 0.5 < off[:, BLOCK : 2 * BLOCK].max() < 3


def test_a_product_that_is_more_than_a_matrix_and_a_bias_stays() -> None:
    weight = numpy_helper.from_array(np.ones((400, 400), np.float32), "w")
    node = onnx.helper.make_node("Gemm", ["x", "w"], ["y"], alpha=2.0)
    model = onnx.helper.make_model(onnx.helper.make_graph([node], "product", [], [], [weight]))
    narrow(model)
    assert [each.op_type for each in model.graph.node] == ["Gemm"] and model.graph.initializer[0].name == "w"


def test_a_damaged_file_is_made_anew(cache: Path) -> None:
    made = eight_bit_live_onnx(shipped_graph())
    whole = made.read_bytes()
    made.write_bytes(whole[: len(whole) // 2])
    assert eight_bit_live_onnx(shipped_graph()) == made and made.read_bytes() == whole


def test_what_cannot_be_read_or_written_is_said(cache: Path, tmp_path: Path) -> None:
    with pytest.raises(BackendError, match=r"no network .*export onnx"):
        eight_bit_live_onnx(tmp_path / "none.onnx")
    (tmp_path / "text.onnx").write_text("no network")
    with pytest.raises(BackendError, match="is not an ONNX file"):
        eight_bit_live_onnx(tmp_path / "text.onnx")
    cache.write_text("in the way")
    with pytest.raises(BackendError, match=r"cannot write .*DI2POSE_CACHE"):
        eight_bit_live_onnx(shipped_graph())
