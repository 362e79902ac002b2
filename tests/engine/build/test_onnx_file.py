"""A graph is read whole or refused with the cause."""

from __future__ import annotations

from pathlib import Path

import pytest
from onnx import TensorProto
from small_graphs import stored, two_layers

from engine.build.build_error import BuildError
from engine.build.onnx_file import read_onnx


def test_inputs_tell_which_axes_are_open(tmp_path: Path) -> None:
    graph = read_onnx(stored(two_layers(), tmp_path / "two.onnx"))
    assert (graph.name, [entry.shape for entry in graph.inputs]) == ("two", [("batch", 8)])
    assert graph.inputs[0].is_open


@pytest.mark.parametrize("kept", [0, 1, 40, 300])
def test_a_file_cut_short_is_refused(tmp_path: Path, kept: int) -> None:
    path = stored(two_layers(), tmp_path / "two.onnx")
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(BuildError, match=r"two\.onnx .*(complete|cut short).*export onnx"):
        read_onnx(path)


def test_an_absent_file_and_a_foreign_one_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BuildError, match="cannot be read"):
        read_onnx(tmp_path / "none.onnx")
    (tmp_path / "text.onnx").write_text("this is no graph at all\n" * 9)
    with pytest.raises(BuildError, match="no complete ONNX graph"):
        read_onnx(tmp_path / "text.onnx")


def test_weights_in_other_files_are_refused(tmp_path: Path) -> None:
    model = two_layers()
    tensor = model.graph.initializer[0]
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="weights.bin")
    tensor.ClearField("raw_data")
    with pytest.raises(BuildError, match="one file|no complete ONNX"):
        read_onnx(stored(model, tmp_path / "apart.onnx"))
