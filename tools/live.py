"""`di2pose live`: publish 3D poses from a camera, a video or a screen."""

from __future__ import annotations

import logging
from contextlib import ExitStack, nullcontext
from pathlib import Path
from typing import Annotated, Literal

import typer

from realtime import topics
from realtime.cameras import list_cameras as cameras_here
from realtime.live import LiveLoop, stopped_by_signals
from realtime.message import LineFacts
from realtime.parts import camera_choice, live_parts
from realtime.priority import step_back
from realtime.publisher import CurveServer, Publisher
from realtime.sources import SourceOptions, open_source
from realtime.view import Viewer, why_no_window
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

log = logging.getLogger(__name__)

SOURCE_HELP = (
    "Webcam number (0), video file, image directory, quoted glob ('shots/*.jpg'), rtsp:// or http:// address, "
    "`screen` or `screen N LEFT TOP WIDTH HEIGHT`, or `demo`."
)


def live(
    source: Annotated[str, typer.Option(help=SOURCE_HELP)] = "0",
    loop: Annotated[bool, typer.Option("--loop", help="Files: start again at the end.")] = False,
    frames: Annotated[int | None, typer.Option(min=1, help="End after so many frames.")] = None,
    pace: Annotated[
        Literal["media", "max"], typer.Option(help="Files: at their own rate, or as fast as this machine can.")
    ] = "media",
    mirror: MirrorOption = False,
    view: Annotated[bool, typer.Option(help="Show a window with the skeletons.")] = True,
    publish: Annotated[str, typer.Option(help="Where to publish: tcp://HOST:PORT or ipc://PATH.")] = (
        topics.DEFAULT_ADDRESS
    ),
    allow_remote: Annotated[
        bool, typer.Option("--allow-remote", help="Publish at an address that other machines can reach.")
    ] = False,
    stream_id: Annotated[str, typer.Option(help="Name of this stream, e.g. cam1.")] = topics.DEFAULT_STREAM_ID,
    estimator: EstimatorOption = DEFAULT_ESTIMATOR,
    backend: BackendOption = DEFAULT_BACKEND,
    device: DeviceOption = None,
    engines: EnginesOption = None,
    triton_url: TritonOption = None,
    cuda_graphs: CudaGraphsOption = True,
    camera: CameraOption = None,
    fov_deg: FovOption = None,
    smooth: SmoothOption = True,
    config: ConfigOption = None,
    curve_key: Annotated[
        Path | None, typer.Option(help="Encrypt the stream with this secret certificate, see docs/stream.md.")
    ] = None,
    list_cameras: Annotated[bool, typer.Option("--list-cameras", help="List the cameras and end.")] = False,
) -> None:
    """Find people in the pictures of a source and publish their 3D skeletons over ZeroMQ.

    Ctrl-C, SIGTERM, `q` in the window and the end of a file end it with exit code 0. No picture is stored or sent.
    """
    if list_cameras:
        _list_cameras()
        return
    chosen = settings(config, smooth=smooth)
    camera_of = camera_choice(camera, fov_deg)
    networks = networks_asked(backend, device, engines, cuda_graphs=cuda_graphs, triton_url=triton_url)
    pictures = open_source(source, SourceOptions(loop=loop, pace=pace, mirror=mirror))
    curve = None if curve_key is None else CurveServer(curve_key)
    with ExitStack() as stack, stopped_by_signals() as stop:
        publisher = stack.enter_context(Publisher(publish, stream_id, allow_remote=allow_remote, curve=curve))
        step_back()
        with download_bar() as progress:
            opening = live_parts(estimator, chosen, camera_of=camera_of, networks=networks, progress=progress)
            parts = stack.enter_context(opening)
        viewer = stack.enter_context(_viewer(wanted=view))
        facts = LineFacts(parts.estimator.name, parts.estimator.weights, chosen.smoothing.enabled)
        running = LiveLoop(
            source=stack.enter_context(pictures), parts=parts, publisher=publisher, viewer=viewer, facts=facts
        )
        log.info("reading %s (%dx%d)", pictures.name, *pictures.size_wh)
        running.run(stop, max_frames=frames)
        log.info("%d frames published, %d dropped", running.frames, pictures.drops)


def _viewer(*, wanted: bool) -> Viewer | nullcontext[None]:
    reason = why_no_window() if wanted else None
    if reason is not None:
        log.warning("no window: %s; going on without (--no-view silences this)", reason)
    return Viewer() if wanted and reason is None else nullcontext()


def _list_cameras() -> None:
    found = cameras_here()
    for camera in found:
        size = "x".join(map(str, camera.size_wh)) if camera.size_wh is not None else camera.hint
        print(f"{camera.index}  {camera.name}  {size}")
    if not found:
        print("no camera found; plug one in, or try `di2pose live --source demo`")
