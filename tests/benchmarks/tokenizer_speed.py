"""Encoder plus decoder of a tokenizer in onnxruntime, one core, batch 1.

    python tests/benchmarks/tokenizer_speed.py live

Prints the median and the 99th percentile in ms, and the largest difference to torch in mm.
"""

from __future__ import annotations

import io
import sys
import time
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from torch import Tensor, nn

sys.path.insert(0, str(Path(__file__).parents[2]))

from training.evaluate_tokenizer import shipped_tokenizer


class RoundTrip(nn.Module):
    """Pose in, tokens and pose out: both halves in one graph, so that one run is one round trip."""

    def __init__(self, tokenizer: nn.Module) -> None:
        super().__init__()
        self.tokenizer = tokenizer

    def forward(self, joints_mm: Tensor) -> tuple[Tensor, Tensor]:
        indices = self.tokenizer.encode(joints_mm)
        return indices, self.tokenizer.decode(indices)


def main() -> None:
    name = sys.argv[1] if len(sys.argv) > 1 else "live"
    _, tokenizer = shipped_tokenizer(name)
    network, pose = RoundTrip(tokenizer).eval(), torch.randn(1, 17, 3) * 250
    file = io.BytesIO()
    torch.onnx.export(
        network, (pose,), file, input_names=["joints_mm"], output_names=["tokens", "pose_mm"], dynamo=False
    )
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(file.getvalue(), options, providers=["CPUExecutionProvider"])
    feed = {"joints_mm": pose.numpy()}
    times_ms = []
    for _ in range(3000):
        before_ns = time.perf_counter_ns()
        _, decoded = session.run(None, feed)
        times_ms.append((time.perf_counter_ns() - before_ns) / 1e6)
    with torch.no_grad():
        difference_mm = float(np.abs(decoded - network(pose)[1].numpy()).max())
    steady = np.sort(times_ms[500:])
    print(
        f"{name}: median {np.median(steady):.3f} ms, p99 {steady[int(0.99 * len(steady))]:.3f} ms, "
        f"difference to torch {difference_mm:.5f} mm"
    )


if __name__ == "__main__":
    main()
