"""`di2pose doctor`: print what `realtime.doctor` finds."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from realtime.doctor import Finding

MARKS = {"works": ("ok", typer.colors.GREEN), "absent": ("--", typer.colors.YELLOW), "fails": ("NO", typer.colors.RED)}


def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object for programs to read.")] = False,
) -> int:
    """Say what works on this machine, what does not, and what to do about it.

    The exit code is 0 when the live line can run here and 1 when something that it needs is missing.
    """
    from realtime.doctor import can_run_live, examine

    findings = []
    for finding in examine():
        findings.append(finding)
        if not as_json:
            _print(finding)
    ready = can_run_live(findings)
    if as_json:
        typer.echo(json.dumps({"can_run_live": ready, "findings": [asdict(each) for each in findings]}, indent=2))
    else:
        typer.echo(
            "\nThe live line can run here." if ready else "\nThe live line cannot run here: see the lines marked NO."
        )
    return 0 if ready else 1


def _print(finding: Finding) -> None:
    mark, colour = MARKS[finding.state]
    typer.echo(f"{typer.style(mark, fg=colour)}  {finding.topic:<12} {finding.text}")
    if finding.cure:
        typer.echo(f"{'':<16} -> {finding.cure}")
