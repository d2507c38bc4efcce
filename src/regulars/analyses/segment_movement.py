"""Movement between segments: who moves up, down or away from one half-year to the next, and who comes next."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from regulars.core.analysis import Analysis, Needs
from regulars.core.chart import Chart
from regulars.core.result import Action, Audience, Caveat, ColumnInfo, Evidence, Finding, Table
from regulars.core.units import write, write_interval
from regulars.core.verb import Verb
from regulars.errors import DataError, SettingsError, SourceError
from regulars.measures import sampling, segments, windows
from regulars.measures.tables import Columns
from regulars.methods import movement_tables, segmentation
from regulars.methods.saved_segments import SavedSegments

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from regulars.core.dataset import Dataset
    from regulars.core.result import Result
    from regulars.core.verb import VerbCall
    from regulars.methods.movement_tables import Moves
    from regulars.methods.segmentation import Segmentation
    from regulars.models.movement import Foretold, NextSegment

_MONTHS = {"quarter": 3, "half-year": 6, "year": 12}
_FURTHER = ("tenure_days", "previous_order_count", "recency_days", "order_count")
"""What the forest reads beside the features of the segments."""
_LEARNT_ROWS, _TESTED_ROWS = 8_000, 20_000
_REFIT_BELOW = 0.8
"""Agreement of the old segments with those found anew in the last window, below which they should be made anew."""


@dataclass(frozen=True)
class ScoreOptions:
    """Options of `regulars score`."""

    file: str = field(
        default="",
        metadata={"help": "CSV or Parquet with customer_id and the features; else the data of the settings."},
    )


@dataclass(frozen=True)
class SegmentMovement(Analysis):
    """Segments by behaviour within half-years, the same in each, and the moves between them.

    Args:
        window: Length of the windows that are compared: "quarter", "half-year" or "year".
        features: Features to use; empty: as for the segments.
        count: How many segments; 0: as the evidence says.
        names: Own names for the proposed ones.
    """

    title = "Movement between segments"
    question = "Are customers moving up, down or away, and which segment will each be in next?"
    chapter = "segments"
    order = 30
    needs = Needs(summaries={"customer_days"}, customers={"first_ordered_on"})
    verb = Verb("score", "Give new customers, or a file of them, their segment and the one to come.", ScoreOptions)

    window: Literal["quarter", "half-year", "year"] = "half-year"
    features: tuple[str, ...] = ()
    count: int = 0
    names: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not 0 <= self.count <= 20:
            raise SettingsError("[segment_movement] count is out of range", mend="use up to 20; 0 lets it choose")

    def run(self, data: Dataset) -> Result:
        """Moves of the last turn and of all, the flow, what foretells the next segment, and whether segments drift."""
        spans = self._spans(data)
        rows = data.persist(
            windows.behaviour(_days(data), data.customers, spans), f"segment_movement__windows_{_stamp(data)}"
        )
        before_last = rows.filter(rows.window < len(spans) - 1) if len(spans) > 2 else rows
        plan = segmentation.Plan(features=self.features, count=self.count, split_above_share=1.0, names=self.names)
        found = segmentation.learn(data, before_last, plan)
        if found is None:
            raise DataError(
                f"there are fewer than {3 * data.min_customers} customers to part",
                table="customers", mend="take more data, or lower min_customers under [dataset]",
            )  # fmt: skip
        assigned = data.persist(found.assign(rows), f"segment_movement__assigned_{_stamp(data)}")
        moved = data.persist(windows.moves(assigned, spans), f"segment_movement__moves_{_stamp(data)}")
        query = windows.counted(moved)
        counted = tuple(data.collect(query, 100_000).to_pylist())
        moves = movement_tables.Moves(spans, self._by_value(found, assigned, data), counted, query)
        return _Story(self, data, found, assigned, moved, moves).tell()

    def _spans(self, data: Dataset) -> tuple[windows.Window, ...]:
        days = data.customer_days
        ends = data.collect(days.aggregate(first=days.day.min(), last=days.day.max()), 1).to_pylist()[0]
        if ends["first"] is None or data.as_of is None:
            raise DataError("there is no customer with an order", table="customers", mend="check the mapping of orders")
        spans = windows.windows(ends["first"], data.as_of, _MONTHS[self.window])
        if len(spans) < 2:
            raise DataError(
                f"the data hold fewer than two whole {self.window}s, so that there is no movement to see",
                table="orders", mend='take a longer history, or set window = "quarter" under [segment_movement]',
            )  # fmt: skip
        return spans

    def _by_value(self, found: Segmentation, assigned: ir.Table, data: Dataset) -> tuple[str, ...]:
        """The segments, those that bring most in a window first; without money, those with most orders."""
        worth = "revenue_total" if "revenue_total" in assigned.columns else "order_count"
        means = assigned.group_by("segment").aggregate(worth=assigned[worth].cast("float64").mean().round(6))
        worths = {row["segment"]: row["worth"] or 0.0 for row in data.collect(means).to_pylist()}
        return tuple(sorted(found.names, key=lambda name: (-worths.get(name, 0.0), name)))

    def perform(self, call: VerbCall) -> Result:
        """The segment, and the one to come, of the customers of a file or of the data of a settings file.

        Raises:
            DataError: There is no saved model, or a feature is missing; all that are missing are named.
            SourceError: The file cannot be read.
        """
        import pyarrow as pa

        saved = SavedSegments.load(call.run_folder / "models" / self.name)
        rows = _read(Path(call.options.file)) if call.options.file else _features_now(saved, call.load())
        if "customer_id" not in rows.column_names:
            raise DataError("the file has no column customer_id", mend="add the customers' own ids")
        have = [name for name in saved.columns if name in rows.column_names]
        try:
            columns = {name: rows[name].cast(pa.float64()).to_numpy(zero_copy_only=False) for name in have}
        except pa.ArrowInvalid as problem:
            raise DataError(
                f"a feature of the file is no number: {problem}", mend="leave missing values empty"
            ) from None
        scored = saved.score(columns)
        table = Columns()
        table.add("customer_id", rows["customer_id"].to_pylist(), "id", "The customer's own id.", "customer")
        table.add("segment", scored["segment"], "text", "The nearest of the saved segments.")
        if "next_segment" in scored:
            table.add("next_segment", scored["next_segment"], "text", f"Foretold by: {_rule(saved)}.")
            table.add("next_probability", scored["next_probability"], "share", "Chance of it.")
        return self.result(tables=(table.table("scores", "Customers by saved segment", customer_column="customer_id"),))


def _rule(saved: SavedSegments) -> str:
    return saved.next_segment.rule if saved.next_segment else ""


def _read(path: Path) -> Any:
    import pyarrow as pa
    import pyarrow.csv as pc
    import pyarrow.parquet as pq

    try:
        return pq.read_table(path) if path.suffix == ".parquet" else pc.read_csv(path)
    except (OSError, pa.ArrowInvalid) as problem:
        raise SourceError(f"{path} cannot be read: {problem}", mend="give a CSV or Parquet file") from problem


def _features_now(saved: SavedSegments, data: Dataset) -> Any:
    """The features of the last months of the data, as the saved segments count them."""
    if data.as_of is None:
        raise DataError("the data have no dates", mend="map ordered_at")
    now = windows.trailing(data.as_of, saved.months)
    eve = now.first - timedelta(days=1)
    before = windows.trailing(eve, saved.months)
    rows = windows.behaviour(_days(data), data.customers, (before, now))
    rows = rows.filter(rows.window == 1)
    names = [name for name in saved.columns if name in rows.columns]
    rows = rows.select(customer_id=rows.own_id, **{name: rows[name] for name in names})
    return data.collect(rows.order_by("customer_id"), 5_000_000)


def _days(data: Dataset) -> ir.Table:
    return windows.with_online(data.customer_days, data.orders, data.settings.dataset.online_channels)


def _stamp(data: Dataset) -> str:
    return f"{data.as_of:%Y%m%d}" if data.as_of else "whole"


class _Story:
    """The Result, from the moves."""

    def __init__(
        self, settings: SegmentMovement, data: Dataset, found: Segmentation, assigned: ir.Table, moved: ir.Table,
        moves: Moves,
    ) -> None:  # fmt: skip
        self.settings, self.data, self.found = settings, data, found
        self.assigned, self.moved, self.moves = assigned, moved, moves
        self.last = moves.turns - 1
        self.features = tuple(dict.fromkeys((*found.look.preparation.names, *_FURTHER)))

    def tell(self) -> Result:
        """The Result."""
        moves, data = self.moves, self.data
        tables = [
            movement_tables.matrix(moves, self.last, data.min_customers),
            movement_tables.matrix(moves, None, data.min_customers),
            movement_tables.by_turn(moves), movement_tables.flow(moves, self.last),
        ]  # fmt: skip
        charts = list(self._charts())
        foretold, tested = self._foretell()
        following = self._next_segment(foretold) if foretold else None
        agreement = None
        if self.found.holds:
            drift, agreement = self._drift()
            tables.append(drift)
        if foretold and following and tested is not None:
            tables += [
                movement_tables.test_of(foretold, moves, tested), movement_tables.confusion(foretold, moves, tested),
                movement_tables.importance(foretold, self.features, tested),
                movement_tables.calibration(foretold, tested), self._next_table(following),
            ]  # fmt: skip
            charts += self._test_charts(foretold)
        findings = self._findings(foretold)
        audiences = self._audiences()
        return self.settings.result(
            tables=tuple(tables), charts=tuple(charts), findings=tuple(findings),
            actions=tuple(self._actions(findings, audiences)), audiences=tuple(audiences),
            caveats=tuple(self._caveats(agreement, foretold)), definitions=_DEFINITIONS,
            model=SavedSegments(self.found.tree, self.found.names, _MONTHS[self.settings.window], following),
        )  # fmt: skip

    # -- what comes next --------------------------------------------------------------------------------

    def _foretell(self) -> tuple[Foretold | None, ir.Table | None]:
        """What foretells the next segment, learnt on the turns before the last and judged on it."""
        if self.moves.turns < 2 or not self.found.holds:
            return None, None
        from regulars.models import movement

        known = self.moved.filter(~self.moved.source.isin([windows.NEW, windows.BACK]))
        known = known.select("customer_key", window="turn", target="target")
        rows = self.assigned.join(known, ["customer_key", "window"])
        rows = rows.select(
            "window", "segment", "target", customer_id="own_id",
            **{name: rows[name].cast("float64") for name in self.features},
        )  # fmt: skip
        parts, query = [], None
        for inside, budget in ((rows.window < self.last, _LEARNT_ROWS), (rows.window == self.last, _TESTED_ROWS)):
            part = rows.filter(inside)
            count = int(self.data.collect(part.count())[0][0].as_py())
            if count < 3 * self.data.min_customers:
                return None, None
            query = sampling.sample(part, budget / count).order_by("customer_id", "window")
            taken = self.data.collect(query, 3 * budget)
            arrays = {name: taken[name].to_numpy(zero_copy_only=False) for name in self.features}
            matrix = movement.matrix_of(arrays, self.features).round(9)
            source, target = (self._numbers(taken[name].to_pylist()) for name in ("segment", "target"))
            parts.append(movement.Past(matrix, source, target))
        train, test = parts
        return movement.foretell(train, test, len(self.moves.targets), self.data.seed), query

    def _numbers(self, names: list[str]) -> Any:
        import numpy as np

        return np.array([self.moves.targets.index(name) for name in names], dtype=np.int64)

    def _next_segment(self, foretold: Foretold) -> NextSegment:
        from regulars.models.movement import FOREST, NextSegment

        shares = tuple(tuple(round(float(one), 9) for one in row) for row in foretold.transition_shares)
        forest = foretold.forest if foretold.winner == FOREST else None
        features = self.features if forest is not None else ()
        return NextSegment(foretold.winner, features, self.moves.names, self.moves.targets, shares, forest)

    def _next_table(self, following: NextSegment) -> Table:
        """Every customer of the last window with the segment to come, and the features, for scoring them again."""
        latest = self.assigned.filter(self.assigned.window == len(self.moves.spans) - 1)
        features = {name: latest[name].cast("float64") for name in self.features}
        rows = latest.select(customer_id=latest.own_id, segment=latest.segment, **features)
        keep = ("customer_id", "segment", *self.features)
        scored = self.data.score(following, rows, f"segment_movement__next_{_stamp(self.data)}", keep)
        infos = [
            ColumnInfo("customer_id", "id", "The customer's own id.", "customer"),
            ColumnInfo("segment", "text", f"In {self.moves.spans[-1].label}."),
            ColumnInfo(
                "next_segment", "text", f"Foretold for the {self.settings.window} after it by: {following.rule}."
            ),
            ColumnInfo("next_probability", "share", "Chance of it."),
            *[ColumnInfo(name, "", "Within the window.") for name in self.features],
        ]
        return Table(
            "next_segments", "Each customer's segment and the one to come", scored.select(*[one.name for one in infos]),
            tuple(infos), dimensions=("segment", "next_segment"), customer_column="customer_id", is_shown=False,
        )  # fmt: skip

    def _drift(self) -> tuple[Table, float]:
        """Whether segments found anew in the last window are those that were learnt before it."""
        from regulars.models.clusters import adjusted_rand, find_centres, inertia, nearest

        latest = self.assigned.filter(self.assigned.window == len(self.moves.spans) - 1)
        count = int(self.data.collect(latest.count())[0][0].as_py())
        used = self.found.look.preparation.names
        query = segments.feature_rows(sampling.sample(latest, _TESTED_ROWS / max(count, 1)), used)
        rows = self.data.collect(query, 3 * _TESTED_ROWS)
        values = {
            name: rows[f"f{place}"].to_numpy(zero_copy_only=False).astype(float) for place, name in enumerate(used)
        }
        orders = rows["orders"].to_numpy(zero_copy_only=False).astype(float)
        import numpy as np

        centres = np.array(self.found.tree.centres)
        matrix = self.found.tree.preparation.prepare(values, orders)[0].round(9)
        old = nearest(matrix, centres)
        anew = find_centres(matrix, len(centres), self.data.seed)
        agreement = adjusted_rand(old, nearest(matrix, anew))
        before = inertia(self.found.look.matrix, centres) / len(self.found.look.matrix)
        now = inertia(matrix, centres) / len(matrix)
        names = (
            "agreement of the segments with those found anew in the last window (adjusted Rand)",
            "mean squared distance to the own centre, windows before", "the same, last window",
        )  # fmt: skip
        return movement_tables.drift(names, round(agreement, 9), round(before, 9), round(now, 9), query), agreement

    # -- charts, findings, lists --------------------------------------------------------------------------

    @property
    def _turn(self) -> str:
        return self.moves.title(self.last)

    def _up_and_down(self) -> tuple[int, int, int]:
        """Customers of the last turn who moved to a segment that brings more, to one that brings less, and all."""
        import numpy as np

        counts = self.moves.among_segments(self.last)
        return int(np.tril(counts, -1).sum()), int(np.triu(counts, 1).sum()), int(counts.sum())

    def _charts(self) -> tuple[Chart, ...]:
        up, down, both = self._up_and_down()
        told = (
            f"{write(up / both, 'share')} moved up and {write(down / both, 'share')} down"
            if both
            else "Who came and left"
        )
        return (
            Chart(
                "flow", told, f"Customers from segment to segment, {self._turn}; segments that bring most at the top",
                "flow", "flow", "x", "y", colour="segment", size="customers", label="label", x2="x2", y2="y2",
            ),
            Chart(
                "moves", "Where the customers of each segment went",
                f"Share of the customers of a segment before (rows), {self._turn}",
                "heatmap", "moves", "target", "source", colour="share", label="share", x_sort="data",
            ),
        )  # fmt: skip

    def _test_charts(self, foretold: Foretold) -> list[Chart]:
        best = foretold.find(foretold.winner)
        return [
            Chart(
                "validation", f"“{best.rule}” foretells {write(best.share, 'share')} rightly",
                f"Share of customers whose next segment was foretold rightly, {self._turn}, with 95 % intervals",
                "interval", "validation", "rule", "right_share", low="right_share_low", high="right_share_high",
                x_sort="data",
            ),
            Chart(
                "importance", "What the forest rests on", f"Fall in the share right when it is shuffled, {self._turn}",
                "bar", "importance", "feature", "fall", x_sort="data",
            ),
        ]  # fmt: skip

    def _findings(self, foretold: Foretold | None) -> list[Finding]:
        from regulars.models import intervals

        found = []
        up, down, both = self._up_and_down()
        least, size = self.data.min_customers, len(self.moves.names)
        if both >= least and self.found.holds:
            middle = (up - down) / both
            half = 1.96 * ((up + down) / both - middle**2) ** 0.5 / both**0.5
            sentence = (
                f"Of {both:,} customers who bought in both windows ({self._turn}), {write(up / both, 'share')} moved "
                f"to a segment that brings more and {write(down / both, 'share')} to one that brings less (difference "
                f"{write_interval(middle - half, middle + half, 'change_points')})."
            )
            beyond = abs(middle) > half
            found.append(
                Finding(
                    "segment_movement.net", sentence, middle, "change_points", both, Evidence("moves"),
                    interval=(middle - half, middle + half), is_good=middle > 0 if beyond else None,
                )
            )  # fmt: skip
        counts = self.moves.counts(turn=self.last)[:size]
        before, silent = int(counts.sum()), int(counts[:, -1].sum())
        if before >= least:
            low, high = (float(end) for end in intervals.share_interval(silent, before))
            money = float(self.moves.counts("money_before", self.last)[:size, -1].sum())
            sentence = (
                f"{write(silent / before, 'share')} of the {before:,} customers of {self.moves.spans[-2].label} bought "
                f"nothing in {self.moves.spans[-1].label} (95 % interval {write_interval(low, high, 'share')})."
            )
            found.append(
                Finding(
                    "segment_movement.silent", sentence, silent / before, "share", before,
                    Evidence("moves", windows.SILENT), interval=(low, high), at_stake=money or None, is_good=False,
                )
            )  # fmt: skip
        if foretold is not None:
            found.append(self._accuracy(foretold))
        return found

    def _accuracy(self, foretold: Foretold) -> Finding:
        best = foretold.find(foretold.winner)
        others = ", ".join(f"{one.rule} {write(one.share, 'share')}" for one in foretold.accuracies if one is not best)
        sentence = (
            f"The next segment is foretold rightly for {write(best.share, 'share')} of the customers (95 % interval "
            f"{write_interval(best.low, best.high, 'share')}) by “{best.rule}”; beside it: {others}."
        )
        return Finding(
            "segment_movement.accuracy", sentence, best.share, "share", foretold.test_size, Evidence("validation"),
            grade="modelled", interval=(best.low, best.high),
            validated=f"learnt on the turns before, tested on {self._turn}, beside staying, the commonest and the most "
            "likely move",
        )  # fmt: skip

    def _audiences(self) -> list[Audience]:
        if not self.found.holds:
            return []
        return [
            self._list("slipped", "Customers who moved down or fell silent", downward=True),
            self._list("risen", "Customers who moved up", downward=False),
        ]

    def _list(self, name: str, title: str, *, downward: bool) -> Audience:
        import ibis

        order = [*self.moves.names, windows.SILENT]
        rows = self.moved.filter((self.moved.turn == self.last) & ~self.moved.source.isin([windows.NEW, windows.BACK]))
        places = [
            ibis.cases(*[(rows[end] == one, place) for place, one in enumerate(order)]) for end in ("source", "target")
        ]
        rows = rows.filter(places[0] < places[1] if downward else places[0] > places[1])
        members = rows.select(
            customer_id=rows.own_id,
            reason=ibis.literal("moved from ") + rows.source + " to " + rows.target + f" ({self._turn})",
            score=(rows.money_before if downward else rows.money_after).cast("float64").fill_null(0.0).round(2),
        )  # fmt: skip
        return Audience(
            name, title, members.order_by(members.score.desc(), members.customer_id),
            f"Their segment of {self.moves.spans[-1].label} is {'below' if downward else 'above'} the one before.",
        )  # fmt: skip

    def _actions(self, findings: list[Finding], audiences: list[Audience]) -> list[Action]:
        keys = {finding.key for finding in findings}
        if not audiences or "segment_movement.net" not in keys:
            return []
        return [
            Action(
                "segment_movement.slipped", "Ask those who slipped what changed, the most valuable first.",
                "They bought more, or otherwise, half a window ago; keep a part out, to see what asking brings.",
                "slipped", "segment_movement.silent" if "segment_movement.silent" in keys else "segment_movement.net",
            )
        ]  # fmt: skip

    def _caveats(self, agreement: float | None, foretold: Foretold | None) -> list[Caveat]:
        caveats = [
            Caveat(
                "Who is put into the wrong segment of one window seems to move: shares of moves are rather too high "
                f"than too low, least so for those with {windows.SETTLED_ORDERS} orders or more in both windows."
            )
        ]
        if not self.found.holds:
            caveats.append(
                Caveat(
                    "There are no stable segments within windows: only who came and who fell silent is told.", "warning"
                )
            )
        if agreement is not None and agreement < _REFIT_BELOW:
            caveats.append(
                Caveat(
                    f"The segments drift: those found anew in {self.moves.spans[-1].label} agree with the old ones "
                    f"only to {agreement:.2f} (adjusted Rand). Make the segments anew first.", "warning",
                )
            )  # fmt: skip
        if foretold is None and self.found.holds:
            caveats.append(Caveat("Too few turns or customers to test what foretells the next segment."))
        return caveats


_DEFINITIONS = {
    "turn": "From one window to the next.",
    "silent": "No order in the later window.",
    "net flow": "Customers from one segment to another, less those in the other direction.",
    "up and down": "To a segment whose customers bring more, or less, in a window.",
}
