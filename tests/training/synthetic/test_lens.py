import numpy as np
import pytest
from raster_scenes import BENT, viewpoint

from training.synthetic.lens import fold_radius2, lens_from_ndc, raster_from_lens


def radius(r: float, radial: tuple[float, float, float]) -> float:
    k1, k2, k3 = radial
    return r * (1 + k1 * r**2 + k2 * r**4 + k3 * r**6)


@pytest.mark.parametrize("radial", [(-0.3, 0.0, 0.0), (-0.2, -0.05, 0.0), (0.3, -0.2, 0.01)])
def test_the_picture_rises_up_to_the_fold_and_not_beyond(radial: tuple[float, float, float]) -> None:
    fold = fold_radius2(radial) ** 0.5
    before = [radius(r, radial) for r in np.linspace(0, fold, 50)]
    assert (np.diff(before) > 0).all()
    assert radius(fold * 1.01, radial) < radius(fold, radial)


@pytest.mark.parametrize("radial", [(0.0, 0.0, 0.0), (0.1, 0.02, 0.0)])
def test_a_lens_without_a_fold_has_a_limit_all_the_same(radial: tuple[float, float, float]) -> None:
    assert fold_radius2(radial) == 16.0


def test_the_raster_samples_pixel_centres_and_the_backdrop_covers_the_crop() -> None:
    seen = viewpoint(distortion=BENT, angle_rad=0.4)
    width, height = 2 * seen.crop_size_px, 96
    raster = raster_from_lens(seen, samples_per_px=2.0, first_px=(0, 0), size_wh=(width, height))
    corner = np.linalg.solve(raster, (1 / width - 1, 1 / height - 1, 1.0))
    first = (seen.frame_from_crop[:, 2] - seen.camera.centre_px) / seen.camera.focal_px
    np.testing.assert_allclose(corner[:2], first, atol=1e-9)  # the first sample is the first pixel's centre
    half_px = 1 / seen.crop_size_px
    np.testing.assert_allclose((lens_from_ndc(seen) @ (half_px - 1, half_px - 1, 1.0))[:2], first, atol=1e-9)


def test_a_piece_of_the_raster_has_the_samples_of_the_whole() -> None:
    seen = viewpoint(distortion=BENT, angle_rad=0.4)
    whole = raster_from_lens(seen, samples_per_px=2.0, first_px=(0, 0), size_wh=(256, 256))
    piece = raster_from_lens(seen, samples_per_px=2.0, first_px=(32, 64), size_wh=(64, 128))
    sample = np.linalg.solve(piece, ((2 * 5 + 1) / 64 - 1, (2 * 7 + 1) / 128 - 1, 1.0))  # its column 5, row 7
    expected = (2 * (64 + 5) + 1) / 256 - 1, (2 * (128 + 7) + 1) / 256 - 1
    np.testing.assert_allclose((whole @ sample)[:2], expected, atol=1e-9)
