"""Which cameras there are, whether they work, and what to do about one that does not."""

from __future__ import annotations

import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path

import cv2

from realtime.capture import Capture

SYSFS = Path("/sys/class/video4linux")
DEVICES = Path("/dev")
PROBED_WITHOUT_SYSFS = 4  # macOS and Windows name no cameras to us: try the first few numbers


@dataclass(frozen=True, slots=True)
class CameraInfo:
    index: int
    name: str
    size_wh: tuple[int, int] | None
    """As the camera starts by itself; None where it does not work."""
    works: bool
    hint: str
    """What to do where it does not work, else empty."""


def list_cameras(sysfs: Path = SYSFS, devices: Path = DEVICES) -> tuple[CameraInfo, ...]:
    """Try every camera of this machine, which lights its lamp for a moment; empty where there is none."""
    if sys.platform.startswith("linux"):
        named = camera_names(sysfs)
        return tuple(_probe(index, name, devices=devices) for index, name in sorted(named.items()))
    tried = (_probe(index, f"camera {index}", devices=devices) for index in range(PROBED_WITHOUT_SYSFS))
    return tuple(camera for camera in tried if camera.works)


def camera_names(sysfs: Path = SYSFS) -> dict[int, str]:
    """Index -> name of the capture devices that Linux knows, without opening them; empty elsewhere."""
    names: dict[int, str] = {}
    for folder in sysfs.glob("video*"):
        number = re.fullmatch(r"video([0-9]+)", folder.name)
        # A webcam has a second node for metadata; its first node is the one that gives pictures.
        if number and _line(folder / "index") in ("", "0"):
            names[int(number[1])] = _line(folder / "name") or folder.name
    return names


def camera_hint(index: int, *, platform: str = sys.platform, devices: Path = DEVICES) -> str:
    """Why camera `index` may fail to open, and the cure, for a person."""
    if platform == "darwin":
        return "Allow the terminal in System Settings > Privacy & Security > Camera, and close other camera programs"
    if platform == "win32":
        return "Allow desktop apps in Settings > Privacy & security > Camera, and close other camera programs"
    device = devices / f"video{index}"
    if not device.exists():
        return f"There is no {device}: plug the camera in, and in a container or virtual machine pass the device on"
    if not os.access(device, os.R_OK | os.W_OK):
        return f"You may not use {device}: sudo usermod -aG video $USER, then log in again"
    return f"{device} is in use by another program (fuser -v {device} names it) or gives no pictures by itself"


def _probe(index: int, name: str, *, devices: Path) -> CameraInfo:
    capture = Capture(index, cv2.CAP_ANY)
    try:
        image_rgb = capture.picture_rgb() if capture.is_open and capture.grab() else None
    finally:
        capture.close()
    if image_rgb is None:
        return CameraInfo(index, name, None, False, camera_hint(index, devices=devices))
    return CameraInfo(index, name, (image_rgb.shape[1], image_rgb.shape[0]), True, "")


def _line(path: Path) -> str:
    return path.read_text(errors="replace").strip() if path.is_file() else ""
