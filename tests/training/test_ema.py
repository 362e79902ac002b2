from __future__ import annotations

import pytest
import torch
from torch import nn

from training.ema import Ema


def test_without_memory_the_average_is_the_network() -> None:
    network = nn.Linear(3, 2)
    ema = Ema(network, 0.0)
    nn.init.constant_(network.weight, 4.0)
    ema.update(network, 100)
    assert (ema.weights["weight"] == 4.0).all()


def test_follows_the_closed_form_of_a_moving_average() -> None:
    network = nn.Linear(1, 1, bias=False)
    nn.init.constant_(network.weight, 1.0)
    ema = Ema(network, 0.9)
    nn.init.constant_(network.weight, 0.0)
    for _ in range(5):
        ema.update(network, 10_000)  # so late that the full memory counts
    assert float(ema.weights["weight"]) == pytest.approx(0.9**5)


def test_the_network_has_the_average_only_inside_the_block() -> None:
    network = nn.Linear(1, 1, bias=False)
    nn.init.constant_(network.weight, 1.0)
    ema = Ema(network, 0.5)
    nn.init.constant_(network.weight, 3.0)
    with ema.applied_to(network):
        assert float(network.weight) == 1.0
    assert float(network.weight) == 3.0


def test_impossible_memory_is_refused() -> None:
    with pytest.raises(ValueError, match=r"\[0, 1\), got 1"):
        Ema(nn.Linear(1, 1), 1.0)


def test_buffers_that_are_no_floats_are_copied() -> None:
    network = nn.BatchNorm1d(2)
    ema = Ema(network, 0.9)
    network(torch.randn(4, 2))
    ema.update(network, 0)
    assert int(ema.weights["num_batches_tracked"]) == 1
