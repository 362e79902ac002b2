"""Multi-head attention with keys and values that can be kept, shared by the denoiser and the condition encoder."""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional


@dataclass(frozen=True, slots=True)
class KeyValue:
    """Keys and values of one layer, (batch, head, condition, channel of a head)."""

    keys: Float[Tensor, "batch head condition channel"]
    values: Float[Tensor, "batch head condition channel"]

    def repeat(self, times: int) -> KeyValue:
        """Every pose's rows `times` times in a row, for several hypotheses of it."""
        return KeyValue(self.keys.repeat_interleave(times, dim=0), self.values.repeat_interleave(times, dim=0))


class Attention(nn.Module):
    """Queries from one sequence, keys and values from another (or the same)."""

    def __init__(self, channels: int, heads: int, *, source_channels: int) -> None:
        super().__init__()
        self.heads = heads
        self.query = nn.Linear(channels, channels)
        self.key = nn.Linear(source_channels, channels)
        self.value = nn.Linear(source_channels, channels)
        self.project = nn.Linear(channels, channels)

    def key_value(self, source: Float[Tensor, "batch condition channel"]) -> KeyValue:
        return KeyValue(self._by_head(self.key(source)), self._by_head(self.value(source)))

    def forward(
        self, x: Float[Tensor, "#batch token channel"], memory: KeyValue
    ) -> Float[Tensor, "#batch token channel"]:
        """One row of x serves all rows of `memory`."""
        query = self._by_head(self.query(x))
        mixed = functional.scaled_dot_product_attention(query, memory.keys, memory.values)
        projected: Tensor = self.project(mixed.transpose(1, 2).flatten(2))
        return projected

    def _by_head(self, x: Tensor) -> Tensor:
        return x.view(*x.shape[:2], self.heads, -1).transpose(1, 2)


class QuickGelu(nn.Module):
    """x sigmoid(1.702 x), the approximation that VQ-Diffusion's MLP uses."""

    def forward(self, x: Tensor) -> Tensor:
        return x * (1.702 * x).sigmoid()


def mlp(channels: int, ratio: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(channels, ratio * channels), QuickGelu(), nn.Linear(ratio * channels, channels))


def init_normal(module: nn.Module) -> None:
    """N(0, 0.02) for linear layers and embeddings, zero biases (VQ-Diffusion); for `Module.apply`."""
    if isinstance(module, nn.Linear | nn.Embedding):
        nn.init.normal_(module.weight, std=0.02)
    if isinstance(module, nn.Linear) and module.bias is not None:
        nn.init.zeros_(module.bias)
