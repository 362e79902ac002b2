import pytest

from realtime.config import ConfigError, LineConfig, SmoothingConfig, TrackingConfig, load


def test_a_file_changes_what_it_names_and_nothing_else(tmp_path):
    path = tmp_path / "line.toml"
    path.write_text("threads = 1\n[smoothing]\nbeta = 0.01\n[tracking]\ndetect_every_frames = 5\n")
    expected = LineConfig(
        smoothing=SmoothingConfig(beta=0.01), tracking=TrackingConfig(detect_every_frames=5), threads=1
    )
    assert load(path) == expected


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("thread = 1", "thread"),
        ("[tracking]\nspeed = 3", "tracking.speed"),
        ("[smoothing]\nbeta = 'fast'", "'fast'"),
        ("[smoothing]\nmin_cutoff_hz = -1.0", "-1"),
        ("[tracking]\nmin_presence = 1.5", "1.5"),
        ("threads = 0", "0"),
        ("threads = true", "True"),
        ("tracking = 3", "table"),
        ("threads = ", "TOML"),
    ],
)
def test_a_bad_setting_is_quoted_with_its_file(tmp_path, text, named):
    path = tmp_path / "bad.toml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=r"bad\.toml") as caught:
        load(path)
    assert named in str(caught.value)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ConfigError, match="none.toml"):
        load(tmp_path / "none.toml")
