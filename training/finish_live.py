"""The last step of the live model: what it states about its doubt. The trained networks stay as they are."""

from __future__ import annotations

from dataclasses import dataclass, replace

from torch import Tensor, nn

from engine.model import checkpoint
from engine.model.checkpoint import Checkpoint
from engine.model.config import SamplingConfig
from engine.model.di2pose import build_live_di2pose
from engine.model.live_pose import LivePose
from engine.model.spread import SpreadHead
from training.fit_seen import SeenReport, blazepose_hidden, fit_seen, model_hidden, seen_report
from training.fit_spread import SpreadReport, fit_spread, radii_across_people, report_of, spread_rows
from training.live_data import EncodedSet
from training.run import RunError


@dataclass(frozen=True, slots=True, eq=False)
class Finished:
    """A live model that can be exported, and how far its statements can be trusted."""

    checkpoint: Checkpoint
    spread: SpreadReport
    """Across people."""
    seen: SeenReport
    seen_blazepose: SeenReport


def finished(directory: str, train: EncodedSet, held_out: EncodedSet, *, sampling: SamplingConfig) -> Finished:
    """The model of a checkpoint, in the precision in which it is shipped, with fitted spread and visibility.

    Visibility is learned from `train`; the spread from `held_out`, since it must know how far the model errs on people
    whom it has not seen. RunError where these are of other splits, CheckpointError or ConfigError where there is no
    live model.
    """
    if (train.split, held_out.split) != ("train", "test"):
        raise RunError(f"crops are of split {train.split}, held-out ones of {held_out.split}; give train and test")
    stored = checkpoint.read(directory)
    config = replace(stored.config, sampling=sampling)
    tensors = checkpoint.in_half(stored.tensors)
    model = build_live_di2pose(config)
    for part in ("tokenizer", "denoiser", "live_condition"):
        checkpoint.load_state(part, getattr(model, part), Checkpoint(config, tensors).part(part))
    seen = fit_seen(train)
    pose = LivePose(
        model.eval(),
        SpreadHead(),
        seen,
        passes=sampling.steps,
        hypotheses=sampling.hypotheses,
    )
    rows = held_out.all()
    found = spread_rows(pose, rows)
    spread, visible = fit_spread(found), rows.visible > 0
    radii = radii_across_people(found, held_out.people)
    spread_report = report_of(radii, found.errors_mm.double().numpy(), visible)
    reports = seen_report(model_hidden(seen, rows), visible), seen_report(blazepose_hidden(rows), visible)
    card = {name: value for name, value in stored.card.items() if name not in ("sha256", "parts", "format_version")}
    card |= {
        "hypothesis_nearest_to_the_truth_mm": round(float(found.best_mm.mean()), 1),
        "spread_across_people": spread_report.as_dict(),
        "hidden": reports[0].as_dict(),
        "hidden_blazepose": reports[1].as_dict(),
    }
    tensors |= _named("spread", spread) | _named("seen", seen)
    return Finished(Checkpoint(config, tensors, card), spread_report, *reports)


def _named(part: str, module: nn.Module) -> dict[str, Tensor]:
    return checkpoint.in_half({f"{part}.{name}": value for name, value in module.state_dict().items()})
