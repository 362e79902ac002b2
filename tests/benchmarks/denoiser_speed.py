"""What the second stage costs on a GPU, and whether bf16 learns what fp32 learns.

    python tests/benchmarks/denoiser_speed.py speed --config paper --config live
    python tests/benchmarks/denoiser_speed.py loss --config live --tokenizer live --data DATA --steps 2000

`speed` prints samples/s of the configured sampler per batch and precision, and the share of this device's own
matrix-multiply ceiling (a large product of the same precision, measured in the same run) that the network reaches.
`loss` trains twice with the same seed and batches and prints both curves and their largest gap. Weights do not change
the time, so fresh ones will do. `--device cpu` tries the script where there is no GPU.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode

sys.path.insert(0, str(Path(__file__).parents[2]))

from engine.model import config as configuration
from engine.model.config import ConditionConfig
from engine.model.di2pose import PoseModel, build_di2pose, build_live_di2pose, build_tokenizer
from training.cmu import BoneMotion, load_motion
from training.conditioned import ConditionedSampler
from training.data_directory import DataDirectory
from training.denoiser_task import DenoiserTask
from training.evaluate_tokenizer import shipped_tokenizer
from training.run import adamw, schedule_of, set_rate

ROUNDS = 5
CEILING_SIDE = {"cuda": 8192, "cpu": 1024}


def main() -> None:
    parser = argparse.ArgumentParser(description="Speed and precision of the denoiser.")
    parser.add_argument("what", choices=("speed", "loss"))
    parser.add_argument("--config", action="append", help="paper, live, ... or a TOML file; repeat for several.")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--batch", type=int, action="append", help="Poses at once; default 1, 16, 256.")
    parser.add_argument("--sampling-steps", type=int, help="Instead of the configuration's.")
    parser.add_argument("--data", type=Path)
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--tokenizer", help="Trained one for `loss`, by name or directory; otherwise fresh weights.")
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args()
    if asked.device == "cuda" and not torch.cuda.is_available():
        sys.exit("no CUDA device here; --device cpu tries the script")
    device = torch.device(asked.device)
    for config in asked.config or ["live"]:
        if asked.what == "speed":
            speed(config, device, batches=asked.batch or [1, 16, 256], steps=asked.sampling_steps)
        else:
            loss_curves(config, device, asked=asked)


def speed(name: str, device: torch.device, *, batches: list[int], steps: int | None) -> None:
    config = configuration.load(name)
    build = build_live_di2pose if config.condition.kind == "live" else build_di2pose
    model = build(config).to(device).eval()
    steps = steps or config.sampling.steps
    print(f"{name}: {steps} steps, {sum(weight.numel() for weight in model.denoiser.parameters()) / 1e6:.1f} M weights")
    for precision in ("fp32", "bf16"):
        ceiling = ceiling_flops(device, precision)
        for batch in batches:
            condition = torch.randn(batch, 17, config.denoiser.condition_channels, device=device)
            with autocast(device, precision), torch.no_grad():
                per_pass = flops_of_pass(model, condition)
                seconds = best_s(device, lambda c=condition: sample(model, c, steps))
            share = per_pass * steps / seconds / ceiling
            print(
                f"  {precision} batch {batch:4}: {batch / seconds:9.1f} samples/s, {1e3 * seconds:8.2f} ms, "
                f"{100 * share:5.1f} % of {ceiling / 1e12:.2f} TFLOP/s"
            )


def sample(model: PoseModel, condition: torch.Tensor, steps: int) -> None:
    generator = torch.Generator(condition.device).manual_seed(0)
    model.sample(condition, generator=generator, steps=steps, hypotheses=1)


def flops_of_pass(model: PoseModel, condition: torch.Tensor) -> int:
    """Floating-point operations of one pass of the denoiser with cached keys and values."""
    predict = model.denoiser.predictor(condition)
    tokens = torch.zeros(len(condition), model.tokenizer.tokens, dtype=torch.long, device=condition.device)
    step = torch.ones(len(condition), dtype=torch.long, device=condition.device)
    with FlopCounterMode(display=False) as counter:
        predict(tokens, step)
    return counter.get_total_flops()


def ceiling_flops(device: torch.device, precision: str) -> float:
    """What a large product reaches here, operations per second."""
    side = CEILING_SIDE[device.type]
    left = torch.randn(side, side, device=device, dtype=torch.bfloat16 if precision == "bf16" else torch.float32)
    return 2 * side**3 / best_s(device, lambda: left @ left)


def best_s(device: torch.device, work: Callable[[], object]) -> float:
    """Least wall time of several rounds after one to warm up."""
    times = []
    for _ in range(ROUNDS + 1):
        start = time.perf_counter()
        work()
        if device.type == "cuda":
            torch.cuda.synchronize()
        times.append(time.perf_counter() - start)
    return min(times[1:])


def autocast(device: torch.device, precision: str) -> AbstractContextManager[object]:
    return torch.autocast(device.type, torch.bfloat16) if precision == "bf16" else nullcontext()


def loss_curves(name: str, device: torch.device, *, asked: argparse.Namespace) -> None:
    motion, steps = load_motion(DataDirectory.find(asked.data)).part("train"), asked.steps
    curves = {
        precision: loss_curve(name, device, precision=precision, motion=motion, asked=asked)
        for precision in ("fp32", "bf16")
    }
    window = max(1, steps // 20)
    smooth = {key: np.convolve(curve, np.ones(window) / window, "valid")[::window] for key, curve in curves.items()}
    for row, (full, half) in enumerate(zip(smooth["fp32"], smooth["bf16"], strict=True)):
        print(f"{name} step {(row + 1) * window:6}: fp32 {full:.4f}, bf16 {half:.4f}")
    gap = float(np.max(np.abs(smooth["bf16"] / smooth["fp32"] - 1)))
    print(f"{name}: largest gap of the smoothed curves {100 * gap:.2f} %")
    if asked.out:
        rows = [{"config": name, "precision": key, "loss": curve} for key, curve in curves.items()]
        asked.out.write_text("".join(json.dumps(row) + "\n" for row in rows))


def loss_curve(
    name: str, device: torch.device, *, precision: str, motion: BoneMotion, asked: argparse.Namespace
) -> list[float]:
    config, steps = replace(configuration.load(name), condition=ConditionConfig()), asked.steps
    tokenizer = shipped_tokenizer(asked.tokenizer)[1] if asked.tokenizer else build_tokenizer(config)
    torch.manual_seed(0)
    task = DenoiserTask(config, tokenizer).to(device)
    batches = ConditionedSampler(motion, 0, batch_size=config.denoiser_training.optimiser.batch)
    plan = config.denoiser_training.optimiser
    schedule, optimizer = schedule_of(plan, steps), adamw(task.trained, plan)
    generator, losses = torch.Generator(device).manual_seed(0), []
    for step in range(steps):
        set_rate(optimizer, schedule.rate(step))
        batch = batches.batch(step).to(device)
        with autocast(device, precision):
            loss = task(batch.joints_mm, batch.joints_2d, batch.visible, generator)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(task.trained.parameters(), plan.clip_norm)
        optimizer.step()
        optimizer.zero_grad()
        losses.append(float(loss.detach()))
    return losses


if __name__ == "__main__":
    main()
