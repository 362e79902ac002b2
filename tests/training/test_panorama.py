from pathlib import Path

import cv2
import numpy as np
import pytest

from training.panorama import PanoramaError, panorama_of, read_panorama


def written(tmp_path: Path, image_rgb: np.ndarray) -> Path:
    path = tmp_path / "sky.png"
    cv2.imwrite(str(path), image_rgb[..., ::-1])
    return path


def reflected(ambient_rgb: np.ndarray, normal: tuple[float, float, float]) -> np.ndarray:
    x, y, z = normal
    harmonics = [
        0.282095, 0.488603 * y, 0.488603 * z, 0.488603 * x, 1.092548 * x * y, 1.092548 * y * z,
        0.315392 * (3 * z * z - 1), 1.092548 * x * z, 0.546274 * (x * x - y * y),
    ]  # fmt: skip
    return np.array(harmonics) @ ambient_rgb


def test_a_uniform_sky_lights_every_side_with_its_own_colour(tmp_path: Path) -> None:
    panorama = read_panorama(written(tmp_path, np.full((64, 128, 3), 255, np.uint8)))
    for normal in ((0, 1, 0), (1, 0, 0), (0, -1, 0), (0.6, 0, -0.8)):
        np.testing.assert_allclose(reflected(panorama.ambient_rgb, normal), 1.0, atol=0.01)


@pytest.mark.parametrize("turn_deg", [0.0, 30.0, -120.0])
def test_the_sun_stands_where_the_picture_is_bright_and_turns_with_it(tmp_path: Path, turn_deg: float) -> None:
    image = np.full((64, 128, 3), 20, np.uint8)
    image[14:18, 62:66] = 255  # the middle column: straight ahead, 45 degrees high
    panorama = read_panorama(written(tmp_path, image), turn_deg=turn_deg)
    turn = np.radians(turn_deg)
    expected = np.array([-np.sin(turn), 1.0, -np.cos(turn)]) / np.sqrt(2)
    assert panorama.sun_direction @ expected > np.cos(np.radians(2))
    assert (
        reflected(panorama.ambient_rgb, tuple(expected)).mean()
        > reflected(panorama.ambient_rgb, tuple(-expected)).mean()
    )


def test_what_is_no_panorama_is_named(tmp_path: Path) -> None:
    (tmp_path / "text.jpg").write_text("no picture")
    with pytest.raises(PanoramaError, match=r"text\.jpg"):
        read_panorama(tmp_path / "text.jpg")
    with pytest.raises(PanoramaError, match="twice as wide"):
        read_panorama(written(tmp_path, np.zeros((64, 64, 3), np.uint8)))


def test_a_clipped_lamp_lights_a_dark_room_and_an_open_sky_no_more_than_it_does() -> None:
    def level(image: np.ndarray, lamp_gain: float) -> float:
        return float(panorama_of(image, lamp_gain=lamp_gain).ambient_rgb[0].mean())

    room, sky = np.full((64, 128, 3), 20, np.uint8), np.full((64, 128, 3), 255, np.uint8)
    room[10:20, 30:50] = 255
    assert level(room, 8.0) > 3 * level(room, 1.0)
    assert level(sky, 8.0) == pytest.approx(level(sky, 1.0))
