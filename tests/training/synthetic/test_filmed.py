from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from engine.body.skeleton import H36M17
from tools.data import app
from tools.train import app as train
from training.data_directory import DataDirectory
from training.sequences import read
from training.synthetic.cast import Cast
from training.synthetic.filmed import MOMENTS, SIDE_PX, filmed
from training.synthetic.motions import Motions, with_still_legs
from training.synthetic.raster import Raster

LEGS = H36M17.rows("left_knee", "left_ankle", "right_knee", "right_ankle")


@pytest.fixture(scope="module")
def motions(cast: Cast) -> Motions:
    return Motions(cast.motion)


@pytest.mark.parametrize("seed", range(6))
def test_people_move_but_never_leap(motions: Motions, seed: int) -> None:
    turns = motions.draw(np.random.default_rng(seed), 30, 1)
    assert turns.shape == (30, 17, 3, 3)
    np.testing.assert_allclose(turns @ np.swapaxes(turns, -1, -2), np.broadcast_to(np.eye(3), turns.shape), atol=1e-4)
    step_deg = np.degrees(np.linalg.norm(np.diff(turns, axis=0), axis=(-2, -1)) / np.sqrt(2))
    assert step_deg.max() < 40


def test_fewer_frames_a_second_of_the_same_film_are_further_apart(motions: Motions) -> None:
    pairs = [[motions.draw(np.random.default_rng(seed), 20, stride) for stride in (1, 5)] for seed in range(12)]
    steps = [np.mean([np.abs(np.diff(pair[row], axis=0)).mean() for pair in pairs]) for row in (0, 1)]
    assert steps[1] > 2 * steps[0]


def test_legs_that_are_still_keep_their_angle_to_the_pelvis(motions: Motions) -> None:
    rng = np.random.default_rng(0)
    turns = with_still_legs(motions.draw(rng, 20, 2), rng, seated=1.0)
    legs = np.swapaxes(turns[:, [0]], -1, -2) @ turns[:, LEGS]
    np.testing.assert_allclose(legs, np.broadcast_to(legs[:1], legs.shape), atol=1e-4)


def test_a_film_shows_its_person_where_the_truth_says(cast: Cast, motions: Motions) -> None:
    with Raster(size_px=SIDE_PX) as raster:
        film = list(islice(filmed(cast, motions, raster, np.random.default_rng([3, 0])), 6))
        again = next(filmed(cast, motions, raster, np.random.default_rng([3, 0])))
    assert film[0].image_rgb.shape == (SIDE_PX, SIDE_PX, 3)
    assert np.abs(film[0].image_rgb.astype(int) - again.image_rgb).max() <= 1
    times_s = [moment.time_s for moment in film]
    assert times_s[0] == 0 and np.ptp(np.diff(times_s)) < 1e-9 and np.diff(times_s)[0] in (1 / 30, 2 / 30, 0.1, 5 / 30)
    for moment in film:
        assert (moment.joints_mm[0] == 0).all()
        span_px = np.ptp(moment.joints_px, axis=0).max()
        assert span_px > 40 and np.isfinite(moment.joints_px).all()


def test_sequences_are_made_by_the_line_and_learned_from(
    small_data: DataDirectory, networks_dir: Path, tmp_path: Path
) -> None:
    for name, more in (("train", []), ("test", ["--test"])):
        asked = ["sequences", "--data", str(small_data.path), "--out", str(tmp_path / f"{name}.npz"), "--count", "1"]
        made = CliRunner().invoke(app, [*asked, *more, "--seed", "3"])
        assert made.exit_code == 0, made.output
    found = read([tmp_path / "train.npz"])
    assert found.found.shape == (1, MOMENTS) and found.found.mean() > 0.5
    error_mm = np.linalg.norm(found.joints_mm - found.truth_mm, axis=-1)[found.found][:, 1:].mean()
    assert 20 < error_mm < 300
    asked = ["blend", "--sequences", str(tmp_path / "train.npz"), "--held-out", str(tmp_path / "test.npz")]
    learned = CliRunner().invoke(train, [*asked, "--out", str(tmp_path / "blend.npz"), "--steps", "20"])
    assert learned.exit_code == 0, learned.output
    assert "the look alone" in learned.output and (tmp_path / "blend.npz").is_file()
