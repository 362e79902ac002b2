"""What both training scripts share: options, the start of Lightning Fabric, batches ahead of time, steps of AdamW."""

from __future__ import annotations

import json
import math
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from lightning.fabric import Fabric
from torch import Tensor, nn

from engine.model.config import ModelConfig, OptimiserConfig
from training.journal import Journal
from training.schedule import Schedule

PRECISIONS = ("32-true", "bf16-mixed", "16-mixed")

_Batch = TypeVar("_Batch")
Progress = Callable[[int, int, str], None]
"""Called as progress(steps done, steps in all, what to say); draws on the terminal or does nothing."""


class RunError(ValueError):
    """A run cannot start as asked; the text quotes the setting and says what fits."""


@dataclass(frozen=True, slots=True)
class RunOptions:
    """How a run is carried out; what it learns is in the ModelConfig."""

    out: Path
    """Journal, training state and finished checkpoint go here; a run that was cut continues from it."""
    seed: int = 0
    steps: int | None = None
    """Instead of the configuration's epochs."""
    accelerator: str = "auto"
    devices: int = 1
    """Processes on this machine, one per GPU."""
    nodes: int = 1
    precision: str = "32-true"
    checkpoint_every: int = 500
    journal_every: int = 50
    evaluate_every: int = 1000
    tensorboard: bool = True

    def __post_init__(self) -> None:
        if self.precision not in PRECISIONS:
            raise RunError(f"precision {self.precision!r} is not one of {', '.join(PRECISIONS)}")
        for name in ("devices", "nodes", "checkpoint_every", "journal_every", "evaluate_every"):
            if getattr(self, name) < 1:
                raise RunError(f"{name} must be at least 1, got {getattr(self, name)}")
        if self.steps is not None and self.steps < 1:
            raise RunError(f"steps must be at least 1, got {self.steps}")


def start(options: RunOptions) -> Fabric:
    """Fabric with its processes launched: one, several GPUs, or the ones that torchrun or a cluster started."""
    strategy = "ddp" if options.devices * options.nodes > 1 else "auto"
    fabric = Fabric(
        accelerator=options.accelerator,
        devices=options.devices,
        num_nodes=options.nodes,
        strategy=strategy,
        precision=options.precision,  # type: ignore[arg-type]  # a string that __post_init__ has checked
    )
    fabric.launch()
    return fabric


def use_threads(count: int | None) -> None:
    """CPU threads of this process; None leaves torch's choice."""
    if count is not None:
        torch.set_num_threads(count)


def step_count(plan: OptimiserConfig, options: RunOptions, *, frames: int) -> int:
    """Steps in all: as asked for, or the configuration's epochs over this many frames."""
    return options.steps or plan.epochs * (plan.steps_per_epoch or math.ceil(frames / plan.batch))


def schedule_of(plan: OptimiserConfig, steps: int) -> Schedule:
    """The configuration's schedule over so many steps; a warm-up never takes more than a tenth of them."""
    return Schedule(
        plan.lr, steps, min(plan.warmup_steps, steps // 10), floor=0.01 if plan.lr_schedule == "cosine" else 1.0
    )


def adamw(network: nn.Module, plan: OptimiserConfig) -> torch.optim.AdamW:
    return torch.optim.AdamW(
        network.parameters(),
        lr=plan.lr,
        betas=(plan.beta1, plan.beta2),
        weight_decay=plan.weight_decay,
        fused=True,  # one pass over the weights takes a third of the time on a CPU
    )


def recipe_of(config: ModelConfig, options: RunOptions, *, steps: int, **more: Any) -> str:
    """Everything that decides the numbers of a run, as JSON: a resumed run must have the same."""
    world = options.devices * options.nodes
    chosen = {"seed": options.seed, "steps": steps, "precision": options.precision, "processes": world, **more}
    return json.dumps({**_flat(asdict(config)), **chosen}, sort_keys=True, default=str)


def batches_ahead(make: Callable[[int], _Batch], first: int, last: int, *, ahead: int = 2) -> Iterator[_Batch]:
    """`make(first)` .. `make(last - 1)`, made by another thread while the caller trains."""
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="batches") as pool:
        waiting: deque[Future[_Batch]] = deque()
        for step in range(first, last):
            waiting.append(pool.submit(make, step))
            if len(waiting) > ahead:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def share_of(fabric: Fabric, batch: Tensor) -> Tensor:
    """This process's rows of a batch that all processes drew alike; RunError where it cannot be shared evenly."""
    if len(batch) % fabric.world_size:
        raise RunError(
            f"a batch of {len(batch)} cannot be shared by {fabric.world_size} processes; change the batch size"
        )
    rows = len(batch) // fabric.world_size
    part: Tensor = fabric.to_device(batch[fabric.global_rank * rows :][:rows])
    return part


def step_generator(fabric: Fabric, seed: int, step: int) -> torch.Generator:
    """Randomness of one step in one process; a function of these numbers alone, so a resumed run draws the same."""
    words = np.random.SeedSequence([seed, step, fabric.global_rank]).generate_state(2, np.uint32)
    generator = torch.Generator(device=fabric.device)
    return generator.manual_seed(int(words[0]) << 31 | int(words[1]) >> 1)


def update(
    fabric: Fabric, task: nn.Module, optimizer: torch.optim.Optimizer, *, loss: Tensor, plan: OptimiserConfig
) -> float:
    """One step of the optimizer; returns the gradient's norm before clipping (0 where nothing is clipped)."""
    fabric.backward(loss)
    norm = 0.0
    if plan.clip_norm > 0:
        norm = float(fabric.clip_gradients(task, optimizer, max_norm=plan.clip_norm))  # type: ignore[arg-type]
    optimizer.step()
    optimizer.zero_grad()
    return norm


def journal_of(fabric: Fabric, options: RunOptions, first: int) -> Journal:
    """The first process keeps the run's journal; the others keep one in a folder of their own."""
    rank = fabric.global_rank
    out = options.out if rank == 0 else options.out / f"process{rank}"
    return Journal(out, from_step=first, tensorboard=options.tensorboard and rank == 0)


def tell(progress: Progress | None, done: int, steps: int, text: str) -> None:
    if progress is not None:
        progress(done, steps, text)


def mean_of(fabric: Fabric, loss: Tensor) -> float:
    """The mean over all processes."""
    mean = fabric.all_reduce(loss.detach(), reduce_op="mean")
    assert isinstance(mean, Tensor)
    return float(mean)


def set_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    for group in optimizer.param_groups:
        group["lr"] = rate


def _flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, Mapping):
            flat |= _flat(value, f"{prefix}{name}.")
        else:
            flat[prefix + name] = value
    return flat
