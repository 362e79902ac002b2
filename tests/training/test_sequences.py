from dataclasses import fields, replace

import numpy as np
import pytest
from scenes import pose_at

from engine.runtime.temporal_blend import shipped_blend
from realtime.memory import Memory
from training.data_error import DataError
from training.sequences import Sequences, joined, looks_of, read, sequence_of

MOMENTS = 8


def looks(seed=0, *, nobody_in=()):
    rng = np.random.default_rng(seed)
    found = []
    for moment in range(MOMENTS):
        pose = pose_at(1, 300, 300)
        joints_mm = pose.joints_mm + rng.normal(0, 30, (17, 3)).astype(np.float32)
        joints_mm[0] = 0
        spread_mm = rng.uniform(50, 400, 17).astype(np.float32)
        root_mm = np.float32([200 + 20 * moment, -100, 2500])
        pose = replace(pose, joints_mm=joints_mm, spread_mm=spread_mm, root_mm=root_mm)
        found.append(None if moment in nobody_in else pose)
    return found


def truth():
    return [(moment / 15, pose.joints_mm.astype(float) + 5) for moment, pose in enumerate(looks())]


def test_a_file_holds_what_was_written(tmp_path):
    some = joined([sequence_of(looks(0), truth()), sequence_of(looks(1), truth())])
    some.write(tmp_path / "a.npz")
    again = read([tmp_path / "a.npz"])
    assert len(again) == 2
    for entry in fields(Sequences):
        np.testing.assert_array_equal(getattr(again, entry.name), getattr(some, entry.name))
    assert [path.name for path in tmp_path.iterdir()] == ["a.npz"]


def test_the_past_in_training_is_the_past_of_the_live_line():
    """The blend reads the same numbers of a sequence as of the looks one after the other, with gaps."""
    poses = looks(nobody_in=(0, 3, 4))
    learned_from = looks_of(sequence_of(poses, truth()))
    said = shipped_blend()(learned_from.moments)
    memory, row = Memory(shipped_blend(), forget_after_s=0.5), 0
    for moment, pose in enumerate(poses):
        if pose is not None:
            live_mm = memory(pose, moment / 15)
            distance = np.linalg.norm(live_mm, axis=-1)
            np.testing.assert_allclose(1000 * np.linalg.norm(said[row], axis=-1), distance, atol=0.05)
            row += 1
    assert row == len(said) == 5


def test_neighbours_are_three_moments_of_one_sequence():
    many = joined([sequence_of(looks(0, nobody_in=(2,)), truth()), sequence_of(looks(1), truth())])
    found = looks_of(many)
    assert found.neighbours.tolist()[0] == [0, 1, 2] and found.neighbours.tolist()[-1] == [12, 13, 14]
    assert [5, 6, 7] not in found.neighbours.tolist()
    assert len(found.neighbours) == 5 + 6


def test_who_is_never_found_makes_no_sequence():
    with pytest.raises(ValueError, match="somebody"):
        sequence_of([None] * MOMENTS, truth())
    with pytest.raises(DataError, match="ask for more sequences"):
        joined([])
    with pytest.raises(DataError, match="three times in a row"):
        looks_of(sequence_of(looks(nobody_in=range(2, MOMENTS)), truth()))


@pytest.mark.parametrize("harm", ["absent", "cut", "a field missing", "a field of another size", "not finite"])
def test_a_file_that_is_not_whole_is_refused_with_the_cure(harm, tmp_path):
    path = tmp_path / "a.npz"
    some = sequence_of(looks(), truth())
    arrays = {entry.name: getattr(some, entry.name) for entry in fields(Sequences)}
    some.write(path)
    if harm == "absent":
        path.unlink()
    elif harm == "cut":
        path.write_bytes(path.read_bytes()[:2000])
    elif harm == "a field missing":
        np.savez(path, **{name: values for name, values in arrays.items() if name != "seen"})
    elif harm == "a field of another size":
        np.savez(path, **(arrays | {"seen": arrays["seen"][:, :-1]}))
    else:
        np.savez(path, **(arrays | {"seen": np.full_like(arrays["seen"], np.nan)}))
    with pytest.raises(DataError, match=r"a\.npz.*data sequences"):
        read([path])


def test_files_of_other_lengths_do_not_go_together(tmp_path):
    some = sequence_of(looks(), truth())
    some.write(tmp_path / "a.npz")
    Sequences(*(getattr(some, entry.name)[:, :4] for entry in fields(Sequences))).write(tmp_path / "b.npz")
    with pytest.raises(DataError, match=r"b\.npz.*sequences of 4 moments"):
        read([tmp_path / "a.npz", tmp_path / "b.npz"])
