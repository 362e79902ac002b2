"""The live model as one ONNX graph, so that the live line needs no torch.

Inputs by `INPUTS`: the numbers of `engine.runtime.live_numbers` with a free batch, and `noise` of a fixed shape.
Outputs: joints_mm (batch, 17, 3), spread_mm (batch, 17), seen (batch, 17) probabilities, and hypotheses_mm (batch,
hypothesis, 17, 3); joints in virtual axes.
Weights are stored in half precision and computed with in single. Law: onnxruntime gives what torch gives.
"""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import helper, numpy_helper

from engine.model.checkpoint import HALVED_FROM
from engine.model.live_condition import MAP_CHANNELS, POINT_FEATURES, POINT_NUMBERS, POINTS, POSITIONS, VIEW_NUMBERS
from engine.model.live_pose import LivePose, gumbel_noise

log = logging.getLogger(__name__)

INPUTS = ("points", "at_points", "trunk_2", "trunk_4", "view", "noise")
OUTPUTS = ("joints_mm", "spread_mm", "seen", "hypotheses_mm")
OPSET = 20
INPUT_SHAPES = {
    "points": (POINTS, POINT_NUMBERS),
    "at_points": (POINTS, POINT_FEATURES),
    **{name: (positions, MAP_CHANNELS) for name, positions in POSITIONS.items()},
    "view": (VIEW_NUMBERS,),
}
"""Of one crop; `noise` has the shape `LivePose.noise_shape`."""


def export_live_pose(pose: LivePose, path: Path) -> Path:
    """Writes the graph to `path` and returns it. Leaves the model in evaluation mode."""
    batch = torch.export.Dim("batch", min=1, max=1024)
    example = [torch.zeros(2, *INPUT_SHAPES[name]) for name in INPUTS[:-1]]
    program = torch.onnx.export(
        pose.eval(),
        (*example, gumbel_noise(pose.noise_shape, seed=0)),
        input_names=list(INPUTS),
        output_names=list(OUTPUTS),
        dynamic_shapes=(*({0: batch} for _ in example), {}),
        opset_version=OPSET,
        dynamo=True,
        verbose=False,
    )
    if program is None:
        raise RuntimeError(
            f"torch.onnx.export gave no program for {path.name}; check the installed torch and onnxscript"
        )
    model = halved(anonymous(program.model_proto))
    onnx.checker.check_model(model)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(model.SerializeToString(deterministic=True))
    log.info("wrote %s, %d bytes", path, path.stat().st_size)
    return path


def anonymous(model: onnx.ModelProto) -> onnx.ModelProto:
    """Without the exporter's notes, which tell where the source files lay on the machine that exported."""
    noted = [model, model.graph, *model.graph.node, *model.graph.input, *model.graph.output, *model.graph.value_info]
    for function in model.functions:
        noted += [function, *function.node]
    for entry in [*noted, *model.graph.initializer]:
        entry.ClearField("metadata_props")
        entry.ClearField("doc_string")
    return model


def halved(model: onnx.ModelProto) -> onnx.ModelProto:
    """The same graph with its large weights in half precision, each behind a cast back to single."""
    kept, casts = [], []
    for tensor in model.graph.initializer:
        values = numpy_helper.to_array(tensor)
        if values.dtype != np.float32 or values.size < HALVED_FROM:
            kept.append(tensor)
            continue
        stored = f"{tensor.name}.half"
        kept.append(numpy_helper.from_array(values.astype(np.float16), stored))
        casts.append(helper.make_node("Cast", [stored], [tensor.name], to=onnx.TensorProto.FLOAT))
    nodes = [*casts, *model.graph.node]
    for name, found in (("initializer", kept), ("node", nodes)):
        model.graph.ClearField(name)
        getattr(model.graph, name).extend(found)
    return model
