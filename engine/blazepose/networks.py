"""The BlazePose networks, ready to run: which outputs exist, and their ONNX graphs in the cache."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import onnx

from engine.blazepose.cache import cache_dir, kept, sha256_of
from engine.blazepose.eight_bits import eight_bit_onnx
from engine.blazepose.fetch import (
    DETECTOR,
    LANDMARK_FULL,
    LANDMARK_HEAVY,
    NetworkFile,
    NetworkFilesError,
    network_file,
)
from engine.blazepose.graph import NetworkGraph
from engine.blazepose.pip_download import Progress, silent
from engine.blazepose.seen_tensors import DETECTOR_SEEN, HEAVY_SEEN, read_seen
from engine.blazepose.simplify import simplified
from engine.blazepose.tflite_graph import read_graph
from engine.blazepose.to_onnx import CONVERTER_VERSION, to_onnx

log = logging.getLogger(__name__)

INPUT_NAME = "image"
LANDMARK_SIZE_PX = 256
DETECTOR_SIZE_PX = 224

LANDMARK_OUTPUTS: dict[str, str] = {
    "landmarks": "Identity",
    "presence": "Identity_1",
    "heatmap": "Identity_3",
    "world": "Identity_4",
}
"""landmarks (batch, 195): 39 x (x, y, z in crop px, visibility logit, presence logit); presence (batch, 1)
probability; heatmap (batch, 39, 64, 64) logits; world (batch, 117): 39 x metres."""


@dataclass(frozen=True, slots=True)
class LandmarkNetwork:
    """One of MediaPipe's landmark networks; all have the input and the outputs of `LANDMARK_OUTPUTS`."""

    name: str
    file: NetworkFile
    features: Mapping[str, str]
    """Its feature maps; those of one name have the same shape in every network, see `FEATURE_CHANNELS`."""


FULL = LandmarkNetwork(
    "full",
    LANDMARK_FULL,
    {
        "backbone_64": "model_1/model/add/add",
        "backbone_32": "model_1/model/add_1/add",
        "backbone_16": "model_1/model/add_5/add",
        "backbone_8": "model_1/model/add_8/add",
        "pyramid_8": (
            "model_1/model/re_lu_33/Relu6;model_1/model/batch_normalization_48/FusedBatchNormV3;"
            "model_1/model/conv2d_31/BiasAdd/ReadVariableOp/resource;model_1/model/conv2d_31/BiasAdd;"
            "model_1/model/depthwise_conv2d_33/depthwise;model_1/model/conv2d_31/Conv2D1"
        ),
        "pyramid_16": "model_1/model/add_9/add",
        "pyramid_32": "model_1/model/add_10/add",
        "pyramid_64": "model_1/model/add_11/add",
        "trunk_8": (
            "model_1/model/re_lu_41/Relu6;model_1/model/batch_normalization_56/FusedBatchNormV3;"
            "model_1/model/conv2d_35/BiasAdd/ReadVariableOp/resource;model_1/model/conv2d_35/BiasAdd;"
            "model_1/model/conv2d_46/Conv2D;model_1/model/conv2d_35/Conv2D1"
        ),
        "trunk_4": "model_1/model/re_lu_51/Relu6;model_1/model/add_16/add",
        "trunk_2": "model_1/model/re_lu_63/Relu6;model_1/model/add_22/add",
    },
)
"""MediaPipe's default, which `--estimator blazepose` runs."""

HEAVY = LandmarkNetwork(
    "heavy",
    LANDMARK_HEAVY,
    {
        "pyramid_64": "model_1/model/add_25/add",
        "trunk_4": "model_1/model/re_lu_135/Relu6;model_1/model/add_59/add",
        "trunk_2": "model_1/model/re_lu_151/Relu6;model_1/model/add_67/add",
    },
)
"""What Di2Pose reads: it finds joints better (docs/experiments.md). Its backbone's maps have shapes of their own, and
nothing asks for them."""

FEATURE_CHANNELS: dict[str, int] = {
    "backbone_64": 24, "backbone_32": 32, "backbone_16": 88, "backbone_8": 144,
    "pyramid_8": 48, "pyramid_16": 48, "pyramid_32": 48, "pyramid_64": 48,
    "trunk_8": 288, "trunk_4": 288, "trunk_2": 288,
}  # fmt: skip
"""Channels of feature maps (batch, channel, height, width); the number is height = width. The backbone ends in 8x8 and
forks there: the pyramid grows back to 64x64, of which the heatmap is a linear map; the trunk shrinks to 2x2, of which
landmarks, world and presence are linear maps. So the trunk knows the depth, the pyramid the place."""

DETECTOR_OUTPUTS: dict[str, str] = {
    "boxes": "Identity",
    "scores": "Identity_1",
}
"""boxes (batch, 2254, 12) in input pixels relative to the anchor; scores (batch, 2254, 1) logits."""


def landmark_graph(
    network: LandmarkNetwork, directory: Path | None = None, *, outputs: Sequence[str] = tuple(LANDMARK_OUTPUTS)
) -> NetworkGraph:
    """A landmark network: input `image` (batch, 256, 256, 3) RGB in 0..1, outputs chosen by name."""
    known = {**LANDMARK_OUTPUTS, **network.features}
    unknown = [each for each in outputs if each not in known]
    if unknown:
        raise KeyError(f"the {network.name} landmark network has no output {unknown[0]!r}; it has {', '.join(known)}")
    chosen = {each: known[each] for each in outputs}
    return read_graph(network_file(network.file, directory), INPUT_NAME, outputs=chosen)


def detector_graph(directory: Path | None = None) -> NetworkGraph:
    """The detector: input `image` (batch, 224, 224, 3) RGB in -1..1."""
    return read_graph(network_file(DETECTOR, directory), INPUT_NAME, outputs=DETECTOR_OUTPUTS)


def landmark_onnx(
    network: LandmarkNetwork,
    directory: Path | None = None,
    *,
    features: Sequence[str] = (),
    progress: Progress = silent,
) -> Path:
    """A landmark network as ONNX in the cache: `LANDMARK_OUTPUTS` and the named feature maps.

    Converted where the cache lacks it or holds a damaged one. NetworkFilesError says what to do.
    """
    network_file(network.file, directory, progress=progress)
    outputs = (*LANDMARK_OUTPUTS, *features)
    target = _target(f"landmark-{network.name}", network.file.sha256, *outputs)
    return _made(target, lambda: landmark_graph(network, directory, outputs=outputs), to_onnx)


def eight_bit_landmark_onnx(
    directory: Path | None = None, *, features: Sequence[str] = (), progress: Progress = silent
) -> Path:
    """The heavy landmark network in 8 bits for CPUs (`engine.blazepose.eight_bits`); otherwise as `landmark_onnx`."""
    network_file(HEAVY.file, directory, progress=progress)
    outputs = (*LANDMARK_OUTPUTS, *features)
    target = _target("landmark-heavy-8bit", eight_bit_id(), *outputs)
    return _made(
        target,
        lambda: landmark_graph(HEAVY, directory, outputs=outputs),
        lambda graph: eight_bit_onnx(graph, read_seen(HEAVY_SEEN)),
    )


def eight_bit_id() -> str:
    """Changes with the network and with what its 8-bit form was made with."""
    return f"{HEAVY.file.sha256[:16]} in 8 bits {sha256_of(HEAVY_SEEN)[:16]}"


def detector_onnx(directory: Path | None = None, *, progress: Progress = silent) -> Path:
    """The detector as ONNX in the cache, see `landmark_onnx`."""
    network_file(DETECTOR, directory, progress=progress)
    target = _target("detector", DETECTOR.sha256, *DETECTOR_OUTPUTS)
    return _made(target, lambda: detector_graph(directory), to_onnx)


def eight_bit_detector_onnx(directory: Path | None = None, *, progress: Progress = silent) -> Path:
    """The detector in 8 bits for CPUs, as `eight_bit_landmark_onnx`."""
    network_file(DETECTOR, directory, progress=progress)
    target = _target("detector-8bit", DETECTOR.sha256, sha256_of(DETECTOR_SEEN), *DETECTOR_OUTPUTS)
    return _made(
        target, lambda: detector_graph(directory), lambda graph: eight_bit_onnx(graph, read_seen(DETECTOR_SEEN))
    )


def _target(kind: str, *made_of: str) -> Path:
    key = hashlib.sha256("\n".join((CONVERTER_VERSION, *made_of)).encode()).hexdigest()
    return cache_dir() / "blazepose" / f"{kind}-{key[:16]}.onnx"


def _made(
    target: Path, graph_of: Callable[[], NetworkGraph], onnx_of: Callable[[NetworkGraph], onnx.ModelProto]
) -> Path:
    """`target`, written first where it is missing or damaged."""

    def content() -> bytes:
        graph = graph_of()
        made = onnx_of(simplified(graph)).SerializeToString(deterministic=True)
        log.info("converted %s to %s", graph.source, target)
        return made

    return kept(target, content, error=NetworkFilesError, room_mb=150)
