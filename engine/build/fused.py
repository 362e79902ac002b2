"""Landmark network, what is read from it and the live model as one graph: crops in, poses out; or a frame and places.

Tokens, features and heatmaps stay inside, on the device that runs it. The graph is put together from the two ONNX
files and from operations written here, without torch. Law: the same poses as the encoder, `LiveNumbers` and the live
model give one after the other (tests/engine/build/test_fused.py says how nearly).
"""

from __future__ import annotations

import hashlib
import logging
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, compose, helper, version_converter

from engine.blazepose.cache import cache_dir, kept, sha256_of
from engine.blazepose.features import KEPT_MAPS, POINT_MAP, shape_of
from engine.blazepose.landmarks import BODY_POINTS, PEAKS, POINTS
from engine.blazepose.networks import INPUT_NAME, LANDMARK_SIZE_PX
from engine.build.build_error import BuildError
from engine.build.fused_landmarks import Landmarks, at_points, landmarks
from engine.build.fused_rays import rays
from engine.build.fused_warp import cut_out
from engine.build.graph_writer import GraphWriter
from engine.build.onnx_file import OnnxGraph, read_onnx
from engine.build.precision import EXACT
from engine.runtime.fused_inputs import (
    CROPS,
    DISTORTION,
    FLAT_FROM_CROP,
    FRAME,
    LOG_SIZES,
    PLACE_PARTS,
    POINTS_PX,
    PRESENCE,
    VIEW_FROM_CAMERA,
    VISIBILITY,
    WORLD_M,
)
from engine.runtime.graph_name import SizeWh
from engine.runtime.hypothesis_noise import NOISE
from engine.runtime.live_numbers import LiveNumbers

log = logging.getLogger(__name__)

FUSED_VERSION = "1"
"""Raise it whenever the same two files give another graph: fused graphs in the cache are keyed by it."""

_ENCODER, _LIVE = "encoder/", "live/"
_BATCH = "batch"
_INPUTS: dict[str, tuple[int, tuple[int, ...]]] = {
    CROPS: (TensorProto.UINT8, (LANDMARK_SIZE_PX, LANDMARK_SIZE_PX, 3)),
    FLAT_FROM_CROP: (TensorProto.FLOAT, (2, 3)),
    DISTORTION: (TensorProto.FLOAT, (6,)),
    VIEW_FROM_CAMERA: (TensorProto.FLOAT, (3, 3)),
    LOG_SIZES: (TensorProto.FLOAT, (2,)),
}
"""Type and shape of one person's; noise is the live model's own, a frame is everybody's."""
_OUTPUTS: dict[str, tuple[int, ...]] = {
    POINTS_PX: (POINTS, 2),
    WORLD_M: (POINTS, 3),
    VISIBILITY: (POINTS,),
    PRESENCE: (1,),
}
"""Shapes of one person's, beside the live model's own outputs."""


def fused_onnx(landmark: Path, live: Path, frame_wh: SizeWh | None = None) -> Path:
    """The fused graph of a landmark network with its features and a live model, in the cache; made where it lacks.

    frame_wh: as for `fused`. BuildError where one of the two cannot be read or is not of this version, or the cache
    cannot be written.
    """
    size = [] if frame_wh is None else [f"{frame_wh[0]}x{frame_wh[1]}"]
    key = hashlib.sha256("\n".join((FUSED_VERSION, sha256_of(landmark), sha256_of(live), *size)).encode()).hexdigest()
    target = cache_dir() / "fused" / f"{'-'.join((live.stem, *size, key[:16]))}.onnx"

    def content() -> bytes:
        model = fused(read_onnx(landmark, "landmark"), read_onnx(live, "live"), frame_wh)
        log.info("fusing %s and %s to %s", landmark.name, live.name, target)
        return model.SerializeToString(deterministic=True)

    return kept(target, content, error=BuildError, room_mb=60)


def fused(landmark: OnnxGraph, live: OnnxGraph, frame_wh: SizeWh | None = None) -> onnx.ModelProto:
    """The two as one graph, checked.

    frame_wh: width and height of the frames that the graph takes, to cut the crops out itself; None: it takes crops.
    BuildError where the live model takes what this version does not make, or no such frame can be cut from.
    """
    wanted, given = {entry.name for entry in live.inputs}, {*LiveNumbers.NAMES, NOISE}
    if wanted != given:
        raise BuildError(
            f"{live.path} is no live model of this version: it takes {', '.join(sorted(wanted))} and not "
            f"{', '.join(sorted(given))}; export it again with `di2pose export onnx`"
        )
    opset = max(_opset(live.model), _opset(landmark.model))
    encoder, body = (
        compose.add_prefix(version_converter.convert_version(each.model, opset), prefix)
        for each, prefix in ((landmark, _ENCODER), (live, _LIVE))
    )
    before, between, after = (GraphWriter(f"{EXACT}{name}/") for name in ("before", "between", "after"))
    _picture(before, frame_wh)
    _numbers(between)
    for entry in live.model.graph.output:
        after.op("Identity", _LIVE + entry.name, to=entry.name)
    nodes = [*before.nodes, *encoder.graph.node, *between.nodes, *body.graph.node, *after.nodes]
    weights = [*before.weights, *encoder.graph.initializer, *between.weights, *body.graph.initializer]
    model = helper.make_model(
        helper.make_graph(nodes, "fused", _inputs(live, frame_wh), _outputs(live), weights),
        opset_imports=[helper.make_opsetid("", opset)],
        ir_version=max(landmark.model.ir_version, live.model.ir_version),
        producer_name="di2pose",
        producer_version=FUSED_VERSION,
    )
    onnx.checker.check_model(model, full_check=True)
    return model


def _picture(graph: GraphWriter, frame_wh: SizeWh | None) -> None:
    """`warp.landmark_input`, of crops or of `warp.cut`."""
    if frame_wh is None:
        levels = graph.cast(CROPS, TensorProto.FLOAT)
    else:
        levels = cut_out(graph, FRAME, PLACE_PARTS, frame_wh=frame_wh)
    graph.op("Mul", levels, 1 / 255, to=_ENCODER + INPUT_NAME)


def _numbers(graph: GraphWriter) -> None:
    """`LiveNumbers` of the encoder's outputs, into the live model; and what else a pose is made of."""
    found = landmarks(graph, values=_ENCODER + "landmarks", world=_ENCODER + "world", heatmap=_ENCODER + "heatmap")
    body_px = graph.sliced(found.points_px, 0, BODY_POINTS, axis=1)
    graph.joined(*_point_columns(graph, found, body_px), to=_LIVE + "points")
    graph.op("Identity", at_points(graph, _ENCODER + POINT_MAP, body_px), to=_LIVE + "at_points")
    for name in KEPT_MAPS:
        channels, height, width = shape_of(name)
        rows = graph.shaped(_ENCODER + name, 0, channels, height * width)
        graph.op("Transpose", rows, perm=[0, 2, 1], to=_LIVE + name)
    half_angle, side = (graph.sliced(LOG_SIZES, column, column + 1) for column in (0, 1))
    graph.joined(half_angle, _ENCODER + "presence", side, to=_LIVE + "view")
    graph.op("Identity", NOISE, to=_LIVE + NOISE)
    graph.op("Identity", found.points_px, to=POINTS_PX)
    graph.op("Identity", found.world_m, to=WORLD_M)
    graph.op("Squeeze", found.visibility, np.array([2], np.int64), to=VISIBILITY)
    graph.op("Identity", _ENCODER + "presence", to=PRESENCE)


def _point_columns(graph: GraphWriter, found: Landmarks, body_px: str) -> tuple[str, ...]:
    """(batch, 33, columns) each, in the order of `LiveNumbers.points`."""
    half = LANDMARK_SIZE_PX / 2
    places_px = graph.joined(body_px, graph.shaped(found.peaks_px, 0, BODY_POINTS * PEAKS, 2), axis=1)
    units = graph.op("Mul", graph.op("Sub", places_px, half - 0.5), 1 / half)
    directions = rays(graph, units)
    peak_rays = graph.shaped(
        graph.sliced(directions, BODY_POINTS, BODY_POINTS * (1 + PEAKS), axis=1), 0, BODY_POINTS, PEAKS, 2
    )
    depth, world, visibility, in_picture = (
        graph.sliced(name, 0, BODY_POINTS, axis=1)
        for name in (found.depth_px, found.world_m, found.visibility, found.in_picture)
    )
    return (
        graph.sliced(directions, 0, BODY_POINTS, axis=1),
        graph.op("Mul", depth, 1 / half),
        world,
        visibility,
        in_picture,
        graph.shaped(graph.joined(peak_rays, found.peak_heats), 0, BODY_POINTS, 3 * PEAKS),
    )


def _inputs(live: OnnxGraph, frame_wh: SizeWh | None) -> list[onnx.ValueInfoProto]:
    noise = next(entry for entry in live.model.graph.input if entry.name == NOISE)
    given: dict[str, tuple[int, list[str | int]]] = {
        name: (kind, [_BATCH, *sizes]) for name, (kind, sizes) in _INPUTS.items()
    }
    if frame_wh is not None:
        width, height = frame_wh
        del given[CROPS]
        given = {
            FRAME: (TensorProto.UINT8, [1, height, width, 3]),
            PLACE_PARTS: (TensorProto.FLOAT, [_BATCH, 2, 2, LANDMARK_SIZE_PX]),
            **given,
        }
    return [*(helper.make_tensor_value_info(name, kind, sizes) for name, (kind, sizes) in given.items()), noise]


def _outputs(live: OnnxGraph) -> list[onnx.ValueInfoProto]:
    """The live model's own, and the encoder's."""
    found = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, [_BATCH, *sizes]) for name, sizes in _OUTPUTS.items()
    ]
    return [*live.model.graph.output, *found]


def _opset(model: onnx.ModelProto) -> int:
    return int(max(entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx")))
