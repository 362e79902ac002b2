"""The whole line on plans gives what it gives on onnxruntime: the real graphs, gate and tracker on a fake GPU."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from onnx_plans import MOST, OnnxLibrary, networks_on, stored_plan_of
from single_precision import SinglePrecision

from engine.blazepose.networks import detector_onnx
from engine.runtime.networks import Networks
from engine.runtime.plan_card import read_card
from realtime.config import LineConfig
from realtime.frame import Frame
from realtime.gpu_gate import gate_on_demo
from realtime.parts import camera_choice, estimator_graphs, live_parts
from realtime.sources import SourceOptions, open_source

FRAMES = 12


def poses_of(networks: Networks) -> np.ndarray:
    found = []
    source = open_source("demo", SourceOptions(pace="max"))
    config = LineConfig(threads=1)
    with live_parts("di2pose", config, camera_of=camera_choice(), networks=networks) as parts, source:
        while len(found) < FRAMES:
            match source.read(5.0):
                case Frame() as frame:
                    (person,) = parts.line.people(frame)
                    found.append(person.pose.joints_mm)
    return np.stack(found)


def test_pending_plans_pass_the_gate_once_and_the_line_runs_on_them(tmp_path: Path) -> None:
    graphs = {"detector": detector_onnx()} | estimator_graphs("di2pose", SinglePrecision())
    plans = [stored_plan_of(name, path, tmp_path) for name, path in graphs.items()]
    library = OnnxLibrary()
    networks = networks_on(tmp_path, library, gate_on_demo)
    np.testing.assert_array_equal(poses_of(networks), poses_of(SinglePrecision()))
    assert networks.in_use == dict.fromkeys(graphs, "tensorrt on cuda:0")
    for plan in plans:
        parity = read_card(plan).parity
        assert parity != "pending" and all(entry.holds and entry.people == 9 for entry in parity)
    assert max(library.runs) <= MOST, "nine people of the gate went in parts"
    assert any("replay" in queue.log for queue in library.queues)
    runs = len(library.runs)
    poses_of(networks)
    assert len(library.runs) - runs < runs, "the second start compares nothing"
