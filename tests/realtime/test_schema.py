"""The documents are written from the code, and the JSON forms keep to the schema."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import msgspec
import pytest

from realtime.announcements import HealthMessage, SkeletonMessage, StatusMessage
from realtime.codec import MESSAGES, json_of
from realtime.frame import SourceEvent
from realtime.health import Health
from realtime.message import PoseMessage
from realtime.publisher import Publisher
from realtime.schema import json_schema, tables
from tools.stream_docs import schema_text, with_tables

DOCS = Path(__file__).resolve().parents[2] / "docs"
RENEW = "run `python -m tools.stream_docs`"


def test_the_schema_file_is_what_the_code_says():
    assert (DOCS / "stream.schema.json").read_text(encoding="utf-8") == schema_text(), RENEW


def test_the_tables_are_what_the_code_says():
    document = (DOCS / "stream.md").read_text(encoding="utf-8")
    assert with_tables(document) == document, RENEW


def test_a_document_without_markers_is_refused():
    with pytest.raises(ValueError, match="needs the lines"):
        with_tables("no markers")


def test_every_field_of_every_message_is_in_the_tables():
    text = tables()
    for message in MESSAGES:
        for name in message.__struct_fields__:
            assert f"| `{name}` |" in text


@pytest.fixture
def valid():
    schema = json_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema).validate


def sent_lines(pose_message) -> list[dict]:
    messages: list[PoseMessage | SkeletonMessage | HealthMessage | StatusMessage] = [
        pose_message(persons=2),
        pose_message(complete=False),
        pose_message(persons=0),
        SkeletonMessage.h36m17(),
        Health().message(),
        StatusMessage.of(SourceEvent("found", "camera 0 is back", 1)),
    ]
    with Publisher("tcp://127.0.0.1:*") as publisher:
        return [json.loads(json_of(publisher.send(message))) for message in messages]


def test_what_is_sent_is_valid(pose_message, valid):
    for line in sent_lines(pose_message):
        valid(line)
        valid(line | {"added_later": 1})


@pytest.mark.parametrize(
    "damage",
    [{"version": 2}, {"sequence": -1}, {"persons": None}, {"image_wh": [1]}, {"kind": "pose2"}, {"drops": "none"}],
)
def test_what_is_not_of_this_version_is_invalid(pose_message, valid, damage: dict):
    with pytest.raises(jsonschema.ValidationError):
        valid(sent_lines(pose_message)[0] | damage)


def test_a_missing_header_field_and_a_missing_joint_are_invalid(pose_message, valid):
    line = sent_lines(pose_message)[0]
    with pytest.raises(jsonschema.ValidationError):
        valid({name: value for name, value in line.items() if name != "session_id"})
    line["persons"][0]["joints_mm"].pop()
    with pytest.raises(jsonschema.ValidationError):
        valid(line)


def test_an_undescribed_field_is_found_when_the_tables_are_written(monkeypatch):
    class Sloppy(msgspec.Struct):
        """A message part without words."""

        mystery: int

    monkeypatch.setattr("realtime.schema.PARTS", (Sloppy,))
    with pytest.raises(TypeError, match="mystery"):
        tables()
