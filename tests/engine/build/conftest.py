"""People for the parity gate, and the library that builds plans without a GPU."""

from __future__ import annotations

import pytest

from engine.blazepose.networks import FULL, detector_onnx, landmark_onnx
from engine.build.evidence import Evidence, people_in
from engine.build.onnx_file import OnnxGraph, read_onnx
from engine.runtime.blazepose_encoder import needed_outputs
from engine.runtime.tensorrt_library import Library, installed_library
from realtime.spread_pictures import spread_pictures


@pytest.fixture(scope="session")
def evidence() -> Evidence:
    """Two people of the bundled clip."""
    return people_in(spread_pictures("demo", 2), detector_onnx())


@pytest.fixture(scope="session")
def landmark() -> OnnxGraph:
    """As the line's, but of the full network: what is tested here are gate and builder, which need minutes for the
    heavy one."""
    return read_onnx(landmark_onnx(FULL, features=needed_outputs()), "landmark")


@pytest.fixture(scope="session")
def rtx() -> Library:
    pytest.importorskip("tensorrt_rtx", reason="building plans needs the extra gpu-rtx: pip install 'di2pose[gpu-rtx]'")
    return installed_library("tensorrt-rtx")
