"""Operations get names of their own, constants are stored once, and what is written runs."""

from __future__ import annotations

import numpy as np
from onnx import TensorProto
from onnx_pieces import ran

from engine.build.graph_writer import GraphWriter


def test_what_is_written_runs() -> None:
    piece = GraphWriter("room/")
    left, right = piece.ops("Split", "x", np.array([1, 2], np.int64), to=(None, None), axis=-1)
    piece.op("Add", piece.op("Mul", left, 2.0), piece.total(right), to="sum")
    piece.op("Identity", piece.sliced(piece.shaped("x", 0, 1, 3), 1, 3), to="kept")
    x = np.arange(6, dtype=np.float32).reshape(2, 3)
    total, kept = ran(piece, ["sum", "kept"], x=x)
    np.testing.assert_array_equal(total[:, 0], 2 * x[:, 0] + x[:, 1] + x[:, 2])
    np.testing.assert_array_equal(kept[:, 0], x[:, 1:])


def test_every_name_is_the_only_one_and_begins_with_the_room() -> None:
    piece = GraphWriter("room/")
    for _ in range(2):
        piece.cast(piece.op("Add", "x", 1.0), TensorProto.INT32)
    piece.ops("Split", "x", np.array([1, 2], np.int64), to=(None, None), axis=-1)
    written = [name for node in piece.nodes for name in node.output]
    assert len({*written, *(node.name for node in piece.nodes)}) == len(written) + len(piece.nodes)
    assert all(name.startswith("room/") for name in written)


def test_equal_constants_are_one_and_a_type_makes_another() -> None:
    piece = GraphWriter("room/")
    one = piece.constant(1.0)
    assert piece.constant(1.0) == one
    others = {piece.constant(values) for values in (np.array([1.0], np.float32), np.array(1, np.int64), 2.0)}
    assert one not in others and len(others) == 3 and len(piece.weights) == 4
