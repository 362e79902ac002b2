"""Encoder plus decoder of a tokenizer in onnxruntime, one core, batch 1.

    python tests/benchmarks/tokenizer_speed.py live

Prints the least, the median and the 99th percentile of a round trip in ms, its CPU time (the mean, which other work on
the machine disturbs least), and the largest difference to torch in mm.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import onnxruntime
import torch

sys.path.insert(0, str(Path(__file__).parents[2]))

from engine.model.tokenizer_onnx import export_tokenizer
from training.evaluate_tokenizer import shipped_tokenizer

ROUNDS, WARM_UP = 5000, 500


def session(path: Path) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(path.read_bytes(), options, providers=["CPUExecutionProvider"])


def main() -> None:
    name = sys.argv[1] if len(sys.argv) > 1 else "live"
    _, tokenizer = shipped_tokenizer(name)
    pose = torch.randn(1, 17, 3) * 250
    with tempfile.TemporaryDirectory() as folder:
        encoder, decoder = (session(path) for path in export_tokenizer(tokenizer, Path(folder)))
    times_ms = []
    cpu_s = time.process_time()
    for _ in range(ROUNDS):
        before_ns = time.perf_counter_ns()
        (tokens,) = encoder.run(None, {"joints_mm": pose.numpy()})
        (decoded,) = decoder.run(None, {"tokens": tokens})
        times_ms.append((time.perf_counter_ns() - before_ns) / 1e6)
    cpu_ms = (time.process_time() - cpu_s) / ROUNDS * 1e3
    with torch.no_grad():
        difference_mm = float(np.abs(decoded - tokenizer.decode(tokenizer.encode(pose)).numpy()).max())
    steady = np.sort(times_ms[WARM_UP:])
    print(
        f"{name}: least {steady[0]:.3f} ms, median {np.median(steady):.3f} ms, "
        f"p99 {steady[int(0.99 * len(steady))]:.3f} ms, CPU time {cpu_ms:.3f} ms, "
        f"difference to torch {difference_mm:.5f} mm"
    )


if __name__ == "__main__":
    main()
