"""A repository appears whole or not at all, and nothing but an unchanged repository of ours is ever replaced."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from small_graphs import stored, two_layers

from engine.build.build_error import BuildError
from engine.build.onnx_file import OnnxGraph, read_onnx
from engine.build.triton_repository import served_model, write_repository


@pytest.fixture
def graph(tmp_path: Path) -> OnnxGraph:
    """Of the rows of `x` it makes rows of `y`, and says so."""
    model = two_layers()
    rows, numbers = model.graph.output[0].type.tensor_type.shape.dim
    rows.dim_param, numbers.dim_value = "batch", 3
    return read_onnx(stored(model, tmp_path / "two.onnx"))


def files_in(directory: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(directory)): path.read_bytes() for path in sorted(directory.rglob("*")) if path.is_file()
    }


def test_the_graph_is_served_byte_for_byte_and_the_folder_can_be_read_by_a_server(
    graph: OnnxGraph, tmp_path: Path
) -> None:
    [written] = write_repository(tmp_path / "deep" / "repo", [served_model(graph, max_batch=4)])
    assert list(files_in(tmp_path / "deep" / "repo")) == ["di2pose.json", "two/1/model.onnx", "two/config.pbtxt"]
    assert written.path.read_bytes() == graph.path.read_bytes() and written.size == graph.path.stat().st_size
    assert (tmp_path / "deep" / "repo").stat().st_mode & 0o555 == 0o555 & ~_umask()
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["repo"], "no temporary folder stays"
    assert graph.sha256 in (tmp_path / "deep" / "repo" / "two" / "config.pbtxt").read_text()


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def test_an_unchanged_repository_is_replaced_as_a_whole(graph: OnnxGraph, tmp_path: Path) -> None:
    repo = tmp_path / "repo"
    other = read_onnx(graph.path, "other")
    write_repository(repo, [served_model(graph, max_batch=4), served_model(other, max_batch=4)])
    write_repository(repo, [served_model(graph, max_batch=2)])
    assert "max_batch_size: 2" in (repo / "two" / "config.pbtxt").read_text()
    assert not (repo / "other").exists()


def test_an_empty_folder_is_used(graph: OnnxGraph, tmp_path: Path) -> None:
    (tmp_path / "repo").mkdir()
    write_repository(tmp_path / "repo", [served_model(graph, max_batch=4)])
    assert (tmp_path / "repo" / "two" / "1" / "model.onnx").is_file()


def test_a_foreign_folder_is_left_alone(graph: OnnxGraph, tmp_path: Path) -> None:
    foreign = tmp_path / "home"
    foreign.mkdir()
    (foreign / "thesis.txt").write_text("years of work")
    with pytest.raises(BuildError, match=r"home was not written by `di2pose export triton`.*name another folder"):
        write_repository(foreign, [served_model(graph, max_batch=4)])
    (foreign / "di2pose.json").write_text("{}")
    with pytest.raises(BuildError, match="was not written by"):
        write_repository(foreign, [served_model(graph, max_batch=4)])
    assert files_in(foreign) == {"thesis.txt": b"years of work", "di2pose.json": b"{}"}
    with pytest.raises(BuildError, match="no folder of its own"):
        write_repository(foreign / "thesis.txt", [served_model(graph, max_batch=4)])


@pytest.mark.parametrize(
    ("name", "said"),
    [("two/config.pbtxt", "was changed since it was exported"), ("mine/config.pbtxt", "was not written by")],
)
def test_work_of_others_in_a_repository_of_ours_is_kept(graph: OnnxGraph, tmp_path: Path, name: str, said: str) -> None:
    repo = tmp_path / "repo"
    write_repository(repo, [served_model(graph, max_batch=4)])
    (repo / name).parent.mkdir(exist_ok=True)
    (repo / name).write_text("tuned by hand")
    before = files_in(repo)
    with pytest.raises(BuildError, match=said):
        write_repository(repo, [served_model(graph, max_batch=4)])
    assert files_in(repo) == before


def test_a_failure_halfway_leaves_what_was_there(graph: OnnxGraph, tmp_path: Path) -> None:
    repo = tmp_path / "repo"
    write_repository(repo, [served_model(graph, max_batch=4)])
    before = files_in(repo)
    other = served_model(read_onnx(stored(two_layers("rows"), tmp_path / "other.onnx")), max_batch=4)
    other.file.write_bytes(b"cut short")
    with pytest.raises(BuildError, match=r"other\.onnx changed while it was exported"):
        write_repository(repo, [served_model(graph, max_batch=2), other])
    assert files_in(repo) == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["other.onnx", "repo", "two.onnx"]
