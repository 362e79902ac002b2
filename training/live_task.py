"""What the live model is trained on, as modules that Fabric can wrap: the diffusion in tokens, and a regression of the
same size beside it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from engine.model.config import ModelConfig
from engine.model.di2pose import build_denoiser, build_live_condition, build_live_di2pose
from engine.model.drawn_bound import DrawnChain, draw_chain, drawn_bound
from engine.model.live_condition import LiveCondition, LiveInput
from engine.model.tokenizer import Tokenizer
from training.live_data import LiveBatch
from training.run import RunError

METHODS = ("di2pose", "classifier", "regression", "lifting")


class LiveTask(nn.Module, ABC):
    """`task(batch, generator)` is the loss, `task.pose_mm(crops)` the answer of one pass."""

    parts: tuple[str, ...]
    """Names of the trained parts, as checkpoints have them."""

    @property
    def trained(self) -> nn.ModuleDict:
        return nn.ModuleDict({name: self.part(name) for name in self.parts})

    def part(self, name: str) -> nn.Module:
        """The trained part of that name."""
        found: nn.Module = getattr(self, name)
        return found

    @abstractmethod
    def pose_mm(self, crops: LiveInput) -> Tensor:
        """(batch, 17, 3) millimetres in the crops' virtual axes, in one pass."""

    def measure(self, crops: LiveInput) -> None:
        """Take the condition's constants from these crops."""
        condition = self.part("live_condition")
        assert isinstance(condition, LiveCondition)
        condition.measure(crops)


class DiffusionTask(LiveTask):
    """Bound and auxiliary loss at drawn steps, and for a share of the rows the start that the live line uses: all Occ.

    On top the distance of the softly decoded pose. With `one_pass_share` 1 nothing is drawn: a classifier as PCT's.
    """

    parts = ("denoiser", "live_condition")

    def __init__(self, config: ModelConfig, tokenizer: Tokenizer) -> None:
        super().__init__()
        self.model = build_live_di2pose(config, tokenizer)
        self.options = config.denoiser_training
        self.model.tokenizer.requires_grad_(requires_grad=False)

    def part(self, name: str) -> nn.Module:
        found: nn.Module = getattr(self.model, name)
        return found

    def train(self, mode: bool = True) -> DiffusionTask:
        """The tokenizer stays as it is used."""
        super().train(mode)
        self.model.tokenizer.eval()
        return self

    def pose_mm(self, crops: LiveInput) -> Tensor:
        return self.model.point(self.model.live_condition(crops))

    def forward(self, batch: LiveBatch, generator: torch.Generator) -> Tensor:
        model = self.model
        with torch.no_grad():
            tokens = model.tokenizer.encode(batch.joints_mm)
        chain, one_pass = self._chain(tokens, generator)
        context = model.denoiser.context(model.live_condition(batch.crops))
        features = model.denoiser.features(chain.tokens_s, chain.step, context=context)
        log_p_of = model.denoiser.head.log_p_of(features)
        bound = drawn_bound(model.diffusion, chain, log_p_of).masked_fill(one_pass, 0.0)
        auxiliary = -log_p_of(tokens).mean(dim=1)
        weight = torch.where(one_pass, self.options.one_pass_weight, 1.0)
        pose = model.tokenizer.pose_of_codes(model.denoiser.head.expected_codes(features))
        missed = distances(pose, batch.joints_mm).mean(dim=1) / model.tokenizer.config.scale_mm
        each = bound + weight * (model.diffusion.auxiliary_weight * auxiliary + self.options.joint_loss_weight * missed)
        return each.mean()

    def _chain(self, tokens: Tensor, generator: torch.Generator) -> tuple[DrawnChain, Tensor]:
        """The batch at drawn steps, and which rows start from all Occ instead."""
        count, last = len(tokens), self.model.diffusion.schedule.steps
        step = torch.randint(1, last + 1, (count,), generator=generator, device=tokens.device)
        drawn = draw_chain(self.model.diffusion, tokens, step, generator=generator)
        wanted = round(self.options.one_pass_share * count)
        rank = torch.rand(count, generator=generator, device=tokens.device).argsort().argsort()
        one_pass = rank < wanted
        tokens_s = torch.where(one_pass[:, None], self.model.diffusion.occ, drawn.tokens_s)
        return DrawnChain(tokens, drawn.before, tokens_s, torch.where(one_pass, last, step)), one_pass


class RegressionTask(LiveTask):
    """The same condition and denoiser body, asked once about all Occ, with bounded numbers instead of codes at its end.

    They are drawn to the true pose's codes, and the tokenizer's decoder turns them into joints, as the others have
    both: without the one and with free joints it learns more slowly (docs/experiments.md).
    """

    parts = ("denoiser", "live_condition", "numbers")

    def __init__(self, config: ModelConfig, tokenizer: Tokenizer) -> None:
        super().__init__()
        self.live_condition = build_live_condition(config)
        self.denoiser = build_denoiser(config, tokenizer)
        del self.denoiser.head  # its weights would be counted and never trained
        width = config.denoiser.channels
        self.numbers = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, len(config.tokenizer.levels)), nn.Tanh())
        self.tokenizer = tokenizer.requires_grad_(requires_grad=False)
        self.last_step = config.diffusion.steps

    def train(self, mode: bool = True) -> RegressionTask:
        """The tokenizer stays as it is used."""
        super().train(mode)
        self.tokenizer.eval()
        return self

    def pose_mm(self, crops: LiveInput) -> Tensor:
        return self.tokenizer.pose_of_codes(self.numbers_of(crops))

    def numbers_of(self, crops: LiveInput) -> Tensor:
        """(batch, token, level) in [-1, 1], where codes lie."""
        context = self.denoiser.context(self.live_condition(crops))
        count, device = len(crops), crops.points.device
        tokens = torch.full((count, self.tokenizer.tokens), self.tokenizer.codes, device=device)
        step = torch.full((count,), self.last_step, device=device)
        numbers: Tensor = self.numbers(self.denoiser.features(tokens, step, context=context))
        return numbers

    def forward(self, batch: LiveBatch, generator: torch.Generator) -> Tensor:  # noqa: ARG002 - nothing is drawn
        numbers = self.numbers_of(batch.crops)
        with torch.no_grad():
            codes = self.tokenizer.compress(batch.joints_mm).codes
        missed = distances(self.tokenizer.pose_of_codes(numbers), batch.joints_mm).mean()
        return missed / self.tokenizer.config.scale_mm + (numbers - codes).abs().mean()


class LiftingTask(LiveTask):
    """The condition alone, with one linear layer to joints behind it: no tokens, no denoiser.

    A step takes a tenth of the others' time, so this is where the condition learns lifting; `--init` hands it on.
    """

    parts = ("live_condition", "pose")

    def __init__(self, config: ModelConfig, tokenizer: Tokenizer) -> None:
        super().__init__()
        self.live_condition = build_live_condition(config)
        self.live_condition.tokens.requires_grad_(requires_grad=False)
        self.pose = nn.Linear(config.condition.live.width, 17 * 3)
        nn.init.zeros_(self.pose.weight)
        self.scale_mm = tokenizer.config.scale_mm

    def pose_mm(self, crops: LiveInput) -> Tensor:
        joints = self.pose(self.live_condition.crop_features(crops)).reshape(len(crops), -1, 3)
        centred: Tensor = (joints - joints[:, :1]) * self.scale_mm
        return centred

    def forward(self, batch: LiveBatch, generator: torch.Generator) -> Tensor:  # noqa: ARG002 - nothing is drawn
        return distances(self.pose_mm(batch.crops), batch.joints_mm).mean() / self.scale_mm


def build_task(method: str, config: ModelConfig, tokenizer: Tokenizer) -> LiveTask:
    """RunError for a method that is none of METHODS."""
    if method not in METHODS:
        raise RunError(f"no method {method!r}; choose one of {', '.join(METHODS)}")
    tasks: dict[str, Callable[[ModelConfig, Tokenizer], LiveTask]] = {
        "regression": RegressionTask,
        "lifting": LiftingTask,
    }
    return tasks.get(method, DiffusionTask)(config, tokenizer)


def distances(estimate_mm: Tensor, truth_mm: Tensor) -> Tensor:
    """(batch, joint) mm; the small term keeps the gradient finite at the pelvis, where both are zero."""
    return ((estimate_mm - truth_mm).square().sum(dim=-1) + 1e-3).sqrt()


def state_of(task: LiveTask) -> dict[str, Any]:
    """Tensors of the trained parts under the names that checkpoints use."""
    return {f"{name}.{key}": value for name in task.parts for key, value in task.part(name).state_dict().items()}
