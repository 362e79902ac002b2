"""What a network's tensors hold when it sees rendered people: the numbers its 8-bit form is made with.

    di2pose data render --data DATA --out CROPS/mixed --kind mixed --count 1000 --seed 41
    python -m training.see_people CROPS/mixed CROPS/balance --count 100 --out engine/blazepose/heavy_seen.npz
    python -m training.see_people CROPS/mixed --count 100 --network detector --out engine/blazepose/detector_seen.npz

`--count` crops of each set, evenly spread over it; about 25 a second. The detector, which looks at whole frames, sees
one, four or nine crops side by side.
"""

from __future__ import annotations

import argparse
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray

from engine.blazepose.eight_bits import needed_of
from engine.blazepose.graph import NetworkGraph
from engine.blazepose.networks import DETECTOR_SIZE_PX, HEAVY, INPUT_NAME, detector_graph, landmark_graph
from engine.blazepose.seen_tensors import SeenTensor, write_seen
from engine.blazepose.simplify import simplified
from engine.blazepose.to_onnx import name, to_onnx
from engine.blazepose.warp import detector_input, landmark_input
from training.synthetic.dataset import Dataset

F32 = NDArray[np.float32]

_NEVER_UNDERCUT = 0.95
"""Of the pictures: the range holds the largest value of so many. With that of all of them steps get too coarse
(docs/experiments.md)."""


def seen_by(graph: NetworkGraph, inputs: Iterable[F32]) -> dict[int, SeenTensor]:
    """Of every tensor that the 8-bit form needs; inputs (height, width, 3) as the network takes them."""
    tensors = needed_of(graph)
    model = to_onnx(graph)
    model.graph.output.extend(onnx.helper.make_empty_tensor_value_info(name(tensor)) for tensor in tensors)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    found: Mapping[int, list[F32]] = defaultdict(list)
    for picture in inputs:
        values = session.run([name(tensor) for tensor in tensors], {INPUT_NAME: picture[None]})
        for tensor, (held,) in zip(tensors, values, strict=True):
            found[tensor].append(np.stack([held.min((1, 2)), held.max((1, 2)), held.mean((1, 2))]))
    return {tensor: _over_pictures(np.stack(rows)) for tensor, rows in found.items()}


def _over_pictures(rows: F32) -> SeenTensor:
    """(picture, 3, channel) of smallest, largest and mean."""
    low, high, mean = np.moveaxis(rows, 1, 0)
    return SeenTensor(
        np.minimum(np.quantile(low, 1 - _NEVER_UNDERCUT, axis=0), 0).astype(np.float32),
        np.maximum(np.quantile(high, _NEVER_UNDERCUT, axis=0), 0).astype(np.float32),
        mean.mean(axis=0),
    )


def shown_to_detector(images_rgb: Sequence[NDArray[np.uint8]]) -> Iterator[NDArray[np.uint8]]:
    """(224, 224, 3) pictures in turn of one crop, of four and of nine, as many as there are crops."""
    for first in range(len(images_rgb)):
        side = 1 + first % 3
        crops = [images_rgb[(first + number * 7) % len(images_rgb)] for number in range(side * side)]
        rows = [np.concatenate(crops[row * side : (row + 1) * side], axis=1) for row in range(side)]
        size_wh = (DETECTOR_SIZE_PX, DETECTOR_SIZE_PX)
        yield np.asarray(cv2.resize(np.concatenate(rows), size_wh, interpolation=cv2.INTER_AREA), np.uint8)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sets", nargs="+", type=Path)
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--network", choices=("heavy", "detector"), default="heavy")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    datasets = [Dataset.open(path) for path in options.sets]
    places = ((each, row) for each in datasets for row in np.linspace(0, len(each) - 1, options.count).astype(int))
    images_rgb = [each[int(row)].image_rgb for each, row in places]
    if options.network == "heavy":
        # With feature maps as outputs fewer tensors are needed.
        seen = seen_by(simplified(landmark_graph(HEAVY)), map(landmark_input, images_rgb))
    else:
        seen = seen_by(simplified(detector_graph()), map(detector_input, shown_to_detector(images_rgb)))
    write_seen(options.out, seen)
    sys.stdout.write(f"{options.out}: {len(seen)} tensors, {len(images_rgb)} crops\n")


if __name__ == "__main__":
    main()
