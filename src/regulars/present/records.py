"""A run as JSON: findings for the next run, facts for a scheduler, and a description from which pages can be drawn.

Keys are sorted and numbers rounded to twelve digits, so that the same run gives the same bytes; a missing number is
null.
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from regulars.core.result import Evidence, Finding
from regulars.errors import SourceError
from regulars.present.run_view import EarlierRun
from regulars.present.words import without_passwords

if TYPE_CHECKING:
    from pathlib import Path

    from regulars.core.result import Result, Table
    from regulars.present.export import FilePlan
    from regulars.present.run_view import RunView
    from regulars.present.tables import TableReader

FORMAT = 1
"""Rises when the layout of the files changes so that older readers would misread them."""


def findings_json(view: RunView) -> str:
    """Every finding and action with the facts of the run; what a later run is compared with."""
    results = sorted(view.results, key=lambda one: one.analysis)
    return to_json(
        {
            "format": FORMAT,
            "run": _facts(view),
            "parameters": {one.analysis: one.parameters for one in results},
            "findings": [
                {"analysis": one.analysis, **_fields(finding)}
                for one in results
                for finding in sorted(one.findings, key=lambda finding: finding.key)
            ],
            "actions": [
                {"analysis": one.analysis, **_fields(action)}
                for one in results
                for action in sorted(one.actions, key=lambda action: action.key)
            ],
        }
    )


def run_json(view: RunView, files: Mapping[str, int | None]) -> str:
    """The facts of a run: versions, settings, fingerprints, timings, row counts, and every file with its rows."""
    return to_json(
        {
            "format": FORMAT,
            "run": _facts(view),
            "settings": view.settings,
            "timings_seconds": view.timings,
            "row_counts": view.row_counts,
            "accounts": view.quality.accounts,
            "switched_off": view.switched_off,
            "failed": view.failed,
            "compared_with": view.earlier.run_id if view.earlier else None,
            "files": files,
        }
    )


def results_json(view: RunView, reader: TableReader, plan: FilePlan) -> str:
    """Every Result without its rows: what a page needs to draw it from the files of the run folder."""
    return to_json(
        {
            "format": FORMAT,
            "run": _facts(view),
            "results": [_described(one, reader, plan) for one in view.results],
            "quality": view.quality,
            "features": view.features,
        }
    )


def _facts(view: RunView) -> dict[str, Any]:
    names = ("run_id", "dataset", "currency", "as_of", "data_from", "data_to", "money", "min_customers", "versions")
    return {name: getattr(view, name) for name in (*names, "fingerprints")}


def _fields(noun: Any) -> dict[str, Any]:
    return {one.name: getattr(noun, one.name) for one in dataclasses.fields(noun)}


def _described(result: Result, reader: TableReader, plan: FilePlan) -> dict[str, Any]:
    left_out = ("tables", "audiences", "model")
    described = {name: value for name, value in _fields(result).items() if name not in left_out}
    described["tables"] = [_described_table(result, table, reader, plan) for table in result.tables]
    described["audiences"] = [
        {"name": one.name, "title": one.title, "why": one.why, "file": plan.audiences[result.analysis, one.name]}
        for one in result.audiences
    ]
    return described


def _described_table(result: Result, table: Table, reader: TableReader, plan: FilePlan) -> dict[str, Any]:
    described = {name: value for name, value in _fields(table).items() if name not in ("data", "source")}
    described["file"] = plan.tables.get((result.analysis, table.name), "")
    described["row_count"] = reader.count(table)
    described["queries"] = reader.queries(table)
    return described


def read_findings(path: Path) -> EarlierRun:
    """The findings of an earlier run from its `findings.json`.

    Raises:
        SourceError: The file is not there, is no such file, or was written by a later version.
    """
    mend = "name another run to compare with, or none"
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if content["format"] > FORMAT:
            raise SourceError(f"{path} was written by a later version of regulars", mend=f"upgrade regulars, or {mend}")
        findings: dict[str, list[Finding]] = {}
        for one in content["findings"]:
            findings.setdefault(one.pop("analysis"), []).append(_finding(one))
        run = content["run"]
        return EarlierRun(
            run_id=str(run["run_id"]),
            as_of=str(run["as_of"] or ""),
            currency=str(run["currency"]),
            findings={name: tuple(ones) for name, ones in findings.items()},
            parameters=content["parameters"],
            dataset=str(run["dataset"]),
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as problem:
        raise SourceError(f"{path} cannot be read as the findings of an earlier run", mend=mend) from problem


def _finding(stored: Mapping[str, Any]) -> Finding:
    fields = dict(stored)
    fields["evidence"] = Evidence(**fields["evidence"])
    fields["value"] = _stored_number(fields["value"])
    if fields["interval"] is not None:
        low, high = fields["interval"]
        fields["interval"] = (_stored_number(low), _stored_number(high))
    return Finding(**fields)


def _stored_number(value: float | None) -> float:
    return math.nan if value is None else value


def to_json(content: Any) -> str:
    """Any of the nouns as JSON text, sorted and stable.

    >>> print(to_json({"b": float("nan"), "a": 0.1 + 0.2}))
    {
      "a": 0.3,
      "b": null
    }
    <BLANKLINE>
    """
    return json.dumps(plain(content), indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n"


def plain(value: Any) -> Any:
    """A value made of dictionaries, lists, text without passwords, numbers, booleans and None only."""
    if isinstance(value, str):
        return without_passwords(value)
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        return float(f"{value:.12g}") if math.isfinite(value) else None
    if isinstance(value, date | datetime):
        return value.isoformat()
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {name: plain(part) for name, part in _fields(value).items()}
    if isinstance(value, Mapping):
        return {plain(str(name)): plain(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [plain(part) for part in value]
    if isinstance(value, set | frozenset):
        return sorted((plain(part) for part in value), key=str)
    if isinstance(value, Decimal):
        return plain(float(value))
    if hasattr(value, "item") and not hasattr(value, "__len__"):
        return plain(value.item())  # a number of NumPy
    return plain(str(value))
