"""Writes docs/stream.schema.json and the tables of docs/stream.md from the code: `python -m tools.stream_docs`."""

from __future__ import annotations

import json
from pathlib import Path

from realtime.schema import json_schema, tables

DOCS = Path(__file__).resolve().parent.parent / "docs"
BEGIN, END = "<!-- fields: written by `python -m tools.stream_docs` -->", "<!-- fields end -->"


def schema_text() -> str:
    """docs/stream.schema.json as it should be."""
    return json.dumps(json_schema(), indent=1) + "\n"


def with_tables(document: str) -> str:
    """`document` with the tables between its two markers renewed; ValueError when a marker is missing."""
    before, begin, rest = document.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"docs/stream.md needs the lines {BEGIN!r} and {END!r}")
    return f"{before}{BEGIN}\n\n{tables()}\n\n{END}{after}"


def main() -> None:
    (DOCS / "stream.schema.json").write_text(schema_text(), encoding="utf-8")
    document = DOCS / "stream.md"
    document.write_text(with_tables(document.read_text(encoding="utf-8")), encoding="utf-8")
    print(f"written: {DOCS / 'stream.schema.json'} and the tables of {document}")


if __name__ == "__main__":
    main()
