import json
from pathlib import Path

import pytest
from small_source import SmallSource, small_recipe
from typer.testing import CliRunner

from tools.data import app
from training.synthetic.dataset import Dataset, DatasetCard
from training.synthetic.shards import shard_name, write_shard


def test_absent_data_ends_with_an_error_that_names_the_page(tmp_path: Path) -> None:

    pytest.importorskip("moderngl", reason="the extra 'data' is not installed")
    result = CliRunner().invoke(app, ["demo-clip", "--data", str(tmp_path), "--out", str(tmp_path / "x.mp4")])
    assert result.exit_code == 2
    assert "docs/data.md" in result.output
    assert not (tmp_path / "x.mp4").exists()


@pytest.mark.parametrize("verb", ["render", "preview", "pack", "splits"])
def test_the_verbs_of_synthetic_people_explain_themselves(verb: str) -> None:
    result = CliRunner().invoke(app, [verb, "--help"])
    assert result.exit_code == 0 and "--out" in result.output


def test_a_stored_set_is_previewed(tmp_path: Path) -> None:
    source, stored = SmallSource(), tmp_path / "set"
    stored.mkdir()
    shard = write_shard(stored / shard_name(0), (source.crop(number) for number in range(5)))
    DatasetCard(small_recipe(5), {}, (shard,)).write(stored)
    asked = ["preview", "--shards", str(stored), "--out", str(tmp_path / "sheet.png"), "--count", "3"]
    result = CliRunner().invoke(app, asked)
    assert result.exit_code == 0 and "3 crops" in result.output
    assert (tmp_path / "sheet.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (["render", "--data", "nowhere", "--out", "OUT", "--count", "5"], "docs/data.md"),
        (["render", "--data", ".", "--out", "OUT", "--count", "5", "--kind", "dark"], "'dark' is not one of"),
        (["preview", "--shards", ".", "--out", "OUT"], "no dataset.json"),
        (["pack", "--data", "nowhere", "--out", "OUT"], "docs/data.md"),
        (["splits", "--data", ".", "--out", "OUT", "--only", "syn-oc"], "no test set 'syn-oc'"),
    ],
)
def test_errors_are_one_line_and_code_2(asked: list[str], said: str, tmp_path: Path) -> None:
    result = CliRunner().invoke(app, [str(tmp_path / "out") if word == "OUT" else word for word in asked])
    assert result.exit_code == 2 and said in result.output
    assert result.output.startswith("di2pose: ") and result.output.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_real_people_are_rendered_previewed_and_read(shared_dir: Path, tmp_path: Path) -> None:
    pytest.importorskip("moderngl", reason="the extra 'data' is not installed")
    pytest.importorskip("training.synthetic.source")
    data, out, costs = str(shared_dir / "data"), tmp_path / "set", tmp_path / "costs.json"
    asked = ["render", "--data", data, "--out", str(out), "--count", "6", "--seed", "1", "--workers", "2"]
    result = CliRunner().invoke(app, [*asked, "--crops-per-shard", "3", "--kind", "occluded", "--json", str(costs)])
    assert result.exit_code == 0, result.output
    assert json.loads(costs.read_text())["rendered"] == 6
    stored = Dataset.open(out)
    assert [crop.image_rgb.shape for crop in stored] == [(256, 256, 3)] * 6
    assert stored.card.made_with["gl_renderer"]
    sheet = ["preview", "--data", data, "--out", str(tmp_path / "sheet.png"), "--count", "2"]
    assert CliRunner().invoke(app, sheet).exit_code == 0
