"""`di2pose track`: the poses of whole video files, every frame."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from realtime.frame import Frame
from realtime.parts import LiveParts, camera_choice, live_parts
from realtime.person import TrackedPerson
from realtime.sources import FrameSource, SourceOptions, open_source
from realtime.track_file import OverlayVideo, outputs_for, tracked
from tools.backend_options import (
    DEFAULT_BACKEND,
    BackendOption,
    CudaGraphsOption,
    DeviceOption,
    EnginesOption,
    TritonOption,
    networks_asked,
)
from tools.line_options import (
    DEFAULT_ESTIMATOR,
    CameraOption,
    ConfigOption,
    EstimatorOption,
    FovOption,
    MirrorOption,
    SmoothOption,
    settings,
)
from tools.progress import download_bar


def track(
    videos: Annotated[list[str], typer.Argument(help="Video files, image directories or quoted globs.")],
    out: Annotated[Path, typer.Option(help="The .npz to write; with several videos a directory.")],
    overlay: Annotated[
        Path | None, typer.Option(help="Also write an .mp4 with the skeletons drawn; with several videos a directory.")
    ] = None,
    estimator: EstimatorOption = DEFAULT_ESTIMATOR,
    backend: BackendOption = DEFAULT_BACKEND,
    device: DeviceOption = None,
    engines: EnginesOption = None,
    triton_url: TritonOption = None,
    cuda_graphs: CudaGraphsOption = True,
    camera: CameraOption = None,
    fov_deg: FovOption = None,
    smooth: SmoothOption = True,
    mirror: MirrorOption = False,
    config: ConfigOption = None,
) -> None:
    """Write the 3D poses of every frame to a file: one row per person and frame, see docs/files.md."""
    chosen = settings(config, smooth=smooth)
    camera_of = camera_choice(camera, fov_deg)
    networks = networks_asked(backend, device, engines, cuda_graphs=cuda_graphs, triton_url=triton_url)
    options = SourceOptions(pace="max", mirror=mirror)
    jobs = outputs_for(videos, out, overlay)
    sources = [open_source(job.video, options) for job in jobs]
    with download_bar() as progress:
        for job, source in zip(jobs, sources, strict=True):
            line = live_parts(estimator, chosen, camera_of=camera_of, networks=networks, progress=progress)
            with line as parts, source:
                _track(source, parts, out=job.out, overlay=job.overlay)


def _track(source: FrameSource, parts: LiveParts, *, out: Path, overlay: Path | None) -> None:
    rate_hz = source.rate_hz or 30.0
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with ExitStack() as stack:
        bar = stack.enter_context(Progress(*columns))
        task = bar.add_task(source.name, total=source.frame_count)
        video = stack.enter_context(OverlayVideo(overlay, rate_hz)) if overlay is not None else None

        def on_frame(frame: Frame, people: list[TrackedPerson]) -> None:
            if video is not None:
                video.add(frame, people)
            bar.advance(task)

        rows, events = tracked(source, parts, on_frame=on_frame)
        rows.write(
            out,
            camera=parts.camera_of(source.size_wh),
            estimator=parts.estimator.name,
            weights=parts.estimator.weights,
            fps=rate_hz,
        )
    for event in events:
        typer.echo(event.text)
    typer.echo(f"{len(rows)} rows of {len(rows.person_ids)} people in {out}")
