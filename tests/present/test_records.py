from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from regulars.errors import SourceError
from regulars.present.export import plan_files
from regulars.present.records import findings_json, plain, read_findings, results_json, run_json, to_json
from regulars.present.tables import TableReader

if TYPE_CHECKING:
    from regulars.present.run_view import RunView


def test_findings_come_back_as_they_were_written(tmp_path: Path, view: RunView) -> None:
    path = tmp_path / "findings.json"
    path.write_text(findings_json(view), encoding="utf-8")
    earlier = read_findings(path)
    facts = (earlier.run_id, earlier.dataset, earlier.as_of, earlier.currency)
    assert facts == (view.run_id, view.dataset, "2011-12-09", "GBP")
    assert earlier.parameters["rfm"] == {"levels": 5}
    for result in view.results:
        assert set(earlier.findings.get(result.analysis, ())) == set(result.findings)


def test_the_order_of_results_and_the_noise_of_sums_do_not_change_a_byte(view: RunView) -> None:
    shuffled = replace(view, results=tuple(reversed(view.results)))
    assert findings_json(shuffled) == findings_json(view)
    assert to_json({"b": 1, "a": 0.1 + 0.2}) == to_json({"a": 0.3, "b": 1})


def test_missing_numbers_are_null_and_come_back_missing(tmp_path: Path, view: RunView) -> None:
    result = view.results[0]
    lost = replace(result.findings[0], value=math.nan, interval=(math.nan, math.inf))
    path = tmp_path / "findings.json"
    path.write_text(findings_json(replace(view, results=(replace(result, findings=(lost,)),))), encoding="utf-8")
    assert "NaN" not in path.read_text(encoding="utf-8")
    back = read_findings(path).findings["overview"][0]
    assert math.isnan(back.value)
    assert back.interval is not None
    assert all(math.isnan(end) for end in back.interval)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format": 1, "findings": [{}]}', '{"format": 99}'])
def test_a_file_that_is_no_record_is_refused_with_a_mend(tmp_path: Path, text: str) -> None:
    path = tmp_path / "findings.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(SourceError, match=r"findings\.json") as refused:
        read_findings(path)
    assert refused.value.mend


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError):
        read_findings(tmp_path / "findings.json")


def test_the_facts_of_a_run(view: RunView) -> None:
    facts = json.loads(run_json(view, {"tables/a.parquet": 3}))
    assert facts["run"]["run_id"] == view.run_id
    assert facts["files"] == {"tables/a.parquet": 3}
    assert facts["accounts"][0]["read"] == 541_909
    assert facts["timings_seconds"]["read"] == 3.21
    assert facts["switched_off"][0]["missing"][0]["mend"] == "map it under [tables.campaigns]"


def test_results_are_described_so_that_a_page_can_draw_them(view: RunView, engine: Any) -> None:
    described = json.loads(results_json(view, TableReader(engine, "GBP"), plan_files(view.results)))
    rfm = next(one for one in described["results"] if one["analysis"] == "rfm")
    scores = next(one for one in rfm["tables"] if one["name"] == "scores")
    assert (scores["file"], scores["row_count"], scores["customer_column"]) == (
        "tables/rfm.scores.parquet",
        4338,
        "customer_id",
    )
    assert scores["columns"][0]["unit"] == "id"
    assert "SELECT" in scores["queries"][0]
    assert rfm["charts"][0]["kind"] == "heatmap"
    assert rfm["audiences"][0]["file"] == "audiences/rfm.at_risk.csv"
    assert described["quality"]["checks"][-1]["check"] == "null_keys"


def test_anything_becomes_plain() -> None:
    assert plain({"a": (1, {2.0}), 3: np.float64(0.5), "n": np.int64(4), "b": np.bool_(True), "p": Path("x")}) == {
        "a": [1, [2.0]],
        "3": 0.5,
        "n": 4,
        "b": True,
        "p": "x",
    }


def test_passwords_reach_no_file(view: RunView) -> None:
    address = "mysql://ann:s3cret@db:3306/shop"
    run = replace(view, settings=f'source = "{address}"\napi_key = "s3cret"', fingerprints={address: "sha256:1"})
    for text in (run_json(run, {}), findings_json(run)):
        assert "s3cret" not in text
        assert "mysql://ann:…@db:3306/shop" in text
