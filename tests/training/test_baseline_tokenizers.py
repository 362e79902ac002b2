from __future__ import annotations

import pytest
import torch

from training.baseline_tokenizers import DigitTokenizer, VectorQuantiser, VqTokenizer

POSES = torch.randn(16, 17, 3, generator=torch.Generator().manual_seed(1)) * 250
POSES[:, 0] = 0


def test_digits_give_every_coordinate_back_to_a_micrometre() -> None:
    tokenizer = DigitTokenizer(4375)
    indices = tokenizer.encode(POSES.clamp(-1100, 1100))
    assert indices.shape == (16, 96) and indices.min() >= 0 and indices.max() < 4375
    # float32 holds 1100 mm to 0.0001 mm
    torch.testing.assert_close(tokenizer.decode(indices), POSES.clamp(-1100, 1100), atol=1e-3, rtol=0)


def test_a_latent_is_given_the_nearest_vector_of_the_codebook() -> None:
    quantiser = VectorQuantiser(32, 4, moving_average="off")
    latents = torch.randn(5, 3, 4)
    nearest = torch.cdist(latents.flatten(0, 1), quantiser.codebook).argmin(dim=1).view(5, 3)
    assert torch.equal(quantiser.indices(latents), nearest)


def test_a_moving_average_codebook_approaches_its_latents() -> None:
    torch.manual_seed(0)
    quantiser = VectorQuantiser(8, 2, moving_average="on")
    latents = torch.randn(64, 4, 2) * 0.1 + 5.0
    before = float(quantiser(latents)[1])
    for _ in range(300):
        quantiser(latents)
    assert float(quantiser(latents)[1]) < 0.01 * before


@pytest.mark.parametrize("style", ["pct", "plain"])
def test_vq_tokenizers_learn_and_round_trip_indices(style: str) -> None:
    torch.manual_seed(0)
    tokenizer = VqTokenizer(tokens=6, codes=16, channels=4, width=16, style=style)
    optimizer = torch.optim.Adam(tokenizer.parameters(), lr=3e-3)
    generator = torch.Generator().manual_seed(0)
    losses = []
    for _ in range(150):
        loss = tokenizer(POSES, generator)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert sum(losses[-10:]) < 0.8 * sum(losses[:10])
    indices = tokenizer.eval().encode(POSES)
    assert indices.shape == (16, 6) and int(indices.max()) < 16
    assert (tokenizer.decode(indices)[:, 0] == 0).all()
