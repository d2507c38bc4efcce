"""How a prediction is shown beside what came: the table of scores, and the calibration by tenth."""

from __future__ import annotations

from typing import TYPE_CHECKING

from regulars.core.chart import Chart
from regulars.core.units import write
from regulars.measures.tables import Columns

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

    import ibis.expr.types as ir

    from regulars.core.result import Table
    from regulars.core.units import Unit
    from regulars.models.validation import Validation

_MEASURES: Mapping[str, tuple[Unit, str]] = {
    "bias_share": ("change_share", "Sum foretold ÷ sum that came, − 1."),
    "mean_absolute_error": ("", "Mean of |foretold − came| per customer, in what is foretold."),
    "root_mean_square_error": ("", "Root of the mean squared error; the few largest customers rule it."),
    "rank_correlation": ("score", "Spearman's rank correlation, −1 to 1."),
    "normalised_gini": ("score", "0 is chance, 1 the perfect order by what came."),
    "top_decile_share": ("share", "Share of what came that the tenth with the highest predictions brought."),
    "auc": ("score", "Chance that one who did it (bought again) was foretold more than one who did not."),
}


def scores(
    name: str, title: str, judged: Mapping[str, Validation], source: tuple[ir.Expr, ...], only: Sequence[str] = ()
) -> Table:
    """One row per prediction and measure, of everything that was foretold.

    Args:
        name: Of the table.
        title: Of the table.
        judged: What was foretold, in words, and how that went.
        source: The queries it was judged on.
        only: Measures to tell, where the others have no meaning; all where empty.
    """
    rows = [
        (what, one, score) for what, one in judged.items() for score in one.scores if not only or score.measure in only
    ]
    columns = Columns()
    columns.add("foretold", [what for what, _, _ in rows], "text", "What is foretold.")
    columns.add("prediction", [score.predictor for _, _, score in rows], "text", "The model or the rule.")
    columns.add("is_used", [score.predictor == one.winner for _, one, score in rows], "", "The winner is used.", "used")
    columns.add("measure", [score.measure.replace("_", " ") for _, _, score in rows], "text", "How it is judged.")
    columns.add("value", [score.value for _, _, score in rows], "score", "On the later period.")
    columns.add_interval("value", [s.low for _, _, s in rows], [s.high for _, _, s in rows], "score")
    columns.add("meaning", [_MEASURES[score.measure][1] for _, _, score in rows], "text")
    note = " ".join(f"{what[0].upper()}{what[1:]}: {one.reason}" for what, one in judged.items())
    return columns.table(name, title, source=source, note=note)


def calibration(name: str, title: str, judged: Validation, unit: Unit, source: tuple[ir.Expr, ...]) -> Table:
    """One row per tenth of the predictions of the first-named prediction."""
    rows = judged.calibration
    columns = Columns()
    columns.add("tenth", [row.decile for row in rows], "count", "1: the lowest predictions; ties stay together.")
    columns.add("customers", [row.customer_count for row in rows], "customers", "Customers in the tenth.")
    columns.add(
        "mean_foretold", [row.mean_predicted for row in rows], unit, f"Mean foretold by {judged.model}.", "foretold"
    )
    columns.add("mean_came", [row.mean_actual for row in rows], unit, "Mean of what came.", "came")
    columns.add_interval("mean_came", [row.low for row in rows], [row.high for row in rows], unit)
    return columns.table(name, title, source=source)


def calibration_chart(table: str, judged: Validation, what: str) -> Chart:
    """Foretold against came, a dot with its interval per tenth."""
    bias = judged.find_score(judged.model, "bias_share").value
    off = f"{judged.model} foretold {what} in sum {write(bias, 'change_share')} off" if bias is not None else what
    return Chart(
        f"{table}_chart", off, f"Mean {what} per customer by tenth of the predictions: foretold (across) and came (up)",
        "interval", table, "mean_foretold", "mean_came", low="mean_came_low", high="mean_came_high",
    )  # fmt: skip


def words(judged: Validation, split: date, end: date) -> str:
    """On which later period a prediction was judged, and beside what, in one sentence."""
    best = judged.find_score(judged.winner, "bias_share").value
    gini = judged.find_score(judged.winner, "normalised_gini").value
    rivals = [name for name in dict.fromkeys(score.predictor for score in judged.scores) if name != judged.winner]
    figures = ", ".join(
        text
        for text in (
            f"sum {write(best, 'change_share')} off" if best is not None else "",
            f"normalised Gini {gini:.2f}" if gini is not None else "",
        )
        if text
    )
    return (
        f"learnt up to {split:%Y-%m-%d}, tested on {judged.customer_count:,} customers to {end:%Y-%m-%d} beside "
        f"{', '.join(rivals)}; used: {judged.winner}" + (f" ({figures})" if figures else "")
    )
