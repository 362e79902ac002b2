"""What the landmark network's feature outputs cost: CPU time of one thread, with and without them, in turn.

    python tests/benchmarks/encoder_cost.py [RUNS]

Prints medians and, for the ratio to the plain network run beside it, the 95 % interval of the median.
"""

from __future__ import annotations

import sys
import time
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import skimage.data

sys.path.insert(0, str(Path(__file__).parents[2]))

from engine.blazepose.networks import FULL, INPUT_NAME, landmark_onnx
from engine.blazepose.warp import landmark_input
from engine.runtime.blazepose_encoder import needed_outputs
from engine.runtime.onnxruntime_backend import OnnxRuntimeBackend


def main(runs: int) -> None:
    generator = np.random.default_rng(0)
    inputs = {INPUT_NAME: landmark_input(skimage.data.astronaut()[None, ::2, ::2])}
    variants = {"plain": (), "plain again": (), "with features": needed_outputs()}
    spent_ms: dict[str, list[float]] = {name: [] for name in variants}
    with ExitStack() as stack:
        networks = {
            name: stack.enter_context(OnnxRuntimeBackend(landmark_onnx(FULL, features=features)))
            for name, features in variants.items()
        }
        for run in range(runs + 5):
            for name in generator.permutation(list(variants)):
                begun = time.thread_time()  # not the clock on the wall: others may use the machine
                networks[name].run(inputs)
                if run >= 5:
                    spent_ms[name].append((time.thread_time() - begun) * 1e3)
    for name, values in spent_ms.items():
        ratios = np.array(values) / np.array(spent_ms["plain"])
        draws = [np.median(generator.choice(ratios, runs)) for _ in range(1000)]
        low, high = np.percentile(draws, [2.5, 97.5])
        print(f"{name:14} {np.median(values):6.2f} ms   of plain: {np.median(ratios):.4f} ({low:.4f} to {high:.4f})")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 200)
