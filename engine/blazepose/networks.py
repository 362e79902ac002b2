"""The two BlazePose networks, ready to run: which outputs exist, and their ONNX graphs in the cache."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Sequence
from pathlib import Path

from engine.blazepose.cache import cache_dir, is_intact, write_with_digest
from engine.blazepose.fetch import DETECTOR, LANDMARK, NetworkFile, NetworkFilesError, network_files
from engine.blazepose.graph import Layout, NetworkGraph
from engine.blazepose.pip_download import Progress, silent
from engine.blazepose.simplify import simplified
from engine.blazepose.tflite_graph import read_graph
from engine.blazepose.to_onnx import CONVERTER_VERSION, to_onnx

log = logging.getLogger(__name__)

INPUT_NAME = "image"
LANDMARK_SIZE_PX = 256
DETECTOR_SIZE_PX = 224

LANDMARK_OUTPUTS: dict[str, tuple[str, Layout]] = {
    "landmarks": ("Identity", "channels_first"),
    "presence": ("Identity_1", "channels_first"),
    "heatmap": ("Identity_3", "channels_last"),
    "world": ("Identity_4", "channels_first"),
}
"""landmarks (batch, 195): 39 x (x, y, z in crop px, visibility logit, presence logit); presence (batch, 1)
probability; heatmap (batch, 64, 64, 39) logits; world (batch, 117): 39 x metres."""

FEATURE_OUTPUTS: dict[str, tuple[str, Layout]] = {
    "backbone_64": ("model_1/model/add/add", "channels_first"),
    "backbone_32": ("model_1/model/add_1/add", "channels_first"),
    "backbone_16": ("model_1/model/add_5/add", "channels_first"),
    "backbone_8": ("model_1/model/add_8/add", "channels_first"),
    "pyramid_8": (
        "model_1/model/re_lu_33/Relu6;model_1/model/batch_normalization_48/FusedBatchNormV3;"
        "model_1/model/conv2d_31/BiasAdd/ReadVariableOp/resource;model_1/model/conv2d_31/BiasAdd;"
        "model_1/model/depthwise_conv2d_33/depthwise;model_1/model/conv2d_31/Conv2D1",
        "channels_first",
    ),
    "pyramid_16": ("model_1/model/add_9/add", "channels_first"),
    "pyramid_32": ("model_1/model/add_10/add", "channels_first"),
    "pyramid_64": ("model_1/model/add_11/add", "channels_first"),
    "trunk_8": (
        "model_1/model/re_lu_41/Relu6;model_1/model/batch_normalization_56/FusedBatchNormV3;"
        "model_1/model/conv2d_35/BiasAdd/ReadVariableOp/resource;model_1/model/conv2d_35/BiasAdd;"
        "model_1/model/conv2d_46/Conv2D;model_1/model/conv2d_35/Conv2D1",
        "channels_first",
    ),
    "trunk_4": ("model_1/model/re_lu_51/Relu6;model_1/model/add_16/add", "channels_first"),
    "trunk_2": ("model_1/model/re_lu_63/Relu6;model_1/model/add_22/add", "channels_first"),
}
"""Feature maps (batch, channel, height, width); the number is height = width. Channels: backbone 24, 32, 88, 144,
pyramid 48, trunk 288. The backbone ends in 8x8 and forks there: the pyramid grows back to 64x64, of which the heatmap
is a linear map; the trunk shrinks to 2x2, of which landmarks, world and presence are linear maps. So the trunk knows
the depth, the pyramid the place."""

FEATURE_CHANNELS: dict[str, int] = {
    "backbone_64": 24, "backbone_32": 32, "backbone_16": 88, "backbone_8": 144,
    "pyramid_8": 48, "pyramid_16": 48, "pyramid_32": 48, "pyramid_64": 48,
    "trunk_8": 288, "trunk_4": 288, "trunk_2": 288,
}  # fmt: skip

DETECTOR_OUTPUTS: dict[str, tuple[str, Layout]] = {
    "boxes": ("Identity", "channels_first"),
    "scores": ("Identity_1", "channels_first"),
}
"""boxes (batch, 2254, 12) in input pixels relative to the anchor; scores (batch, 2254, 1) logits."""


def landmark_graph(directory: Path | None = None, *, outputs: Sequence[str] = tuple(LANDMARK_OUTPUTS)) -> NetworkGraph:
    """The landmark network: input `image` (batch, 256, 256, 3) RGB in 0..1, outputs chosen by name."""
    known = LANDMARK_OUTPUTS | FEATURE_OUTPUTS
    unknown = [name for name in outputs if name not in known]
    if unknown:
        raise KeyError(f"the landmark network has no output {unknown[0]!r}; it has {', '.join(known)}")
    return read_graph(network_files(directory).landmark, INPUT_NAME, outputs={name: known[name] for name in outputs})


def detector_graph(directory: Path | None = None) -> NetworkGraph:
    """The detector: input `image` (batch, 224, 224, 3) RGB in -1..1."""
    return read_graph(network_files(directory).detector, INPUT_NAME, outputs=DETECTOR_OUTPUTS)


def landmark_onnx(directory: Path | None = None, *, features: Sequence[str] = (), progress: Progress = silent) -> Path:
    """The landmark network as ONNX in the cache: `LANDMARK_OUTPUTS` and the named `FEATURE_OUTPUTS`.

    Converted where the cache lacks it or holds a damaged one. NetworkFilesError says what to do.
    """
    network_files(directory, progress=progress)
    outputs = (*LANDMARK_OUTPUTS, *features)
    target = _target("landmark", LANDMARK, outputs)
    if not is_intact(target):
        _store(target, landmark_graph(directory, outputs=outputs))
    return target


def detector_onnx(directory: Path | None = None, *, progress: Progress = silent) -> Path:
    """The detector as ONNX in the cache, see `landmark_onnx`."""
    network_files(directory, progress=progress)
    target = _target("detector", DETECTOR, tuple(DETECTOR_OUTPUTS))
    if not is_intact(target):
        _store(target, detector_graph(directory))
    return target


def _target(kind: str, file: NetworkFile, outputs: tuple[str, ...]) -> Path:
    key = hashlib.sha256("\n".join((file.sha256, CONVERTER_VERSION, *outputs)).encode()).hexdigest()
    return cache_dir() / "blazepose" / f"{kind}-{key[:16]}.onnx"


def _store(target: Path, graph: NetworkGraph) -> None:
    content = to_onnx(simplified(graph)).SerializeToString(deterministic=True)
    log.info("converted %s to %s", graph.source, target)
    try:
        write_with_digest(target, content)
    except OSError as error:
        raise NetworkFilesError(
            f"cannot write {target}: {error.strerror or error}. Free some disk space (20 MB) or set DI2POSE_CACHE "
            f"to a directory that you may write to"
        ) from error
