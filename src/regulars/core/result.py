"""What an analysis gives back: tables, charts, findings, actions, audiences and caveats.

Everything that is shown anywhere is drawn from these nouns alone; nothing downstream knows which analysis made them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol

from regulars.core.units import name_words

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import ibis.expr.types as ir
    import pyarrow as pa

    from regulars.core.chart import Chart
    from regulars.core.units import Unit

Grade = Literal["observed", "modelled", "randomised"]
"""*observed*: a count in the data. *modelled*: a fitted model says so, validated as told. *randomised*: an experiment
shows it. Only a randomised finding may claim a cause."""


@dataclass(frozen=True)
class ColumnInfo:
    """What a table's column means and is counted in."""

    name: str
    unit: Unit = ""
    meaning: str = ""
    title: str = ""

    @property
    def heading(self) -> str:
        """The heading a person reads: the title, else the name with blanks.

        >>> ColumnInfo("recency_days").heading
        'recency days'
        """
        return self.title or name_words(self.name)


@dataclass(frozen=True)
class Table:
    """A table of a Result.

    Args:
        name: File name and anchor, unique within the Result.
        title: What it shows, in plain words.
        data: Arrow (small), or an Ibis expression that stays in the engine (one row per customer, say).
        columns: One entry per column, in order.
        source: The expression an Arrow table was collected from, so that its query can be shown; several where it
            was put together from several.
        dimensions: Columns that filters and break-downs may use.
        measures: Additive columns (a ratio is given as its two sums).
        customer_column: The column with the user's own customer id, where the table is one row per customer.
        note: A sentence under the table.
        is_shown: False for a table that is written to the run folder but not drawn in the report.
    """

    name: str
    title: str
    data: pa.Table | ir.Table
    columns: tuple[ColumnInfo, ...]
    source: tuple[ir.Expr, ...] = ()
    dimensions: tuple[str, ...] = ()
    measures: tuple[str, ...] = ()
    customer_column: str = ""
    note: str = ""
    is_shown: bool = True

    def info(self, name: str) -> ColumnInfo:
        """What is known of a column; a bare entry where nothing was declared."""
        return next((column for column in self.columns if column.name == name), ColumnInfo(name))

    @property
    def is_arrow(self) -> bool:
        """Whether the rows are here already (Arrow), not in the engine."""
        return hasattr(self.data, "to_batches") and hasattr(self.data, "num_rows")

    def to_arrow(self) -> pa.Table:
        """The rows as Arrow; an expression is executed by the backend it is bound to."""
        return self.data if self.is_arrow else self.data.to_pyarrow()

    def to_pandas(self) -> Any:
        """The rows as a pandas frame (pandas must be installed)."""
        return self.to_arrow().to_pandas()

    def to_polars(self) -> Any:
        """The rows as a Polars frame (Polars must be installed)."""
        import polars

        return polars.from_arrow(self.to_arrow())

    def _repr_html_(self) -> str:
        from regulars.core.markup import table_html

        return table_html(self)


@dataclass(frozen=True)
class Evidence:
    """Where a finding can be checked: a table of the same Result, and which of its rows."""

    table: str
    rows: str = ""


@dataclass(frozen=True)
class Finding:
    """One thing that is so, and how well it is known.

    Args:
        key: Stable name (`rfm.champions_share`), unique within the analysis; what two runs are compared by.
        sentence: The finding in plain words, complete with its numbers.
        value: The number it turns on.
        unit: What the number is counted in.
        n: How many customers, orders … it rests on.
        n_unit: What `n` counts.
        evidence: Where to check it.
        grade: How it is known.
        interval: 95 % interval, or None for an exact count.
        at_stake: Money it concerns, which ranks findings; None where none can be said.
        is_good: True, False, or None where it is neither.
        validated: For a modelled finding: on which later period, and beside what.
    """

    key: str
    sentence: str
    value: float
    unit: Unit
    n: int
    evidence: Evidence
    grade: Grade = "observed"
    n_unit: Unit = "customers"
    interval: tuple[float, float] | None = None
    at_stake: float | None = None
    is_good: bool | None = None
    validated: str = ""


@dataclass(frozen=True)
class Action:
    """What to do about a finding: which audience, what offer, why, and what it should bring."""

    key: str
    sentence: str
    why: str
    audience: str = ""
    finding: str = ""
    expected_value: float | None = None
    interval: tuple[float, float] | None = None


@dataclass(frozen=True)
class Audience:
    """A list of customers to act on, as an expression.

    The expression has `customer_id` (the user's own), `reason`, `score`, and any further columns. Customers who may
    not be contacted are removed where it is written, in one place.
    """

    name: str
    title: str
    members: ir.Table
    why: str


@dataclass(frozen=True)
class Caveat:
    """What a reader must know before believing a Result."""

    sentence: str
    severity: Literal["note", "warning", "stop"] = "note"


@dataclass
class Pieces:
    """What one part of an analysis adds to its Result; the parts are put together in order.

    >>> pieces = Pieces(caveats=[Caveat("The first.")])
    >>> pieces.add(Pieces(caveats=[Caveat("The second.")]))
    >>> [one.sentence for one in pieces.parts["caveats"]]
    ['The first.', 'The second.']
    """

    tables: list[Table] = field(default_factory=list)
    charts: list[Chart] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    actions: list[Action] = field(default_factory=list)
    audiences: list[Audience] = field(default_factory=list)
    caveats: list[Caveat] = field(default_factory=list)

    def add(self, other: Pieces) -> None:
        """The other's pieces after these."""
        for name, values in vars(other).items():
            getattr(self, name).extend(values)

    @property
    def parts(self) -> dict[str, Any]:
        """The parts as a Result takes them."""
        return {name: tuple(values) for name, values in vars(self).items()}


def key_part(text: str) -> str:
    """A name of the user's as a part of a finding's key.

    >>> key_part("Mens E-Mail"), key_part("!")
    ('mens_e_mail', 'other')
    """
    return "".join(letter if letter.isalnum() else "_" for letter in text.casefold()).strip("_") or "other"


class SavedModel(Protocol):
    """A fitted model that can be kept: JSON, Arrow or skops files, never pickle."""

    def save(self, folder: Path) -> None:
        """Write the model's files into a folder that is there and empty."""


@dataclass(frozen=True)
class Result:
    """What one analysis found.

    Args:
        analysis: Its name (the file, the settings section, the anchor).
        title: Its title.
        question: The question it answers.
        chapter: Where it stands in the report.
        tables: In reading order.
        charts: In reading order.
        findings: In any order; the report ranks them.
        actions: What to do.
        audiences: Whom to do it to.
        caveats: What to know first.
        definitions: Terms used and what they mean.
        parameters: The settings it ran with.
        model: The fitted model, where there is one; a run saves it under `models/`, by the name of the analysis.
    """

    analysis: str
    title: str
    question: str
    chapter: str
    tables: tuple[Table, ...] = ()
    charts: tuple[Chart, ...] = ()
    findings: tuple[Finding, ...] = ()
    actions: tuple[Action, ...] = ()
    audiences: tuple[Audience, ...] = ()
    caveats: tuple[Caveat, ...] = ()
    definitions: Mapping[str, str] = field(default_factory=dict)
    parameters: Mapping[str, Any] = field(default_factory=dict)
    model: SavedModel | None = None

    def table(self, name: str) -> Table:
        """The table of that name.

        Raises:
            KeyError: There is none; the message lists those there are.
        """
        for table in self.tables:
            if table.name == name:
                return table
        raise KeyError(f"no table '{name}' in '{self.analysis}'; there are: {', '.join(t.name for t in self.tables)}")

    def finding(self, key: str) -> Finding:
        """The finding of that key.

        Raises:
            KeyError: There is none; the message lists those there are.
        """
        for finding in self.findings:
            if finding.key == key:
                return finding
        raise KeyError(f"no finding '{key}' in '{self.analysis}'; there are: {', '.join(f.key for f in self.findings)}")

    def _repr_html_(self) -> str:
        from regulars.core.markup import result_html

        return result_html(self)
