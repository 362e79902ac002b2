"""The client runs outside this project: from another directory, without its packages on the path."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from engine.body.skeleton import H36M17

ROOT = Path(__file__).resolve().parents[2]
CLIENT = ROOT / "clients" / "python" / "di2pose_client.py"
OUTSIDE = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}


def first_lines(arguments: list[str], count: int, folder: Path) -> list[str]:
    """What a program that never ends by itself prints first."""
    with subprocess.Popen(
        [sys.executable, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=folder,
        env=OUTSIDE,
    ) as process:
        assert process.stdout is not None
        try:
            return [process.stdout.readline() for _ in range(count)]
        finally:
            process.kill()


def test_the_copied_file_reads_the_stream(tmp_path, live_stream):
    shutil.copy(CLIENT, tmp_path)
    lines = [line for line in first_lines(["di2pose_client.py", live_stream.address], 6, tmp_path) if "frame" in line]
    assert lines, "the client read nothing"
    assert re.match(r"frame \d+, age [\d.]+ ms, \d+ skipped: 1 tracked at .* mm, 2 tracked at", lines[-1])


PROGRAM = """
import sys
import di2pose_client
with di2pose_client.Stream(sys.argv[1]) as stream:
    pose = stream.newest(timeout_s=30.0)
person = pose.persons[1]
print(person.joints_mm.shape, person.joints_px.shape, person.hidden.dtype, person.spread_mm.shape)
print(*person.joint_mm("left_wrist").tolist())
print(*di2pose_client.H36M17)
try:
    di2pose_client.Stream("nonsense")
except di2pose_client.StreamError as error:
    print(error)
"""


def test_joints_are_found_by_name_and_errors_are_typed(tmp_path, live_stream, pose_message):
    shutil.copy(CLIENT, tmp_path)
    (tmp_path / "program.py").write_text(PROGRAM)
    shapes, wrist, names, error = first_lines(["program.py", live_stream.address], 4, tmp_path)
    assert shapes.split("\n")[0] == "(17, 3) (17, 2) bool (17,)"
    person = pose_message(persons=2).persons[1]
    expected = person.root_mm + person.joints_mm[H36M17.row("left_wrist")]
    np.testing.assert_allclose([float(word) for word in wrist.split()], expected)
    assert tuple(names.split()) == H36M17.names
    assert "'nonsense'" in error


def code_blocks() -> list[str]:
    return re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "stream.md").read_text(encoding="utf-8"), re.DOTALL)


@pytest.mark.parametrize(("number", "expected"), [(0, r"\d+ [12] head at \["), (1, r"[12] tracked \[.*\] [\d.]+")])
def test_the_programs_in_the_document_run(tmp_path, live_stream, number: int, expected: str):
    program = code_blocks()[number].replace("tcp://127.0.0.1:5870", live_stream.address)
    assert live_stream.address in program
    shutil.copy(CLIENT, tmp_path)
    (tmp_path / "program.py").write_text(program)
    lines = first_lines(["-u", "program.py"], 2, tmp_path)
    assert all(re.match(expected, line) for line in lines), lines


def test_the_program_in_the_document_has_at_most_ten_lines():
    assert len([line for line in code_blocks()[0].splitlines() if line.strip()]) <= 10


def test_the_encryption_example_is_valid_python_for_objects_that_exist():
    made: dict = {}
    exec(code_blocks()[2], made)
    assert made["publisher"].curve.clients_dir.name == "clients"
    assert made["reader"].curve.server_key_file.name == "server.key"


def test_the_client_keeps_to_the_syntax_of_the_oldest_python_it_names():
    ast.parse(CLIENT.read_text(encoding="utf-8"), feature_version=(3, 9))
