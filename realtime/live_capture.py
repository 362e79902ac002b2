"""Webcams and network addresses as grabbers."""

from __future__ import annotations

import re
import time

import cv2

from realtime.cameras import camera_hint, camera_names
from realtime.capture import Capture
from realtime.frame_source import SourceError, SourceOptions
from realtime.live_source import Shot

# One buffer would be the freshest, but V4L2 then has none to fill while a picture is decoded and half the frames are
# lost; the capture thread empties two at once, so that none grows old.
CAMERA_BUFFERS = 2
DAMAGED_IN_A_ROW = 10  # a damaged picture now and then is common over USB and radio, and no reason to reconnect
LARGEST_RAW_WIDTH_PX = 640  # above it USB 2 carries uncompressed pictures at a few per second only


class CameraGrabber:
    """A webcam by its number."""

    def __init__(self, index: int, options: SourceOptions) -> None:
        self.name = f"camera {index}"
        self.rate_hz: float | None = None
        self._index = index
        self._options = options
        self._capture: Capture | None = None

    def open(self) -> Shot:
        """See Grabber.open. The error names the cameras of this machine and the right that may be missing."""
        self._capture = Capture(self._index, cv2.CAP_ANY)
        if not self._capture.is_open:
            raise self._error("cannot be opened")
        self._wish(self._capture)
        self.rate_hz = self._capture.rate_hz
        shot = _next_shot(self._capture)
        if shot is None:
            raise self._error("opens but gives no picture")
        return shot

    def grab(self) -> Shot | None:
        """See Grabber.grab. V4L2 waits for up to 10 s."""
        return _next_shot(self._capture) if self._capture else None

    def close(self) -> None:
        if self._capture:
            self._capture.close()
        self._capture = None

    def _wish(self, capture: Capture) -> None:
        size_wh = self._options.capture_size_wh
        if size_wh and size_wh[0] > LARGEST_RAW_WIDTH_PX and capture.backend_name == "V4L2":
            capture.wish(cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*"MJPG"))
        if size_wh:
            capture.wish(cv2.CAP_PROP_FRAME_WIDTH, size_wh[0])
            capture.wish(cv2.CAP_PROP_FRAME_HEIGHT, size_wh[1])
        if self._options.capture_rate_hz:
            capture.wish(cv2.CAP_PROP_FPS, self._options.capture_rate_hz)
        capture.wish(cv2.CAP_PROP_BUFFERSIZE, CAMERA_BUFFERS)

    def _error(self, what: str) -> SourceError:
        names = ", ".join(f"{index} ({name})" for index, name in sorted(camera_names().items()))
        found = f"Cameras found: {names}" if names else "No camera was found by name"
        return SourceError(f"{self.name} {what}", f"{camera_hint(self._index)}. {found}")


class AddressGrabber:
    """A network camera or stream. A silent address counts as lost after the time limits of the options."""

    def __init__(self, address: str, options: SourceOptions) -> None:
        self.name = without_password(address)
        self.rate_hz: float | None = None
        self._address = address
        self._options = options
        self._capture: Capture | None = None

    def open(self) -> Shot:
        """See Grabber.open."""
        limits = {
            cv2.CAP_PROP_OPEN_TIMEOUT_MSEC: max(1, round(self._options.open_timeout_s * 1e3)),
            cv2.CAP_PROP_READ_TIMEOUT_MSEC: max(1, round(self._options.read_timeout_s * 1e3)),
            cv2.CAP_PROP_N_THREADS: 1,  # FFmpeg's frame threads hand every picture out one frame later per thread
        }
        self._capture = Capture(self._address, cv2.CAP_FFMPEG, limits)
        if not self._capture.is_open:
            cause = f"{self.name} does not answer within {self._options.open_timeout_s:g} s or sends no video"
            raise SourceError(cause, "Check the address, the network, user name and password; try it with `ffplay`")
        if self._address.lower().startswith("http") and self._capture.frame_count:
            raise SourceError(f"{self.name} is a recording, not a live stream", "Download it and name the file")
        self.rate_hz = self._capture.rate_hz
        shot = _next_shot(self._capture)
        if shot is None:
            raise SourceError(f"{self.name} answers but sends no picture", "Restart what sends the pictures")
        return shot

    def grab(self) -> Shot | None:
        """See Grabber.grab."""
        return _next_shot(self._capture) if self._capture else None

    def close(self) -> None:
        if self._capture:
            self._capture.close()
        self._capture = None


def without_password(address: str) -> str:
    """The address as it may be shown and published: user, password and query, which may hold a key, are left out."""
    return re.sub(r"//[^/]*@", "//", address).split("?")[0]


def _next_shot(capture: Capture) -> Shot | None:
    for _ in range(DAMAGED_IN_A_ROW):
        if not capture.grab():
            return None
        captured_ns = time.monotonic_ns()  # before decoding: the moment the device handed the picture out
        image_rgb = capture.picture_rgb()
        if image_rgb is not None:
            return Shot(captured_ns, image_rgb)
    return None
