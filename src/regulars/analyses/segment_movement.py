"""Movement between segments or stages: who moves up, down or away from one half-year to the next, and what follows."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from regulars.core.analysis import Analysis, Needs
from regulars.core.chart import Chart
from regulars.core.result import Action, Audience, Caveat, ColumnInfo, Evidence, Finding, Table
from regulars.core.units import write, write_interval
from regulars.core.verb import Verb
from regulars.errors import DataError, SettingsError
from regulars.measures import sampling, windows
from regulars.methods import movement_tables, segment_drift, segment_scoring, segmentation, true_moves
from regulars.methods.saved_segments import SavedSegments

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from regulars.core.dataset import Dataset
    from regulars.core.result import Result
    from regulars.core.verb import VerbCall
    from regulars.methods.movement_tables import Moves
    from regulars.methods.segmentation import Segmentation
    from regulars.models.misplacement import TrueMoves
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

    Where there are none within half-years, but stages of a customer's life, moves between those are told: where every
    customer stood at the end of each half-year.

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
        spans, left_out = self._spans(data)
        days = segment_scoring.days(data)
        rows = data.persist(windows.behaviour(days, data.customers, spans), f"segment_movement__windows_{_stamp(data)}")
        before_last = rows.filter(rows.window < len(spans) - 1) if len(spans) > 2 else rows
        plan = segmentation.Plan(features=self.features, count=self.count, split_above_share=1.0, names=self.names)
        found = segmentation.learn(data, before_last, plan)
        if found is None:
            raise DataError(
                f"there are fewer than {3 * data.min_customers} customers to part",
                table="customers", mend="take more data, or lower min_customers under [dataset]",
            )  # fmt: skip
        stages = None if found.holds else self._stages(data)
        if stages is not None:
            found, name = stages, f"segment_movement__standing_{_stamp(data)}"
            rows = data.persist(windows.standing(days, data.customers, spans), name)
        assigned = data.persist(found.assign(rows), f"segment_movement__assigned_{_stamp(data)}")
        moved = data.persist(windows.moves(assigned, spans), f"segment_movement__moves_{_stamp(data)}")
        query = windows.counted(moved)
        counted = tuple(data.collect(query, 100_000).to_pylist())
        moves = movement_tables.Moves(
            spans, self._by_value(found, assigned, data), counted, query, left_out, found.noun
        )
        made = true_moves.correct(data, found, days, assigned, moved, spans, moves.names)
        return _Story(self, data, found, assigned, moved, moves, made).tell()

    def _stages(self, data: Dataset) -> Segmentation | None:
        """The stages of the customers' lives, where that is what they fall into and features are left to the rule."""
        if self.features:
            return None
        found = segmentation.segmentation_of(data, segmentation.Plan())
        if found is None or found.kind != "stages" or not set(found.tree.features) <= set(windows.STANDING):
            return None
        return replace(found, names=tuple(self.names.get(name, name) for name in found.names))

    def _spans(self, data: Dataset) -> tuple[tuple[windows.Window, ...], tuple[str, ...]]:
        """The windows, and those left out because an excluded period falls into them."""
        days = data.customer_days
        ends = data.collect(days.aggregate(first=days.day.min(), last=days.day.max()), 1).to_pylist()[0]
        if ends["first"] is None or data.as_of is None:
            raise DataError("there is no customer with an order", table="customers", mend="check the mapping of orders")
        whole = windows.windows(ends["first"], data.as_of, _MONTHS[self.window])
        spans = windows.without(whole, data.settings.dataset.excluded)
        left_out = tuple(one.label for one in whole if one not in spans)
        if not windows.turns(spans):
            apart = f" (left out by exclude_periods: {', '.join(left_out)})" if left_out else ""
            raise DataError(
                f"the data hold fewer than two whole {self.window}s in a row{apart}: there is no movement to see",
                table="orders", mend='take a longer history, or set window = "quarter" under [segment_movement]',
            )  # fmt: skip
        return spans, left_out

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
        saved = SavedSegments.load(call.run_folder / "models" / self.name)
        rows = (
            segment_scoring.read(Path(call.options.file))
            if call.options.file
            else segment_scoring.features_now(saved, call.load())
        )
        return self.result(tables=(segment_scoring.scored(saved, rows),))


def _stamp(data: Dataset) -> str:
    return f"{data.as_of:%Y%m%d}" if data.as_of else "whole"


class _Story:
    """The Result, from the moves."""

    def __init__(
        self, settings: SegmentMovement, data: Dataset, found: Segmentation, assigned: ir.Table, moved: ir.Table,
        moves: Moves, made: true_moves.Correction | None,
    ) -> None:  # fmt: skip
        self.settings, self.data, self.found = settings, data, found
        self.assigned, self.moved, self.moves, self.made = assigned, moved, moves, made
        self.last = moves.turns[-1]
        self.are_stages = found.kind == "stages" and not settings.features and not settings.count
        further = [name for name in _FURTHER if name in assigned.columns]
        self.features = tuple(dict.fromkeys((*found.look.preparation.names, *further)))

    def tell(self) -> Result:
        """The Result."""
        moves, data = self.moves, self.data
        tables = [
            movement_tables.matrix(moves, self.last, data.min_customers, self._made_last),
            movement_tables.matrix(moves, None, data.min_customers, self.made.together if self.made else None),
            movement_tables.by_turn(moves), movement_tables.flow(moves, self.last),
        ]  # fmt: skip
        charts = list(self._charts())
        foretold, tested = self._foretell()
        following = self._next_segment(foretold) if foretold else None
        agreement = None
        if self.found.holds:
            last = self.assigned.filter(self.assigned.window == len(moves.spans) - 1)
            drift, agreement = segment_drift.drift(data, self.found, last)
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
            model=SavedSegments(self.found.tree, self.found.names, self._months, following),
        )  # fmt: skip

    # -- what comes next --------------------------------------------------------------------------------

    def _foretell(self) -> tuple[Foretold | None, ir.Table | None]:
        """What foretells the next segment, learnt on the turns before the last and judged on it."""
        if len(self.moves.turns) < 2 or not self.found.holds:
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

    # -- charts, findings, lists --------------------------------------------------------------------------

    @property
    def _months(self) -> int:
        """Of the window that features are counted in; 0: a stage tells of the whole history."""
        return 0 if self.are_stages else _MONTHS[self.settings.window]

    @property
    def _turn(self) -> str:
        return self.moves.title(self.last)

    @property
    def _made_last(self) -> TrueMoves | None:
        return self.made.by_turn.get(self.last) if self.made else None

    @property
    def _in_both(self) -> str:
        return "known at the end of both windows" if self.are_stages else "who bought in both windows"

    def _up_and_down(self) -> tuple[float, float, tuple[float, float], int]:
        """Shares of the last turn's customers who moved up and down, the difference's interval, and how many there are.

        Up is to a segment that brings more. Misplaced customers are taken out where it is known how many there are.
        """
        import numpy as np

        counts = self.moves.among_segments(self.last)
        both = int(counts.sum())
        up, down = (part(np.ones(counts.shape, dtype=bool), k) for part, k in ((np.tril, -1), (np.triu, 1)))
        if not both:
            return 0.0, 0.0, (0.0, 0.0), 0
        if self._made_last is not None:
            made = self._made_last
            middle, low, high = made.difference(up, down)
            share = made.part(up)[0]
            return share, share - middle, (low, high), both
        rise, fall = float(counts[up].sum() / both), float(counts[down].sum() / both)
        half = 1.96 * (rise + fall - (rise - fall) ** 2) ** 0.5 / both**0.5
        return rise, fall, (rise - fall - half, rise - fall + half), both

    def _charts(self) -> tuple[Chart, ...]:
        up, down, _, both = self._up_and_down()
        noun = self.found.noun
        is_parted = both and len(self.moves.names) > 1  # of a single segment nobody can move up
        told = f"{write(up, 'share')} moved up and {write(down, 'share')} down" if is_parted else "Who came and left"
        return (
            Chart(
                "flow", told, f"Customers from {noun} to {noun}, {self._turn}; {noun}s that bring most at the top",
                "flow", "flow", "x", "y", colour="segment", size="customers", label="label", x2="x2", y2="y2",
            ),
            Chart(
                "moves", f"Where the customers of each {noun} went",
                f"Share of the customers of a {noun} before (rows), {self._turn}",
                "heatmap", "moves", "target", "source", colour="share", label="share", x_sort="data",
            ),
        )  # fmt: skip

    def _test_charts(self, foretold: Foretold) -> list[Chart]:
        best = foretold.find(foretold.winner)
        return [
            Chart(
                "validation", f"“{best.rule}” foretells {write(best.share, 'share')} rightly",
                f"Customers whose next {self.found.noun} was foretold rightly, {self._turn}, with 95 % intervals",
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
        up, down, (low, high), both = self._up_and_down()
        least, size = self.data.min_customers, len(self.moves.names)
        if both >= least and self.found.holds:
            middle = up - down
            corrected = ", corrected for chance misplacement" if self._made_last else ""
            sentence = (
                f"Of {both:,} customers {self._in_both} ({self._turn}), {write(up, 'share')} moved to a "
                f"{self.found.noun} that brings more and {write(down, 'share')} to one that brings less (difference "
                f"{write_interval(low, high, 'change_points')}{corrected})."
            )
            beyond = low > 0 or high < 0
            found.append(
                Finding(
                    "segment_movement.net", sentence, middle, "change_points", both, Evidence("moves"),
                    interval=(low, high), is_good=middle > 0 if beyond else None,
                )
            )  # fmt: skip
        counts = self.moves.counts(turn=self.last)[:size]
        before, silent = int(counts.sum()), int(counts[:, -1].sum())
        if before >= least and not self.are_stages:
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
            f"The next {self.found.noun} is foretold rightly for {write(best.share, 'share')} of the customers (95 % "
            f"interval {write_interval(best.low, best.high, 'share')}) by “{best.rule}”; beside it: {others}."
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
            self._list(
                "slipped", f"Customers who moved down{'' if self.are_stages else ' or fell silent'}", downward=True
            ),
            self._list("risen", "Customers who moved up", downward=False),
        ]

    def _list(self, name: str, title: str, *, downward: bool) -> Audience:
        import ibis

        noun = self.found.noun
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
            f"Their {noun} of {self.moves.spans[-1].label} is {'below' if downward else 'above'} the one before.",
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
        caveats = []
        if self.made is not None:
            caveats.append(
                Caveat(
                    f"About {write(self.made.misplaced_share, 'share')} of the customers stand in the wrong segment of "
                    "a window, because they ordered little in it, and then seem to move. This was measured on "
                    "customers whose segment is certain, with most of their orders left out; corrected shares are "
                    "without it."
                )
            )
        elif self.are_stages:
            caveats.append(
                Caveat(
                    "There are no stable segments within windows. Followed are the stages of a customer's life, at the "
                    "end of each window: where a customer stands, not what kind it is. Every customer grows older, so "
                    "that some move towards silence in every turn: compare a turn with the one before."
                )
            )
        elif self.found.holds:
            caveats.append(
                Caveat(
                    "Who is put into the wrong segment of a window, for want of orders, seems to move, so that the "
                    "shares of moves are rather too high. Too few customers are certain to correct for it."
                )
            )
        if self.moves.left_out:
            caveats.append(
                Caveat(
                    f"Left out, because exclude_periods falls into them: {', '.join(self.moves.left_out)}. Moves are "
                    "told between windows that follow each other directly."
                )
            )
        if not self.found.holds:
            caveats.append(
                Caveat(
                    "There are no stable segments within windows: only who came and who fell silent is told.", "warning"
                )
            )
        if agreement is not None and agreement < _REFIT_BELOW:
            caveats.append(
                Caveat(
                    f"The {self.found.noun}s drift: those found anew in {self.moves.spans[-1].label} agree with the "
                    f"old ones only to {agreement:.2f} (adjusted Rand). Make them anew first.", "warning",
                )
            )  # fmt: skip
        if foretold is None and self.found.holds:
            caveats.append(Caveat("Too few turns or customers to test what foretells the next segment."))
        return caveats


_DEFINITIONS = {
    "turn": "From one window to the next.",
    "stage": "Where a customer stands at the end of a window, by its whole history; used where there are no segments.",
    "silent": "No order in the later window.",
    "net flow": "Customers from one segment to another, less those in the other direction.",
    "up and down": "To a segment or stage whose customers bring more, or less, in a window.",
}
