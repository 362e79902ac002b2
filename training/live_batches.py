"""Training batches of the live model: encoded crops and simulated ones. Batch i depends on (seed, i) alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch

from engine.model.config import DenoiserTrainingConfig
from training.cmu import BoneMotion
from training.crop_poses import CropPoseSampler, CropViewRange
from training.live_data import EncodedSet, LiveBatch
from training.live_rows import LiveRows
from training.pose_stream import Augmentation
from training.simulated_landmarks import LandmarkErrors

MEASURED_ROWS = 4096
"""So many crops give the constants of the condition and the errors of simulated landmarks."""

SIMULATED = Augmentation(mix=0.55, mix_part=0.4, rare=0.35, standing=0.45, at_table=0.1, jitter_deg=10.0)
"""Wider than what is drawn in pictures: a simulated person costs nothing, and real people do what no one recorded."""
SIMULATED_VIEW = CropViewRange(distance_mm=(600.0, 10_000.0), height_mm=(100.0, 4500.0), held=0.35)
"""Cameras under ceilings see many people, and a camera that looks down steeply makes who stands there look bent."""

NOISY = ("at_points", "trunk_2", "trunk_4")
"""Fields of a row that get noise: the image features."""

TREMBLING = np.array(
    [0.02, 0.012, 0.065, 0.045, 0.016, 0.06, 0.02, 0.0, 0.03, 0.016, 0.1, 0.03, 0.016, 0.03, 0.03, 0.016, 0.03],
    np.float32,
)
"""How much the numbers of a point tremble over a still picture, in spreads of each: medians over the points of two
stills of `tests/benchmarks/still_jitter.py`, second and third peaks as the first as far as they do not jump."""

AsBatch = Callable[[LiveRows], LiveBatch]


class LiveSampler:
    """Every encoded crop once per pass, in an order drawn anew for each. Not for several threads at once."""

    def __init__(
        self, encoded: EncodedSet, motion: BoneMotion | None, training: DenoiserTrainingConfig, *, seed: int,
        as_batch: AsBatch = LiveBatch.of,
    ) -> None:  # fmt: skip
        """`motion` may be None where nothing is simulated; `as_batch` says what is known of encoded crops."""
        batch = training.optimiser.batch
        self.simulated = round(training.simulated_share * batch) if motion is not None else 0
        self.encoded_rows = batch - self.simulated
        self._encoded, self._training, self._seed, self._as_batch = encoded, training, seed, as_batch
        self._order: tuple[int, np.ndarray] = (-1, np.empty(0, np.intp))
        measured = measured_rows(encoded)
        self._errors = LandmarkErrors.of(measured)
        self._spreads = {name: getattr(measured, name).std(axis=(0, 1), dtype=np.float32) for name in NOISY}
        self._point_spreads = measured.points.std(axis=(0, 1), dtype=np.float32)
        self._poses = None
        if motion is not None and self.simulated:
            self._poses = CropPoseSampler(
                motion.part("train"), seed, batch_size=self.simulated, augmentation=SIMULATED, view=SIMULATED_VIEW
            )

    def batch(self, index: int) -> LiveBatch:
        rng = np.random.default_rng([self._seed, index, 0x11])
        parts = []
        if self.encoded_rows:
            places = np.arange(index * self.encoded_rows, (index + 1) * self.encoded_rows)
            rows = self._as_batch(self._noisy(self._encoded.take([self._row(int(place)) for place in places]), rng))
            hidden = torch.from_numpy(rng.random(len(rows)) < self._training.hide_features)
            parts.append(LiveBatch(rows.crops.without_features(hidden), rows.joints_mm))
        if self._poses is not None:
            parts.append(self._errors.batch(self._poses.crops(index), rng))
        return self._trembling(LiveBatch.joined(parts), rng)

    def _trembling(self, batch: LiveBatch, rng: np.random.Generator) -> LiveBatch:
        level = np.float32(self._training.landmark_noise)
        if not level:
            return batch
        points = batch.crops.points
        noise = rng.standard_normal(points.shape, np.float32) * (level * TREMBLING * self._point_spreads)
        return replace(batch, crops=replace(batch.crops, points=points + torch.from_numpy(noise)))

    def _noisy(self, rows: LiveRows, rng: np.random.Generator) -> LiveRows:
        level = np.float32(self._training.feature_noise)
        if not level:
            return rows
        changed = {}
        for name, spread in self._spreads.items():
            values = getattr(rows, name)
            noise = rng.standard_normal(values.shape, np.float32) * spread * level
            changed[name] = (values + noise).astype(values.dtype)
        return replace(rows, **changed)

    def _row(self, place: int) -> int:
        number, row = divmod(place, len(self._encoded))
        if number != self._order[0]:
            order = np.random.default_rng([self._seed, number, 0x0D]).permutation(len(self._encoded))
            self._order = (number, order)
        return int(self._order[1][row])


def measured_rows(encoded: EncodedSet) -> LiveRows:
    """Evenly spread over the set."""
    step = max(1, len(encoded) // MEASURED_ROWS)
    return encoded.take(np.arange(0, len(encoded), step)[:MEASURED_ROWS])
