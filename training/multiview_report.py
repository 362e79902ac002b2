"""The figures of `di2pose evaluate multiview` as JSON and as text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from training.calibrated_views import View
from training.multiview import MIN_VISIBILITY, SCORED
from training.multiview_check import CalibrationCheck
from training.multiview_score import Scored, figures
from training.triangulation import Rules

COLUMNS = ("references", "coverage", "mpjpe_mm", "pa_mpjpe_mm", "pck150", "pck150_of_all")
HEADINGS = ("references", "coverage %", "MPJPE mm", "PA-MPJPE mm", "PCK@150 %", "PCK@150 of all %")


@dataclass(frozen=True, slots=True)
class Setting:
    """What was measured."""

    recording: str
    estimator: str
    smoothing: bool
    patch: bool
    every: int
    moments: int
    rules: Rules


def as_dict(
    setting: Setting, check: CalibrationCheck, results: Sequence[Scored], *, views: Sequence[View]
) -> dict[str, Any]:
    """Numbers by name: all, per view and per joint; None where there is nothing to measure."""
    of_view = {view.name: [result for result in results if result.view == row] for row, view in enumerate(views)}
    limit_px = None if np.isinf(setting.rules.limit_px) else setting.rules.limit_px
    return {
        **asdict(setting),
        "rules": {**asdict(setting.rules), "limit_px": limit_px, "min_visibility": MIN_VISIBILITY},
        "calibration": check.as_dict(),
        **asdict(figures(results)),
        "frames": len(results),
        "frames_aligned": sum(bool(np.isfinite(result.aligned_mm).any()) for result in results),
        "roots": {root: sum(result.truth.root == root for result in results) for root in ("hips", "shoulders")},
        "per_view": {name: {"frames": len(mine), **asdict(figures(mine))} for name, mine in of_view.items()},
        "per_joint": {name: asdict(figures(results, name)) for name in SCORED},
    }


def as_text(report: dict[str, Any]) -> str:
    """Markdown: the calibration, and a table of all, each view and each joint that has references."""
    rows = [("all", report)]
    rows += [(f"camera {name}", numbers) for name, numbers in report["per_view"].items()]
    rows += [(name, numbers) for name, numbers in report["per_joint"].items() if numbers["references"]]
    lines = [_calibration(report["calibration"]), "", _head(report), ""]
    lines += [f"| {report['estimator']} | " + " | ".join(HEADINGS) + " |", "|---" * (len(HEADINGS) + 1) + "|"]
    lines += [
        f"| {name} | " + " | ".join(_shown(column, numbers[column]) for column in COLUMNS) + " |"
        for name, numbers in rows
    ]
    return "\n".join(lines)


def _head(report: dict[str, Any]) -> str:
    rules, roots = report["rules"], report["roots"]
    limit = f"{rules['limit_mm']:g} mm at the joint" + (f" and {rules['limit_px']:g} px" if rules["limit_px"] else "")
    return (
        f"{report['recording']}, {report['moments']} moments, {report['frames']} frames with a reference "
        f"({roots['hips']} from mid-hip, {roots['shoulders']} from mid-shoulder), smoothing "
        f"{'on' if report['smoothing'] else 'off'}, patch {'on' if report['patch'] else 'off'}; reference: at least "
        f"{rules['min_views']} other views within {limit}."
    )


def _calibration(check: dict[str, Any]) -> str:
    lines = [
        f"Calibration: {check['joints']} joints agreed upon, reprojection median {_number(check['median_px'])} px, "
        f"parallax {_number(check['parallax_deg'])} degrees"
        + (
            f", frames {check['spread_ms'][0]:.0f} ms apart, at most {check['spread_ms'][1]:.0f}"
            if check["spread_ms"]
            else ""
        )
    ]
    lines += [
        f"  camera {view['view']}: {_number(view['agreeing'], 100)} % of its joints agree, median "
        f"{_number(view['median_px'])} px, 90 % {_number(view['p90_px'])} px; "
        f"{_number(view['unseen_median_px'])} px from what the others say alone"
        for view in check["views"]
    ]
    return "\n".join(lines)


def _shown(column: str, value: float | int | None) -> str:
    return str(value) if column == "references" else _number(value, 1 if column.endswith("_mm") else 100)


def _number(value: float | None, factor: float = 1.0) -> str:
    return "-" if value is None else f"{value * factor:.1f}"
