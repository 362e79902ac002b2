"""Pickles of plain data are read, pickles that would run something are refused before anything runs."""

from __future__ import annotations

import builtins
import copyreg
import functools
import io
import os
import pickle
import subprocess
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from training.data_error import DataError
from training.unpickling import PickleError, load_npz, load_pickle, loads


class Runs:
    """Pickles as a call of anything with any arguments."""

    def __init__(self, call: Callable[..., Any], *arguments: Any) -> None:
        self.call, self.arguments = call, arguments

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return self.call, self.arguments


def nested_in_an_array(hostile: object) -> np.ndarray:
    array = np.empty(2, object)
    array[:] = [1, hostile]
    return array


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_plain_data_comes_back(protocol: int) -> None:
    value = {
        "numbers": [1, 2.5, True, None, 1 + 2j, "text", b"bytes"],
        "array": np.arange(12.0).reshape(3, 4),
        "integers": np.arange(5, dtype=np.int16),
        "text": np.array(["a", "bc"]),
        "scalar": np.float32(1.5),
        "objects": nested_in_an_array({"deep": np.ones(3, np.float32)}),
        "fortran": np.asfortranarray(np.arange(6).reshape(2, 3)),
        "sets": {1, 2},
        "empty": np.zeros((0, 3)),
    }
    got = loads(pickle.dumps(value, protocol=protocol), "test")
    for name in ("array", "integers", "text", "fortran", "empty"):
        np.testing.assert_array_equal(got[name], value[name])
        assert got[name].dtype == value[name].dtype
    assert got["numbers"] == value["numbers"]
    assert got["scalar"] == 1.5
    assert got["sets"] == {1, 2}
    np.testing.assert_array_equal(got["objects"][1]["deep"], np.ones(3))


def test_text_of_python_2_is_latin_1(tmp_path: Path) -> None:
    path = tmp_path / "old.pkl"
    path.write_bytes(b"(dp0\nS'name'\np1\nS'Stra\\xdfe'\np2\ns.")
    assert load_pickle(path) == {"name": "Straße"}


HOSTILE: dict[str, Callable[[Path], object]] = {
    "os.system": lambda mark: Runs(os.system, f"touch {mark}"),
    "subprocess": lambda mark: Runs(subprocess.call, ["touch", str(mark)]),
    "eval": lambda mark: Runs(builtins.eval, f"open({str(mark)!r}, 'w')"),
    "exec": lambda mark: Runs(builtins.exec, f"open({str(mark)!r}, 'w')"),
    "open": lambda mark: Runs(builtins.open, str(mark), "w"),
    "getattr": lambda mark: Runs(builtins.getattr, "", "join"),
    "import": lambda mark: Runs(builtins.__import__, "os"),
    "functools.partial": lambda mark: Runs(functools.partial, print),
    "copyreg": lambda mark: Runs(copyreg.pickle, int, print),
    "copyreg._reconstructor": lambda mark: Runs(copyreg._reconstructor, object, object, None),  # type: ignore[attr-defined]
    "numpy.load": lambda mark: Runs(np.load, str(mark)),
    "numpy.fromfile": lambda mark: Runs(np.fromfile, str(mark)),
    "in an object array": lambda mark: nested_in_an_array(Runs(os.system, f"touch {mark}")),
    "in nested arrays": lambda mark: nested_in_an_array(nested_in_an_array({"x": Runs(os.system, f"touch {mark}")})),
    "a class of ours": lambda mark: PickleError("x"),
}


@pytest.mark.parametrize("name", list(HOSTILE))
@pytest.mark.parametrize("protocol", [0, 2, 4, 5])
def test_a_pickle_that_would_run_something_is_refused(name: str, protocol: int, tmp_path: Path) -> None:
    mark, path = tmp_path / "ran", tmp_path / "hostile.pkl"
    path.write_bytes(pickle.dumps(HOSTILE[name](mark), protocol=protocol))
    with pytest.raises(PickleError, match=r"hostile\.pkl: pickle: .*"):
        load_pickle(path)
    assert not mark.exists()
    assert issubclass(PickleError, DataError)


@pytest.mark.parametrize(
    "program",
    [
        b"cos\nsystem\n(S'true'\ntR.",
        b"cbuiltins\ngetattr\n(c__builtin__\ndict\nS'get'\ntR.",
        b"c__builtin__\nobject\n.",
        b"cnumpy\nndarray.tofile\n.",
        b"\x80\x04\x8c\x05numpy\x8c\x0fndarray.tofile\x93.",
        b"\x80\x04\x8c\x08builtins\x8c\x0bstr.__class__\x93.",
        b"\x82\x01.",
        b"Pelsewhere\n.",
        b"c_codecs\nencode\n(Vabc\nVrot13\ntR.",
        b"i",
        b"",
    ],
)
def test_programs_written_by_hand_are_refused(program: bytes) -> None:
    with pytest.raises(PickleError):
        loads(program, "test")


@pytest.mark.parametrize("module", ["numpy.core.multiarray", "numpy._core.multiarray"])
def test_numpys_own_constructors_make_only_plain_arrays(module: str) -> None:
    """Called with other arguments than numpy's pickles use, they could make an array over anything."""
    for arguments in (b"cnumpy\nndarray\n(I5\ntS'O'\n", b"c__builtin__\ndict\n(I0\ntS'b'\n"):
        with pytest.raises(PickleError, match="begin empty"):
            loads(b"c" + module.encode() + b"\n_reconstruct\n(" + arguments + b"tR.", "test")
    with pytest.raises(PickleError, match="objects"):
        loads(b"c" + module.encode() + b"\nscalar\n(cnumpy\ndtype\n(S'O'\ntRS'12345678'\ntR.", "test")


def test_an_npz_with_objects_is_read_through_the_same_gate(tmp_path: Path) -> None:
    path, mark = tmp_path / "data.npz", tmp_path / "ran"
    np.savez(
        path, table={"S1": {"Walking": np.ones((2, 32, 3))}}, plain=np.arange(3), fortran=np.ones((2, 3), order="F")
    )
    members = load_npz(path)
    np.testing.assert_array_equal(members["table"].item()["S1"]["Walking"], np.ones((2, 32, 3)))
    np.testing.assert_array_equal(members["plain"], [0, 1, 2])
    assert members["fortran"].shape == (2, 3)
    np.savez(path, table=np.array({"S1": Runs(os.system, f"touch {mark}")}, dtype=object))
    with pytest.raises(PickleError, match=r"data\.npz: pickle: asks for (posix|nt)\.system"):
        load_npz(path)
    assert not mark.exists()


def test_damaged_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "cut.npz"
    np.savez(path, table={"a": np.ones(100)})
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(PickleError, match=r"cut\.npz: archive: .*fetch it again"):
        load_npz(path)
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, np.array([{"a": 1}, 2], dtype=object), allow_pickle=True)
    lying = buffer.getvalue().replace(b"(2,)", b"(9,)")
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("table.npy", lying)
    with pytest.raises(PickleError, match="header and its content"):
        load_npz(path)
    (tmp_path / "cut.pkl").write_bytes(pickle.dumps(np.ones(1000))[:200])
    with pytest.raises(PickleError, match="damaged"):
        load_pickle(tmp_path / "cut.pkl")
