"""Laws of reading a .tflite file: what is stored compactly unfolds, and bytes that are no network are refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from engine.blazepose import networks
from engine.blazepose.fetch import DETECTOR, LANDMARK_FULL
from engine.blazepose.graph import Conv, NetworkGraphError, Padding, Upsample
from engine.blazepose.simplify import simplified
from engine.blazepose.tflite_graph import read_graph

OUTPUTS = networks.DETECTOR_OUTPUTS


def test_paddings_are_spelled_out(networks_dir: Path) -> None:
    graph = networks.landmark_graph(networks.FULL)
    first = graph.ops[0]
    assert isinstance(first, Conv)
    assert first.sources == (graph.input,)
    assert first.weight.shape == (24, 3, 3, 3) and first.weight.dtype == np.float32
    assert first.padding == Padding(1, 1, 1, 1)  # a PAD of its own in the file
    paddings = {
        op.padding for op in networks.landmark_graph(networks.FULL).ops if isinstance(op, Conv) and op.stride == 2
    }
    assert Padding(0, 0, 1, 1) in paddings  # TensorFlow's SAME: 3x3, stride 2, even size


def test_sparse_weights_unfold_to_mostly_zeros(networks_dir: Path) -> None:
    convs = [op for op in networks.detector_graph().ops if isinstance(op, Conv) and op.groups == 1]
    zeros = [float((op.weight == 0).mean()) for op in convs]
    assert sum(share > 0.4 for share in zeros) >= 38  # as many as are stored sparse
    assert all(np.isfinite(op.weight).all() and op.weight.any() for op in convs)


def test_pruning_keeps_only_what_an_output_needs(networks_dir: Path) -> None:
    all_ops = networks.landmark_graph(networks.FULL).ops
    backbone = networks.landmark_graph(networks.FULL, outputs=("backbone_8",)).ops
    assert 0 < len(backbone) < len(all_ops)
    assert {op.output for op in backbone} < {op.output for op in all_ops}


def test_convolution_moves_in_front_of_upsampling(networks_dir: Path) -> None:
    before, after = networks.detector_graph(), simplified(networks.detector_graph())
    assert len(before.ops) == len(after.ops)
    channels = [after.shapes[op.sources[0]][3] for op in after.ops if isinstance(op, Upsample)]
    assert channels == [192, 96]  # were 1152 and 192


@pytest.mark.parametrize("kept", [0, 7, 8, 100, 10_000, 1_000_000, 2_900_000])
def test_cut_off_file_is_refused(networks_dir: Path, tmp_path: Path, kept: int) -> None:
    path = tmp_path / "cut.tflite"
    path.write_bytes((networks_dir / DETECTOR.name).read_bytes()[:kept])
    with pytest.raises(NetworkGraphError, match=r"cut\.tflite.*get the file again"):
        read_graph(path, "image", outputs=OUTPUTS)


def test_foreign_bytes_are_refused(tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    path = tmp_path / "noise.tflite"
    for size in (64, 5000):
        path.write_bytes(generator.bytes(4) + b"TFL3" + generator.bytes(size))
        with pytest.raises(NetworkGraphError, match=r"noise\.tflite"):
            read_graph(path, "image", outputs=OUTPUTS)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" * 20)
    with pytest.raises(NetworkGraphError, match="not a TFLite network"):
        read_graph(path, "image", outputs=OUTPUTS)


def test_flipped_bytes_are_read_or_refused_but_never_more(networks_dir: Path, tmp_path: Path) -> None:
    """Also a damage that stays undetected must not hang, take all memory or raise anything else."""
    generator = np.random.default_rng(1)
    content = (networks_dir / DETECTOR.name).read_bytes()
    path = tmp_path / "flipped.tflite"
    refused = 0
    for _ in range(15):
        damaged = bytearray(content)
        for place in generator.integers(len(content) - 60_000, len(content), 30):  # tables stand at the end
            damaged[place] = generator.integers(256)
        path.write_bytes(damaged)
        try:
            read_graph(path, "image", outputs=OUTPUTS)
        except NetworkGraphError:
            refused += 1
    assert refused > 5


def test_another_network_is_refused(networks_dir: Path) -> None:
    with pytest.raises(NetworkGraphError, match=r"has no tensor 'model_1/model/add_22/add'; it is another network"):
        read_graph(
            networks_dir / LANDMARK_FULL.name,
            "image",
            outputs={"x": "model_1/model/add_22/add"},
        )


def test_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(NetworkGraphError, match=r"cannot read network .*nowhere\.tflite: No such file"):
        read_graph(tmp_path / "nowhere.tflite", "image", outputs=OUTPUTS)
