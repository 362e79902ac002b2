"""What the heavy landmark network's tensors hold when it sees rendered people: the numbers its 8-bit form is made with.

    di2pose data render --data DATA --out CROPS/mixed --kind mixed --count 1000 --seed 41
    python -m training.see_people CROPS/mixed CROPS/balance --count 100 --out engine/blazepose/heavy_seen.npz

`--count` crops of each set, evenly spread over it; about 25 a second.
"""

from __future__ import annotations

import argparse
import sys
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray

from engine.blazepose.eight_bits import needed_of
from engine.blazepose.graph import NetworkGraph
from engine.blazepose.networks import HEAVY, INPUT_NAME, landmark_graph
from engine.blazepose.seen_tensors import SeenTensor, write_seen
from engine.blazepose.simplify import simplified
from engine.blazepose.to_onnx import name, to_onnx
from engine.blazepose.warp import landmark_input
from training.synthetic.dataset import Dataset

F32 = NDArray[np.float32]

_NEVER_UNDERCUT = 0.95
"""Of the pictures: the range holds the largest value of so many. With that of all of them steps get too coarse
(docs/experiments.md)."""


def seen_by(graph: NetworkGraph, images_rgb: Iterable[NDArray[np.uint8]]) -> dict[int, SeenTensor]:
    """Of every tensor that the 8-bit form needs; images (256, 256, 3)."""
    tensors = needed_of(graph)
    model = to_onnx(graph)
    model.graph.output.extend(onnx.helper.make_empty_tensor_value_info(name(tensor)) for tensor in tensors)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    found: Mapping[int, list[F32]] = defaultdict(list)
    for image_rgb in images_rgb:
        values = session.run([name(tensor) for tensor in tensors], {INPUT_NAME: landmark_input(image_rgb[None])})
        for tensor, (picture,) in zip(tensors, values, strict=True):
            found[tensor].append(np.stack([picture.min((1, 2)), picture.max((1, 2)), picture.mean((1, 2))]))
    return {tensor: _over_pictures(np.stack(rows)) for tensor, rows in found.items()}


def _over_pictures(rows: F32) -> SeenTensor:
    """(picture, 3, channel) of smallest, largest and mean."""
    low, high, mean = np.moveaxis(rows, 1, 0)
    return SeenTensor(
        np.minimum(np.quantile(low, 1 - _NEVER_UNDERCUT, axis=0), 0).astype(np.float32),
        np.maximum(np.quantile(high, _NEVER_UNDERCUT, axis=0), 0).astype(np.float32),
        mean.mean(axis=0),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sets", nargs="+", type=Path)
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    graph = simplified(landmark_graph(HEAVY))  # with feature maps as outputs fewer tensors are needed
    datasets = [Dataset.open(path) for path in options.sets]
    places = ((each, row) for each in datasets for row in np.linspace(0, len(each) - 1, options.count).astype(int))
    seen = seen_by(graph, (each[int(row)].image_rgb for each, row in places))
    write_seen(options.out, seen)
    sys.stdout.write(f"{options.out}: {len(seen)} tensors, {options.count * len(datasets)} crops\n")


if __name__ == "__main__":
    main()
