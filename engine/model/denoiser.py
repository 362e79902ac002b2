"""The network of stage 2: a transformer that predicts log p(k_0 | k_s, y) (Di2Pose section 3.2; VQ-Diffusion's block).

Block: x + self-attention(AdaLN(x, step)), x + cross-attention(AdaLN(x, step), y), x + MLP(LayerNorm(x)).
AdaLN(x, step) = LayerNorm(x) (1 + scale) + shift with (scale, shift) = Linear(SiLU(step embedding)).

At inference `context` (cross-attention keys and values of y) is computed once per image and `step_table` (scale and
shift of every step) once per model; law: with or without them the output is the same.
"""

from __future__ import annotations

from typing import TypeAlias

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from engine.model.attention import Attention, KeyValue, init_normal, mlp
from engine.model.config import DenoiserConfig
from engine.model.diffusion import Predict
from engine.model.fsq import FiniteScalarQuantiser
from engine.model.heads import JointHead, LevelHead

Context: TypeAlias = tuple[KeyValue, ...]
"""Keys and values of y, one per layer."""
StepTable: TypeAlias = tuple[Tensor, ...]
"""(steps + 1, 2 * channels) scale and shift, two per layer: before self- and before cross-attention."""


class AdaLayerNorm(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(channels, elementwise_affine=False)
        self.modulate = nn.Sequential(nn.SiLU(), nn.Linear(channels, 2 * channels))

    def forward(
        self, x: Float[Tensor, "batch token channel"], scale_shift: Float[Tensor, "#batch channel2"]
    ) -> Float[Tensor, "batch token channel"]:
        scale, shift = scale_shift[:, None].chunk(2, dim=-1)
        normed: Tensor = self.norm(x)
        return normed * (1 + scale) + shift


class Block(nn.Module):
    def __init__(self, config: DenoiserConfig) -> None:
        super().__init__()
        width = config.channels
        self.before_self = AdaLayerNorm(width)
        self.self_attention = Attention(width, config.heads, source_channels=width)
        self.before_cross = AdaLayerNorm(width)
        self.cross_attention = Attention(width, config.heads, source_channels=config.condition_channels)
        self.mlp = nn.Sequential(nn.LayerNorm(width), mlp(width, config.mlp_ratio))

    def forward(self, x: Tensor, memory: KeyValue, modulations: tuple[Tensor, Tensor]) -> Tensor:
        normed = self.before_self(x, modulations[0])
        x = x + self.self_attention(normed, self.self_attention.key_value(normed))
        x = x + self.cross_attention(self.before_cross(x, modulations[1]), memory)
        out: Tensor = x + self.mlp(x)
        return out


class TokenTable(nn.Module):
    """A learned vector per code and one for Occ."""

    def __init__(self, channels: int, quantiser: FiniteScalarQuantiser) -> None:
        super().__init__()
        self.vectors = nn.Embedding(quantiser.codes + 1, channels)

    def forward(self, tokens: Int[Tensor, "batch token"]) -> Float[Tensor, "batch token channel"]:
        vectors: Tensor = self.vectors(tokens)
        return vectors


class TokenCodes(nn.Module):
    """A vector per value of each level, summed, and one for Occ: neighbours in the alphabet share their parts."""

    first_row: Tensor

    def __init__(self, channels: int, quantiser: FiniteScalarQuantiser) -> None:
        super().__init__()
        self.quantiser = quantiser
        self.vectors = nn.Embedding(sum(quantiser.levels), channels)
        self.occ_vector = nn.Parameter(torch.randn(channels) * 0.02)
        starts = torch.tensor((0, *quantiser.levels[:-1])).cumsum(0)
        self.register_buffer("first_row", starts, persistent=False)

    def forward(self, tokens: Int[Tensor, "batch token"]) -> Float[Tensor, "batch token channel"]:
        occ = tokens == self.quantiser.codes
        rows = self.quantiser.split(tokens.masked_fill(occ, 0)) + self.first_row
        return torch.where(occ[..., None], self.occ_vector, self.vectors(rows).sum(dim=-2))


class Denoiser(nn.Module):
    """`denoiser(tokens, step, condition)` is log p(k_0), (batch, token, codes).

    `tokens` per pose and `steps` of the schedule are fixed at construction; the condition's length is free.
    """

    def __init__(self, config: DenoiserConfig, quantiser: FiniteScalarQuantiser, *, tokens: int, steps: int) -> None:
        super().__init__()
        width = config.channels
        self.config = config
        self.token_vectors = (TokenTable if config.token_input == "table" else TokenCodes)(width, quantiser)
        self.position = nn.Parameter(torch.randn(tokens, width) * 0.02)
        self.step = nn.Embedding(steps + 1, width)
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.layers))
        self.head = (JointHead if config.head == "joint" else LevelHead)(width, quantiser)
        self.apply(init_normal)

    def context(self, condition: Float[Tensor, "batch condition channel"]) -> Context:
        return tuple(block.cross_attention.key_value(condition) for block in self._layers())

    def step_table(self) -> StepTable:
        return self._modulations(self.step.weight)

    def features(
        self,
        tokens: Int[Tensor, "#batch token"],
        step: Int[Tensor, "#batch"],
        *,
        context: Context,
        step_table: StepTable | None = None,
    ) -> Float[Tensor, "#batch token channel"]:
        """What the head reads. Without a step table the modulations are computed for the steps at hand.

        One row of tokens serves all rows of `context`.
        """
        rows = self._modulations(self.step(step)) if step_table is None else tuple(t[step] for t in step_table)
        x: Tensor = self.token_vectors(tokens) + self.position
        for layer, block in enumerate(self._layers()):
            x = block(x, context[layer], (rows[2 * layer], rows[2 * layer + 1]))
        return x

    def forward(
        self,
        tokens: Int[Tensor, "batch token"],
        step: Int[Tensor, " batch"],
        condition: Float[Tensor, "batch condition channel"],
    ) -> Float[Tensor, "batch token code"]:
        log_p: Tensor = self.head(self.features(tokens, step, context=self.context(condition)))
        return log_p

    def predictor(self, condition: Float[Tensor, "batch condition channel"], *, hypotheses: int = 1) -> Predict:
        """The callable that samplers take, with keys, values and step tables computed once.

        It takes batch * hypotheses rows of tokens, the hypotheses of one pose side by side.
        """
        context = tuple(memory.repeat(hypotheses) for memory in self.context(condition))
        table = self.step_table()

        def predict(tokens: Tensor, step: Tensor) -> Tensor:
            log_p: Tensor = self.head(self.features(tokens, step, context=context, step_table=table))
            return log_p

        return predict

    def _layers(self) -> list[Block]:
        return list(self.blocks)  # type: ignore[arg-type]

    def _modulations(self, embedded: Tensor) -> StepTable:
        norms = [norm for block in self._layers() for norm in (block.before_self, block.before_cross)]
        return tuple(norm.modulate(embedded) for norm in norms)
