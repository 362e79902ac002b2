"""Names of devices."""

from __future__ import annotations

import pytest

from engine.runtime.device import CPU, FIRST_GPU, Device, DeviceError, parse_device


@pytest.mark.parametrize(
    ("text", "device"), [("cpu", CPU), ("cuda", FIRST_GPU), ("cuda:0", FIRST_GPU), (" CUDA:3 ", Device(3))]
)
def test_names_are_understood_and_written_back(text: str, device: Device) -> None:
    assert parse_device(text) == device == parse_device(str(device))


@pytest.mark.parametrize("text", ["", "gpu", "cuda:", "cuda:-1", "cuda:x", "cpu:0", "0"])
def test_anything_else_is_quoted(text: str) -> None:
    with pytest.raises(DeviceError, match=f"--device: {text!r} is no device"):
        parse_device(text)
