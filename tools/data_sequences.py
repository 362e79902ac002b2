"""`di2pose data sequences`: the live line's looks at rendered people in motion, beside the truth."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import numpy as np
import typer

from engine.body.camera import Camera
from tools.data_synthetic import Data, Seed, expected_errors
from tools.progress import training_bar

if TYPE_CHECKING:
    from engine.body.pose import PersonPose
    from realtime.parts import LiveParts
    from realtime.person import TrackedPerson
    from training.sequences import Sequences
    from training.synthetic.filmed import FilmedMoment


def sequences(
    out: Annotated[Path, typer.Option(help="The .npz file to write.")],
    count: Annotated[int, typer.Option(min=1, help="Sequences of 48 moments.")],
    data: Data = None,
    seed: Seed = 0,
    test: Annotated[bool, typer.Option("--test", help="People, motion and places of the test split.")] = False,
) -> None:
    """Let the live line look at rendered people in motion, unsmoothed: what `train blend` learns from. One process on
    one core; run several with other seeds. The file is written at the end, without those whom the line never found."""
    with expected_errors(stopped="nothing is written, the same command begins anew"):
        from realtime.config import LineConfig, SmoothingConfig
        from realtime.parts import live_parts
        from training.data_directory import DataDirectory
        from training.sequences import joined
        from training.synthetic.cast import Cast
        from training.synthetic.filmed import SIDE_PX, filmed
        from training.synthetic.motions import Motions
        from training.synthetic.pack_build import pack_for
        from training.synthetic.raster import Raster

        out.parent.mkdir(parents=True, exist_ok=True)
        cast = Cast.of(pack_for(DataDirectory.find(data)), "test" if test else "train")
        motions, config = Motions(cast.motion), LineConfig(threads=1, smoothing=SmoothingConfig(enabled=False))
        lens, found = Lens(Camera.from_fov((SIDE_PX, SIDE_PX))), []
        with (
            Raster(size_px=SIDE_PX) as raster,
            training_bar() as progress,
            live_parts("di2pose", config, camera_of=lambda size: lens.now.resized(size)) as parts,
        ):
            for row in range(count):
                film = filmed(cast, motions, raster, np.random.default_rng([seed, row]))
                found.append(_looked_at(film, parts, lens))
                progress(row + 1, count, f"{sum(one is not None for one in found)} of {row + 1} found")
        whole = joined([one for one in found if one is not None])
        whole.write(out)
        typer.echo(f"{out}: {len(whole)} sequences, somebody found in {100 * whole.found.mean():.1f} % of the moments")


@dataclass(slots=True)
class Lens:
    """That of the film which the line sees now."""

    now: Camera


def _looked_at(film: Iterable[FilmedMoment], parts: LiveParts, lens: Lens) -> Sequences | None:
    """One sequence; None where nobody is ever found."""
    from realtime.frame import Frame, SourceEvent
    from training.sequences import sequence_of

    parts.line.react(SourceEvent("looped", "another person"))
    looks, moments = [], []
    for index, moment in enumerate(film):
        lens.now = moment.camera
        people = parts.line.people(Frame(index, time.monotonic_ns(), moment.image_rgb, moment.time_s))
        looks.append(_nearest([one for one in people if one.state in ("new", "tracked")], moment))
        moments.append((moment.time_s, moment.joints_mm))
    return sequence_of(looks, moments) if any(looks) else None


def _nearest(people: list[TrackedPerson], moment: FilmedMoment) -> PersonPose | None:
    off_px = [np.linalg.norm(one.pose.joints_px - moment.joints_px, axis=-1).mean() for one in people]
    return people[int(np.argmin(off_px))].pose if people else None
