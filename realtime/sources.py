"""From the text after `--source` to a source of frames."""

from __future__ import annotations

import glob
import importlib.resources
import re
from collections.abc import Sequence
from pathlib import Path

from realtime.file_source import FileSource
from realtime.frame_source import FrameSource, SourceError, SourceOptions
from realtime.images import ImageFiles, images_of
from realtime.live_capture import AddressGrabber, CameraGrabber, without_password
from realtime.live_source import LiveSource
from realtime.screen import parse_screen
from realtime.video_file import VideoFile

__all__ = ["FrameSource", "SourceError", "SourceOptions", "open_source"]

KINDS = (
    "Give a webcam number (0), a video file, a directory of images, a quoted glob ('shots/*.jpg'), "
    "an rtsp:// or http:// address, `screen`, or `demo`"
)
ADDRESS = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://(.*)", re.DOTALL)
LIVE_SCHEMES = ("rtsp", "rtsps", "rtmp", "http", "https", "udp", "tcp", "srt")
CAMERA = re.compile(r"(?:/dev/video)?([0-9]{1,4})")


def open_source(text: str, options: SourceOptions) -> FrameSource:
    """The source that `text` names; entering it opens it.

    A name wins over a file of the same name: write `./demo` for a file called demo. Raises SourceError for text that
    names nothing, here or on entering.
    """
    text = text.strip()
    if not text:
        raise SourceError("the source is empty", KINDS)
    if text == "demo":
        return _demo(options)
    words = text.split()
    if words[0] == "screen":
        return LiveSource(parse_screen(words[1:], options), options)
    if camera := CAMERA.fullmatch(text):
        return LiveSource(CameraGrabber(int(camera[1]), options), options)
    if address := ADDRESS.fullmatch(text):
        return _address(address, options)
    return _files(text, options)


def _address(address: re.Match[str], options: SourceOptions) -> FrameSource:
    scheme, rest = address[1].lower(), address[2]
    if scheme not in LIVE_SCHEMES:
        known = ", ".join(f"{name}://" for name in LIVE_SCHEMES)
        raise SourceError(f"{scheme}:// is no address of a stream", f"Known are {known}; give a file by its path")
    if not rest.rpartition("@")[2].strip("/:") or any(letter.isspace() for letter in rest):
        shown = without_password(address[0])
        raise SourceError(f"{shown!r} is no complete address", "Write it as rtsp://HOST:PORT/PATH, without spaces")
    return LiveSource(AddressGrabber(address[0], options), options)


def _demo(options: SourceOptions) -> FrameSource:
    path = Path(str(importlib.resources.files("realtime") / "demo.mp4"))
    if not path.is_file():
        raise SourceError(
            f"the bundled clip is missing at {path}", "Install di2pose again, or name a video of your own"
        )
    return FileSource(VideoFile(path, "demo"), options)


def _files(text: str, options: SourceOptions) -> FrameSource:
    path = Path(text).expanduser()
    if path.is_dir():
        return _images(text, [*path.iterdir()], options)
    if not path.exists() and glob.has_magic(text):
        return _images(text, [Path(name) for name in glob.glob(str(path), recursive=True)], options)  # noqa: PTH207 (absolute patterns too)
    if not path.exists():
        raise SourceError(f"{text!r} is neither a file nor a directory here", KINDS)
    if images_of([path]):
        return _images(text, [path], options)
    return FileSource(VideoFile(path, path.name), options)


def _images(name: str, paths: Sequence[Path], options: SourceOptions) -> FrameSource:
    images = images_of(paths)
    if not images:
        found = f"{len(paths)} other entries" if paths else "nothing"
        raise SourceError(
            f"{name!r} holds no images, {found} there",
            "Images end in .jpg, .png, .bmp, .webp or .tif; give videos one at a time, and quote a glob",
        )
    return FileSource(ImageFiles(images, name, rate_hz=options.image_rate_hz), options)
