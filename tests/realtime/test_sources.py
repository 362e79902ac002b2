"""What a source text means, and that senseless text names cause and cure."""

from pathlib import Path

import pytest

from realtime.frame_source import SourceError, SourceOptions
from realtime.live_capture import without_password
from realtime.sources import open_source

OPTIONS = SourceOptions()


@pytest.mark.parametrize(
    ("text", "name", "live"),
    [
        ("0", "camera 0", True),
        (" 12 ", "camera 12", True),
        ("/dev/video3", "camera 3", True),
        ("rtsp://camera.local:554/stream", "rtsp://camera.local:554/stream", True),
        ("RTSP://me:pass@camera/1", "RTSP://camera/1", True),
        ("http://10.0.0.2/mjpg?token=abc", "http://10.0.0.2/mjpg", True),
        ("udp://@239.0.0.1:1234", "udp://239.0.0.1:1234", True),
        ("screen", "screen 0", True),
        ("screen 1", "screen 1", True),
        ("screen 0 10 20 300 200", "screen 0", True),
    ],
)
def test_texts_and_what_they_name(text: str, name: str, live: bool) -> None:
    source = open_source(text, OPTIONS)
    assert (source.name, source.live) == (name, live)


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("", "empty"),
        ("  ", "empty"),
        ("-1", "neither a file nor a directory"),
        ("no/such/clip.mp4", "neither a file nor a directory"),
        ("ftp://host/clip.mp4", "ftp:// is no address"),
        ("file:///tmp/clip.mp4", "file:// is no address"),
        ("rtsp://", "no complete address"),
        ("rtsp://me:pass@", "no complete address"),
        ("http://host/a b", "no complete address"),
        ("screen one", "cannot read 'screen one'"),
        ("screen 0 1 2 3", "cannot read"),
        ("screen 0 -5 0 10 10", "cannot read"),
        ("screen 0 0 0 0 10", "is empty"),
        ("shots/*.jpg", "holds no images"),
        ("bad\0name", "neither a file nor a directory"),
    ],
)
def test_senseless_texts(text: str, cause: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SourceError) as caught:
        open_source(text, OPTIONS)
    assert cause in caught.value.cause
    assert caught.value.cure
    assert "me:pass" not in str(caught.value)


def test_demo_is_the_bundled_clip_or_says_that_it_is_missing() -> None:
    try:
        source = open_source("demo", OPTIONS)
    except SourceError as error:
        assert "bundled clip is missing" in error.cause
    else:
        assert source.name == "demo"


def test_passwords_and_keys_are_left_out_of_names() -> None:
    assert without_password("rtsp://a:b@c@host:554/x?user=a&password=b") == "rtsp://host:554/x"


@pytest.mark.parametrize(
    ("wishes", "message"),
    [
        ({"pace": "slow"}, "slow"),
        ({"image_rate_hz": 0.0}, "image_rate_hz"),
        ({"capture_rate_hz": float("nan")}, "capture_rate_hz"),
        ({"capture_size_wh": (0, 480)}, "capture_size_wh"),
        ({"read_timeout_s": float("inf")}, "read_timeout_s"),
        ({"backoff_first_s": 3.0, "backoff_max_s": 1.0}, "backoff_max_s"),
    ],
)
def test_senseless_options_are_quoted(wishes: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        SourceOptions(**wishes)  # type: ignore[arg-type]
