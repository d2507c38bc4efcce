from __future__ import annotations

import pickle

import pytest

from regulars import errors


def test_an_error_says_where_and_how_to_mend_it() -> None:
    error = errors.DataError("keys repeat", table="devices", column="device_id", rows=1234, mend="drop them")
    assert str(error) == "keys repeat (table devices, column device_id, 1,234 rows)\n  → drop them"
    assert str(errors.SettingsError("no")) == "no"
    assert "0 rows" in str(errors.DataError("empty", rows=0))


@pytest.mark.parametrize(
    "error",
    [
        errors.SourceError("unreadable", table="lines", mend="look"),
        errors.MissingExtraError("excel", wanted_by="a workbook"),
        errors.ManyErrors([errors.SettingsError("a"), errors.DataError("b")]),
    ],
)
def test_errors_survive_another_process(error: errors.RegularsError) -> None:
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), str(again), again.mend, again.exit_code) == (
        type(error),
        str(error),
        error.mend,
        error.exit_code,
    )


def test_exit_codes_tell_kinds_apart() -> None:
    kinds = (errors.SettingsError, errors.SourceError, errors.DataError, errors.BudgetError, errors.OutputError)
    assert len({kind.exit_code for kind in kinds}) == len(kinds)
    assert errors.ManyErrors([errors.DataError("a"), errors.SettingsError("b")]).exit_code == errors.DataError.exit_code
    assert "pip install" in str(errors.MissingExtraError("excel", wanted_by="x"))


def test_problems_are_told_together() -> None:
    errors.raise_all([])
    one = errors.SettingsError("a")
    with pytest.raises(errors.SettingsError) as raised:
        errors.raise_all([one])
    assert raised.value is one
    with pytest.raises(errors.ManyErrors, match=r"2 problems:\n- a\n- b"):
        errors.raise_all([one, errors.SettingsError("b")])


def test_the_closest_word_is_named_or_all_of_them() -> None:
    assert errors.closest("recensy", ["recency", "rfm"]) == "did you mean 'recency'?"
    assert errors.closest("zzz", ["b", "a"]) == "known: a, b"
