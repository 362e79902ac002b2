"""The graphs that a live line runs: detector, landmark encoder with its features, live model; the latter two in one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from engine.blazepose.networks import FULL, HEAVY, detector_onnx, landmark_onnx
from engine.build.build_error import BuildError
from engine.build.evidence import Evidence
from engine.build.fused import fused_onnx
from engine.build.onnx_file import OnnxGraph, read_onnx
from engine.runtime.blazepose_encoder import needed_outputs
from engine.runtime.di2pose_estimator import shipped_graph
from engine.runtime.graph_name import FUSED, LANDMARK_FULL, SizeWh, build_words, frame_of, framed, kind_of
from engine.runtime.hypothesis_noise import NOISE, drawn_noise

GRAPHS = ("detector", "landmark", "live")
"""What a line needs."""
KNOWN = (*GRAPHS, FUSED, LANDMARK_FULL)
"""`fused` is landmark network and live model once more, and `landmark_full` is for `--estimator blazepose`, so they are
built only when they are named."""


def in_order(names: Sequence[str] | None, frame_wh: SizeWh | None = None) -> list[str]:
    """Each once, the landmark network before the live model that it feeds; `GRAPHS` where none is named.

    frame_wh: of the frames that `fused` cuts its crops out of; None: it takes crops. BuildError for an unknown name, or
    for a frame and no `fused`.
    """
    unknown = [name for name in names or () if name not in KNOWN]
    if unknown and frame_of(unknown[0]) is not None:
        raise BuildError(
            f"the graph {unknown[0]!r} is asked for as `di2pose build {' '.join(build_words(unknown[0]))}`; a Triton "
            f"server takes crops instead of frames, with --graph {FUSED}"
        )
    if unknown:
        raise BuildError(f"there is no graph {unknown[0]!r}; choose among {', '.join(KNOWN)}")
    if frame_wh is not None and FUSED not in (names or ()):
        raise BuildError("--frame belongs to the fused graph and that is not asked for; give --graph fused as well")
    chosen = [name for name in KNOWN if name in (names or GRAPHS)]
    return chosen if frame_wh is None else [framed(frame_wh) if name == FUSED else name for name in chosen]


def encoder_path() -> Path:
    """The landmark network with the features that the live model reads."""
    return landmark_onnx(HEAVY, features=needed_outputs())


def graph_named(name: str, *, live_graph: Path | None = None) -> OnnxGraph:
    """One of `KNOWN` or `framed`, in fp32. BuildError for another name, or where no live model is there."""
    if name == "detector":
        return read_onnx(detector_onnx(), name)
    if name == "landmark":
        return read_onnx(encoder_path(), name)
    if name == LANDMARK_FULL:
        return read_onnx(landmark_onnx(FULL), name)
    if name == "live":
        return read_onnx(_live_path(live_graph), name)
    if kind_of(name) == FUSED:
        return read_onnx(fused_onnx(encoder_path(), _live_path(live_graph), frame_of(name)), name)
    raise BuildError(f"there is no graph {name!r}; choose among {', '.join(KNOWN)}")


def _live_path(live_graph: Path | None) -> Path:
    path = live_graph or shipped_graph()
    if live_graph is None and not path.is_file():
        raise BuildError(
            f"this version ships no live model ({path.name} is not there); export one with `di2pose export onnx "
            f"CHECKPOINT --out FILE.onnx` and give it with --live-graph, or build --graph detector --graph landmark"
        )
    return path


def gate_inputs(graph: OnnxGraph, evidence: Evidence) -> dict[str, NDArray[Any]]:
    """What the parity gate feeds this graph. BuildError where a live graph takes what this version does not make."""
    if graph.name == "detector":
        return evidence.detector_inputs()
    if graph.name in ("landmark", LANDMARK_FULL):
        return evidence.landmark_inputs()
    inputs = _inputs(graph, evidence)
    shapes = {entry.name: entry.shape for entry in graph.inputs}
    if set(shapes) != {*inputs, NOISE} or not all(isinstance(size, int) for size in shapes[NOISE]):
        raise BuildError(
            f"{graph.path} is no {graph.name} model of this version: it takes {', '.join(shapes)}; "
            f"export it again with `di2pose export onnx`"
        )
    return {**inputs, NOISE: drawn_noise(tuple(int(size) for size in shapes[NOISE]))}


def _inputs(graph: OnnxGraph, evidence: Evidence) -> dict[str, NDArray[Any]]:
    """All but the noise."""
    frame_wh = frame_of(graph.name)
    if frame_wh is not None:
        return evidence.framed_inputs(frame_wh)
    return evidence.fused_inputs() if graph.name == FUSED else evidence.live_inputs(encoder_path())
