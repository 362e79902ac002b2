"""The sidecar of a plan, `NAME.plan.json`: what it was built of, with what, for which GPU, and how far it is trusted.

The plan itself stays untouched, so that NVIDIA's own programs load it. The card carries a digest of its own fields,
against edits and mix-ups; it is no signature: whoever can replace both files can replace the plan.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Literal

import msgspec

from engine.blazepose.cache import write_atomically
from engine.runtime.layer_types import LayerTypes

FORMAT_VERSION = 3


class PlanError(RuntimeError):
    """A plan must not be loaded; the text names what does not match and the command that mends it."""


class PlanParityError(PlanError):
    """A plan moves joints further than allowed; the text says how far."""


class ShapeRange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What sizes of one input the plan takes; equal where the input is fixed."""

    name: str
    min: tuple[int, ...]
    opt: tuple[int, ...]
    max: tuple[int, ...]


class BuiltOn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: str
    compute_capability: str


class CalibrationCard(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where the 8 bits of an int8 or fp8 plan come from."""

    method: str
    pictures: str
    """The recording, as it was named to the builder."""
    people: int
    people_sha256: str
    graph_sha256: str
    """Of the graph with Q/DQ pairs that the plan was built of."""
    quantized: tuple[str, ...]
    """Operations that compute with 8 bits, by their first output."""
    multiply_adds_share: float
    """Of all multiply-adds of the graph, those of `quantized`."""


class PrecisionCard(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    asked: str
    narrow_operations: int
    """Operations of the graph with tensors in half precision."""
    operations: int
    kept_single: tuple[str, ...] = ()
    found: LayerTypes | None = None
    """How many layers of each class compute with which types, as the library's inspector saw them in the plan; None
    until it has looked, which takes a GPU."""
    calibration: CalibrationCard | None = None
    """None unless 8 bits were asked."""


class ParityCard(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How far something moved: mean and worst distance over all people and points."""

    name: str
    unit: str
    mean: float
    worst: float
    mean_limit: float
    worst_limit: float
    people: int

    @property
    def holds(self) -> bool:
        return self.mean <= self.mean_limit and self.worst <= self.worst_limit

    def __str__(self) -> str:
        return (
            f"{self.name}: mean {self.mean:.2f} {self.unit} (limit {self.mean_limit:g}), "
            f"worst {self.worst:.2f} {self.unit} (limit {self.worst_limit:g})"
        )


class PlanCard(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    graph: str
    plan_sha256: str
    onnx_file: str
    onnx_sha256: str
    weights: str
    library: str
    library_version: str
    target: str
    """`sm86` and so on, or `current`: the GPU that it was built on."""
    gpu: BuiltOn | None
    """Of the machine that built it; None where it had none."""
    shapes: tuple[ShapeRange, ...]
    precision: PrecisionCard
    flags: dict[str, str]
    """As the command line takes them."""
    cpu_parity: tuple[ParityCard, ...]
    """The converted graph against fp32, rounded on a CPU; empty for fp32, which is the reference."""
    parity: tuple[ParityCard, ...] | Literal["pending"] = "pending"
    """The plan itself against fp32, on a GPU."""
    format_version: int = FORMAT_VERSION
    card_sha256: str = ""

    def sealed(self) -> PlanCard:
        return msgspec.structs.replace(self, card_sha256=self.digest())

    def digest(self) -> str:
        bare = msgspec.structs.replace(self, card_sha256="")
        return hashlib.sha256(msgspec.json.encode(bare, order="deterministic")).hexdigest()


def card_path(plan: Path) -> Path:
    return plan.with_name(f"{plan.name}.json")


def write_card(plan: Path, card: PlanCard) -> Path:
    """Beside the plan, which must be there first: a card without a plan promises something."""
    content = msgspec.json.format(msgspec.json.encode(card.sealed()), indent=1)
    write_atomically(card_path(plan), content + b"\n")
    return card_path(plan)


def read_card(plan: Path) -> PlanCard:
    """PlanError where the sidecar is missing, unreadable, of another format or edited."""
    path = card_path(plan)
    again = "build the plan again with `di2pose build`"
    try:
        content = path.read_bytes()
    except OSError as error:
        raise PlanError(
            f"{plan} has no readable sidecar {path.name} ({error.strerror or error}), so nobody knows what it is; "
            f"copy both files, or {again}"
        ) from error
    try:
        card = msgspec.json.decode(content, type=PlanCard)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise PlanError(f"{path} is not a sidecar of this version ({error}); {again}") from error
    if card.format_version != FORMAT_VERSION:
        raise PlanError(f"{path} has format {card.format_version}, this version reads {FORMAT_VERSION}; {again}")
    if card.digest() != card.card_sha256:
        raise PlanError(f"{path} was edited after the build; {again}")
    return card
