from pathlib import Path

import pytest

from training.data_directory import VARIABLE, DataDirectory, DataDirectoryError


@pytest.mark.parametrize("folder", ["motion", "mocap_cmu"])
def test_both_folder_names_are_found(tmp_path: Path, folder: str) -> None:
    (tmp_path / folder).mkdir()
    (tmp_path / folder / "01_01.bvh").touch()
    assert DataDirectory(tmp_path).motion("01_01") == tmp_path / folder / "01_01.bvh"


def test_an_argument_wins_over_the_variable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    (tmp_path / "given").mkdir()
    assert DataDirectory.find(None).path == tmp_path
    assert DataDirectory.find(tmp_path / "given").path == tmp_path / "given"


def test_absent_data_is_an_error_that_names_the_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    with pytest.raises(DataDirectoryError, match=rf"{VARIABLE}.*docs/data\.md"):
        DataDirectory.find(None)
    with pytest.raises(DataDirectoryError, match=r"docs/data\.md"):
        DataDirectory.find(tmp_path / "absent")
    with pytest.raises(DataDirectoryError, match=r"avatars/X\.glb or avatars_valid/X\.glb"):
        DataDirectory(tmp_path).avatar("X")
