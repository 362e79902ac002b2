"""Operations of a `GraphWriter` run alone in onnxruntime."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx
import onnxruntime
from onnx import helper

from engine.build.graph_writer import GraphWriter


def ran(piece: GraphWriter, outputs: Sequence[str], **given: np.ndarray) -> list[np.ndarray]:
    """The named tensors."""
    inputs = [
        helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(array.dtype), array.shape)
        for name, array in given.items()
    ]
    asked = [onnx.ValueInfoProto(name=name) for name in outputs]
    graph = helper.make_graph(piece.nodes, "piece", inputs, asked, piece.weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(list(outputs), given)
