"""Which of the plans in a directory stands for a graph here, and why each other one does not."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from engine.blazepose.cache import cache_dir, sha256_of
from engine.runtime.gpu import Gpu
from engine.runtime.graph_name import build_words
from engine.runtime.plan_card import PlanCard, PlanError, read_card
from engine.runtime.preflight import mismatch_of, target_of
from engine.runtime.tensorrt_library import RTX_TARGETS, Library, LibraryMissingError, installed_library

_NARROWEST_FIRST = ("int8", "fp8", "fp16", "mixed", "fp32")


class NoPlanError(PlanError):
    """No plan fits; the text says why not and names the command that builds one. `reason` is the first half."""

    def __init__(self, reason: str, command: str) -> None:
        super().__init__(f"{reason}. Build one: {command}")
        self.reason = reason


@dataclass(frozen=True, slots=True)
class GraphAsked:
    """name: `detector`, `landmark`, `live` or `fused`. path: its ONNX file. is_own: a live model of the user's."""

    name: str
    path: Path
    is_own: bool = False


@dataclass(frozen=True, slots=True)
class ChosenPlan:
    plan: Path
    card: PlanCard
    library: Library


@dataclass(slots=True)
class PlanShelf:
    """The plans of one directory, for one GPU. libraries: those that may run them, in order of preference."""

    directory: Path
    libraries: Sequence[str]
    library_of: Callable[[str], Library] = installed_library
    _known: dict[str, Library | LibraryMissingError] = field(default_factory=dict)

    def chosen(self, asked: GraphAsked, gpu: Gpu) -> ChosenPlan:
        """The plan of this very graph for library and GPU: of several the narrowest precision, then by name.

        NoPlanError where none fits.
        """
        fitting: list[ChosenPlan] = []
        refused: list[str] = []
        if not asked.path.is_file():
            raise NoPlanError(f"there is no network {asked.path}", "`di2pose doctor` to get the networks again")
        onnx_sha256 = sha256_of(asked.path)
        for plan in sorted(self.directory.glob("*.plan")):
            try:
                card = read_card(plan)
            except PlanError as error:
                refused.append(str(error))
                continue
            if card.graph != asked.name:
                continue
            library, reason = self._library(card.library)
            if library is not None:
                reason = mismatch_of(plan, card, library, gpu=gpu, onnx_sha256=onnx_sha256)
            if library is not None and reason is None:
                fitting.append(ChosenPlan(plan, card, library))
            else:
                refused.append(f"{plan.name}: {reason}")
        if not fitting:
            raise NoPlanError(self._why(asked, refused), self.build_command(asked, gpu))
        return min(fitting, key=self._rank)

    def graphs(self) -> frozenset[str]:
        """Names of the graphs that there are plans of, fitting or not."""
        found = set()
        for plan in self.directory.glob("*.plan"):
            try:
                found.add(read_card(plan).graph)
            except PlanError:  # `chosen` tells of it
                continue
        return frozenset(found)

    def build_command(self, asked: GraphAsked, gpu: Gpu) -> str:
        library = self._builder_for(gpu)
        words = ["di2pose", "build", "--library", library, "--precision", "mixed", *build_words(asked.name)]
        words += ["--live-graph", str(asked.path)] if asked.is_own else []
        words += ["--computeCapabilities", target_of(gpu)] if library == "tensorrt-rtx" else []
        words += [] if self.directory == engines_dir() else ["--out", str(self.directory)]
        return shlex.join(words)

    def _builder_for(self, gpu: Gpu) -> str:
        """Of several the last, which builds without a GPU, where it knows this generation."""
        last = self.libraries[-1]
        return last if last != "tensorrt-rtx" or target_of(gpu) in RTX_TARGETS else self.libraries[0]

    def _library(self, name: str) -> tuple[Library | None, str | None]:
        if name not in self.libraries:
            return None, f"it was built by {name}, and {' or '.join(self.libraries)} was chosen to run it"
        if name not in self._known:
            try:
                self._known[name] = self.library_of(name)
            except LibraryMissingError as error:
                self._known[name] = error
        found = self._known[name]
        return (found, None) if isinstance(found, Library) else (None, str(found))

    def _why(self, asked: GraphAsked, refused: Sequence[str]) -> str:
        if not refused:
            return f"there is no plan of the {asked.name} graph in {self.directory}"
        more = f" (and {len(refused) - 3} more)" if len(refused) > 3 else ""
        return f"no plan in {self.directory} fits the {asked.name} graph: {'; '.join(refused[:3])}{more}"

    def _rank(self, choice: ChosenPlan) -> tuple[int, int, str]:
        asked = choice.card.precision.asked
        narrow = _NARROWEST_FIRST.index(asked) if asked in _NARROWEST_FIRST else len(_NARROWEST_FIRST)
        return self.libraries.index(choice.library.name), narrow, choice.plan.name


def engines_dir() -> Path:
    """Where `di2pose build` writes plans and the line looks for them unless told otherwise; not created here."""
    return cache_dir() / "engines"
