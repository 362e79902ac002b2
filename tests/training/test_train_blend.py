import numpy as np
import pytest
import torch

from engine.body.skeleton import H36M17
from engine.runtime.temporal_blend import Moments, TemporalBlend
from training.sequences import Sequences, looks_of
from training.train_blend import BlendNetwork, BlendTraining, changed, mean_error_mm, picked, trained, write

SMALL = BlendTraining(steps=150, looks=300, width=32, layers=1, dropout=0.0)


def sequences(count=40, moments=16, seed=0):
    """Still people; every look is off by noise of its own, a fourth of the joints by much, and says so."""
    rng = np.random.default_rng(seed)
    truth_mm = np.repeat(rng.normal(0, 300, (count, 1, 17, 3)), moments, axis=1)
    truth_mm[:, :, 0] = 0
    spread_mm = np.where(rng.random((count, moments, 17)) < 0.25, 500.0, 60.0)
    looks_mm = truth_mm + rng.normal(0, 1, truth_mm.shape) * spread_mm[..., None] / 2
    looks_mm[:, :, 0] = 0
    return Sequences(
        *(
            np.asarray(values, np.float32)
            for values in (
                looks_mm,
                np.tile([0.0, 0.0, 3000.0], (count, moments, 1)),
                spread_mm,
                np.full((count, moments, 17), 0.9),
                np.ones((count, moments)),
                np.tile(np.arange(moments) / 30, (count, 1)),
                truth_mm,
            )
        ),
        np.ones((count, moments), bool),
    )


LOOKS = looks_of(sequences())


def test_what_it_learns_from_still_people_is_to_believe_the_past():
    learned = trained(LOOKS, SMALL, seed=0)
    unseen = looks_of(sequences(seed=1))
    assert mean_error_mm(unseen, learned(unseen.moments)) < 0.6 * mean_error_mm(unseen, unseen.moments.joints_m)


def test_the_same_seed_gives_the_same_weights():
    short = BlendTraining(steps=3, looks=30, width=16, layers=1)
    one, other = (trained(LOOKS, short, seed=4) for _ in range(2))
    for mine, theirs in zip(one.layers, other.layers, strict=True):
        np.testing.assert_array_equal(mine[0], theirs[0])


def test_numpy_answers_as_torch_does(tmp_path):
    network = BlendNetwork(BlendTraining(width=24, layers=2)).eval()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.copy_(torch.randn(parameter.shape) * 0.2)
        expected = network(LOOKS.moments)[0].numpy()
    layers = [(layer.weight.detach().numpy().T, layer.bias.detach().numpy()) for layer in network.linear]
    write(TemporalBlend(layers), tmp_path / "b.npz")
    np.testing.assert_allclose(TemporalBlend.read(tmp_path / "b.npz")(LOOKS.moments), expected, atol=2e-5)
    assert [path.name for path in tmp_path.iterdir()] == ["b.npz"]


def test_changes_are_those_of_whole_sequences():
    """Bones keep their proportions, means their distance to the look, and three in a row are changed alike."""
    rows = LOOKS.neighbours[:20].T.ravel()
    some, truth_m = picked(LOOKS.moments, rows), LOOKS.truth_m[rows]
    moments, moved_m = changed(some, truth_m, np.random.default_rng(0), groups=3)
    size = np.linalg.norm(moved_m, axis=-1).sum(axis=1) / np.linalg.norm(truth_m, axis=-1).sum(axis=1)
    np.testing.assert_allclose(size[:20], size[20:40], rtol=1e-4)
    assert 0.9 < size.min() < size.max() < 1.11 and np.ptp(size) > 0.02

    def apart(of: Moments, truth):
        return np.linalg.norm(of.joints_m - truth, axis=-1).sum(axis=1)

    np.testing.assert_allclose(apart(moments, moved_m), size * apart(some, truth_m), rtol=1e-3)
    off, before = moments.means_m - moments.joints_m[:, None], some.means_m - some.joints_m[:, None]
    lengths, usual = (np.linalg.norm(some.reshape(len(some), -1), axis=1) for some in (off, before))
    np.testing.assert_allclose(lengths, size * usual, rtol=1e-3)
    wider = moments.log_spread.sum(axis=1) - some.log_spread.sum(axis=1)
    np.testing.assert_allclose(wider, 17 * np.log(size), atol=1e-2)


def test_a_mirrored_joint_takes_its_numbers_along():
    some = picked(LOOKS.moments, np.arange(300))
    wrist, other = H36M17.rows("left_wrist", "right_wrist")
    moments, _ = changed(some, LOOKS.truth_m[:300], np.random.default_rng(0), groups=3)
    flipped = np.abs(moments.log_weights[:, :, wrist] - some.log_weights[:, :, other]).max(axis=1) < 1e-6
    assert 0.2 < flipped.mean() < 0.8
    across = np.sign(moments.joints_m[flipped, wrist, 0]) == -np.sign(some.joints_m[flipped, other, 0])
    assert across.mean() > 0.8


def test_what_fits_no_network_is_refused():
    with pytest.raises(ValueError, match="do not lead from"):
        TemporalBlend([(np.zeros((5, 4), np.float32), np.zeros(4, np.float32))])
