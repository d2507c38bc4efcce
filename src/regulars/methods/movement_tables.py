"""The tables of movement between segments: moves with shares and money, the flow picture, the test and the drift."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from regulars.measures import windows
from regulars.measures.tables import Columns

if TYPE_CHECKING:
    from collections.abc import Sequence

    import ibis.expr.types as ir
    import numpy as np
    from numpy.typing import NDArray

    from regulars.core.result import Table
    from regulars.measures.windows import Window
    from regulars.models.misplacement import TrueMoves
    from regulars.models.movement import Foretold

    Floats = NDArray[np.float64]

CERTAIN = 0.05
"""Share of false ones among the net flows that are told, at most."""


@dataclass(frozen=True)
class Moves:
    """Counts of moves.

    Args:
        spans: The windows.
        names: The segments, in order.
        rows: Customers and money by turn, source and target.
        query: Where they were counted.
        left_out: Windows that `exclude_periods` falls into.
        noun: What one of the segments is called: "segment", or "stage".
    """

    spans: tuple[Window, ...]
    names: tuple[str, ...]
    rows: tuple[dict[str, Any], ...]
    query: ir.Table
    left_out: tuple[str, ...] = ()
    noun: str = "segment"

    @property
    def sources(self) -> tuple[str, ...]:
        """Segments, and where those came from who were in none."""
        return (*self.names, windows.NEW, windows.BACK)

    @property
    def targets(self) -> tuple[str, ...]:
        """Segments, and being silent."""
        return (*self.names, windows.SILENT)

    @property
    def turns(self) -> tuple[int, ...]:
        """The turns from one window to the one right after it, by the place of the earlier one."""
        return windows.turns(self.spans)

    def counts(self, value: str = "customers", turn: int | None = None) -> Floats:
        """Sources (rows) by targets (columns), of one turn or of all together."""
        import numpy as np

        found = np.zeros((len(self.sources), len(self.targets)))
        for row in self.rows:
            if turn is None or row["turn"] == turn:
                found[self.sources.index(row["source"]), self.targets.index(row["target"])] += row[value]
        return found

    def among_segments(self, turn: int | None = None) -> Floats:
        """Customers who were in a segment both before and after."""
        size = len(self.names)
        counts: Floats = self.counts(turn=turn)[:size, :size]
        return counts

    def title(self, turn: int) -> str:
        """A turn in words, as in "2023 H1 → 2023 H2"."""
        return f"{self.spans[turn].label} → {self.spans[turn + 1].label}"


def matrix(moves: Moves, turn: int | None, least: int, made: TrueMoves | None) -> Table:
    """Every move with customers, shares and money; of one turn, or of all turns together.

    Args:
        moves: What was counted.
        turn: The turn; None: all of them.
        least: Customers of a segment below which no share is told.
        made: The moves corrected for misplaced customers, where it is known how many are.
    """
    import numpy as np

    from regulars.models import intervals, movement

    counts, size = moves.counts(turn=turn), len(moves.names)
    before, after = moves.counts("money_before", turn), moves.counts("money_after", turn)
    among = moves.among_segments(turn)
    p_values, net = np.full(counts.shape, np.nan), np.zeros(counts.shape)
    net[:size, :size] = among - among.T
    p_values[:size, :size] = movement.net_flow_p_values(among)
    made_net = np.full(counts.shape, np.nan)
    if made is not None:
        flows, p_values[:size, :size] = made.net_flows()
        made_net[:size, :size] = np.where(np.eye(size, dtype=bool), 0.0, flows * among.sum())
    cells = [
        (one, other) for one in range(counts.shape[0]) for other in range(counts.shape[1]) if one < size or other < size
    ]
    ever = moves.counts() > 0  # nobody falls silent between stages
    cells = [(one, other) for one, other in cells if ever[one].any() and ever[:, other].any()]
    columns = Columns()
    columns.add("source", [moves.sources[one] for one, _ in cells], "text", f"{moves.noun.title()} before.", "from")
    columns.add("target", [moves.targets[other] for _, other in cells], "text", f"{moves.noun.title()} after.", "to")
    n = np.array([counts[cell] for cell in cells])
    columns.add("customers", n.astype(int), "customers")
    trials = np.array([counts.sum(axis=1)[one] for one, _ in cells])
    enough = trials >= least
    low, high = intervals.share_interval(np.where(enough, n, np.nan), np.where(enough, trials, np.nan))
    share = np.where(enough, n / np.where(trials > 0, trials, 1), np.nan)
    columns.add("share", share, "share", "Share of all who came from there.")
    columns.add_interval("share", low, high, "share")
    if made is not None:
        both = counts[:size, :size].sum(axis=1)
        padded = np.full((3, *counts.shape), np.nan)
        padded[:, :size, :size] = np.where((both >= least)[:, None] & made.known[:, None], made.shares(), np.nan)
        share, low, high = (np.array([part[cell] for cell in cells]) for part in padded)
        columns.add(
            "corrected_share", share, "share", "Among those who bought in both windows, less chance misplacement."
        )
        columns.add_interval("corrected_share", low, high, "share")
    columns.add("money_before", np.array([before[cell] for cell in cells]), "money", "What they brought before.")
    columns.add("money_after", np.array([after[cell] for cell in cells]), "money", "What they brought after.")
    columns.add("net_flow", np.array([net[cell] for cell in cells]), "", "Customers more than in the other direction.")
    if made is not None:
        columns.add(
            "corrected_net_flow", np.array([round(made_net[cell], 4) for cell in cells]), "",
            "The same less chance misplacement: what is judged.",
        )  # fmt: skip
    beyond = [None if np.isnan(p_values[cell]) else bool(p_values[cell] < CERTAIN) for cell in cells]
    columns.add("is_beyond_chance", beyond, "", "The net flow is beyond chance.", "beyond chance")
    words = "all turns together" if turn is None else moves.title(turn)
    name = "moves_of_all_turns" if turn is None else "moves"
    pairs = size * (size - 1) // 2
    return columns.table(
        name, f"Moves between {moves.noun}s, {words}", source=(moves.query,),
        dimensions=("source", "target"), measures=("customers", "money_before", "money_after"),
        note=f"{pairs} net flows were judged; those marked keep the share of false ones under {100 * CERTAIN:g} %.",
    )  # fmt: skip


def by_turn(moves: Moves) -> Table:
    """Customers of each segment in each window: who stayed, came and left."""
    import numpy as np

    size = len(moves.names)
    rows = []
    for turn in moves.turns:
        counts = moves.counts(turn=turn)
        for number, name in enumerate(moves.names):
            stayed, before, after = counts[number, number], counts[number].sum(), counts[:, number].sum()
            rows.append(
                (
                    moves.title(turn), name, before, after, stayed, counts[number, :size].sum() - stayed,
                    counts[:size, number].sum() - stayed, counts[size, number], counts[size + 1, number],
                    counts[number, size],
                )
            )  # fmt: skip
    columns = Columns()
    columns.add("turn", [row[0] for row in rows], "text")
    columns.add("segment", [row[1] for row in rows], "text", "", moves.noun)
    for place, (name, meaning) in enumerate(
        (
            ("customers_before", f"In the {moves.noun} before."), ("customers_after", f"In the {moves.noun} after."),
            ("stayed", "In it both times."), ("moved_out", f"To another {moves.noun}."),
            ("moved_in", f"From another {moves.noun}."), ("came_new", "First order in the later window."),
            ("came_back", "Bought earlier, but not in the window before."),
            ("went_silent", "No order in the later window."),
        )
    ):  # fmt: skip
        columns.add(name, np.array([row[2 + place] for row in rows]).astype(int), "customers", meaning)
    return columns.table(
        "by_turn", "Who stayed, came and left, window by window", source=(moves.query,), dimensions=("turn", "segment"),
        measures=("customers_before", "customers_after"),
    )  # fmt: skip


def flow(moves: Moves, turn: int) -> Table:
    """Places of the flow picture: sources on the left, targets on the right, links between, stacked by size."""
    counts = moves.counts(turn=turn)
    total = counts.sum()
    gap = 0.06
    left, right = _stacked(counts.sum(axis=1) / total, gap), _stacked(counts.sum(axis=0) / total, gap)
    rows: list[tuple[Any, ...]] = []
    for names, places, sums, x in (
        (moves.sources, left, counts.sum(axis=1), 0.0), (moves.targets, right, counts.sum(axis=0), 1.0),
    ):  # fmt: skip
        for number, name in enumerate(names):
            if sums[number] > 0:
                middle = places[number] - sums[number] / total / 2
                rows.append((x, middle, None, None, name, None, f"{name}: {int(sums[number]):,}"))
    leaving, arriving = list(left), list(right)
    for one, source in enumerate(moves.sources):
        for other in range(len(moves.targets)):
            width = counts[one, other] / total
            if width > 0:
                y, y2 = leaving[one] - width / 2, arriving[other] - width / 2
                rows.append((0.0, y, 1.0, y2, source, int(counts[one, other]), None))
                leaving[one] -= width
                arriving[other] -= width
    columns = Columns()
    for place, name in enumerate(("x", "y", "x2", "y2")):
        columns.add(name, [row[place] for row in rows], "", "Place in the picture.")
    columns.add("segment", [row[4] for row in rows], "text", "", moves.noun)
    columns.add("customers", [row[5] for row in rows], "customers", "Customers who go that way.")
    columns.add("label", [row[6] for row in rows], "text")
    return columns.table("flow", f"The flow, {moves.title(turn)}", source=(moves.query,), is_shown=False)


def _stacked(shares: Floats, gap: float) -> list[float]:
    """Upper end of each node, from the top down."""
    places, level = [], 1.0
    for share in shares:
        places.append(level)
        level -= float(share) + (gap if share > 0 else 0.0)
    return places


def test_of(foretold: Foretold, moves: Moves, query: ir.Table) -> Table:
    """Every rule's share right on the last turn."""
    columns = Columns()
    columns.add("rule", [one.rule for one in foretold.accuracies], "text", "What foretells the next segment.")
    columns.add("is_used", [one.rule == foretold.winner for one in foretold.accuracies], "", "", "used")
    columns.add("right_share", [one.share for one in foretold.accuracies], "share", "Customers foretold rightly.")
    low, high = [one.low for one in foretold.accuracies], [one.high for one in foretold.accuracies]
    columns.add_interval("right_share", low, high, "share")
    middle, least, most = foretold.advantage
    return columns.table(
        "validation", "The test on the last turn", source=(query,),
        note=f"Learnt on the turns before, tested on {moves.title(moves.turns[-1])} ({foretold.test_size:,} customers)."
        f" The forest less the best simple rule: {100 * middle:+.1f} points (95 % interval {100 * least:+.1f} to "
        f"{100 * most:+.1f}). Telling the segment of the window that the features come from would be circular, and is "
        "not tested.",
    )  # fmt: skip


def confusion(foretold: Foretold, moves: Moves, query: ir.Table) -> Table:
    """What came against what was foretold."""
    size = len(moves.targets)
    cells = [(one, other) for one in range(size) for other in range(size)]
    columns = Columns()
    columns.add("came", [moves.targets[one] for one, _ in cells], "text", "The segment that came.")
    columns.add("foretold", [moves.targets[other] for _, other in cells], "text", "The segment foretold.")
    columns.add("customers", [int(foretold.confusion[cell]) for cell in cells], "customers")
    return columns.table("confusion", "What came against what was foretold", source=(query,))


def importance(foretold: Foretold, features: Sequence[str], query: ir.Table) -> Table:
    """What the forest rests on."""
    order = sorted(range(len(features)), key=lambda place: (-foretold.importance[place], place))
    columns = Columns()
    columns.add("feature", [features[place] for place in order], "name")
    columns.add(
        "fall", [float(foretold.importance[place]) for place in order], "change_points",
        "Fall in the share right when the feature is shuffled (permutation importance); 0: it is not needed.",
    )  # fmt: skip
    return columns.table("importance", "What the forest rests on", source=(query,))


def calibration(foretold: Foretold, query: ir.Table) -> Table:
    """Chance told against share right."""
    columns = Columns()
    rows = foretold.calibration
    columns.add("told", [row[0] for row in rows], "share", "Mean chance told for the segment foretold.")
    columns.add("right_share", [row[1] for row in rows], "share", "Share of them that came so.")
    columns.add_interval("right_share", [row[2] for row in rows], [row[3] for row in rows], "share")
    columns.add("customers", [row[4] for row in rows], "customers")
    return columns.table("calibration", "Chance told against share right", source=(query,))


def drift(names: Sequence[str], agreement: float, old: float, new: float, query: ir.Table) -> Table:
    """Whether the segments still describe the customers of the last window."""
    columns = Columns()
    columns.add("measure", list(names), "text")
    columns.add("value", [agreement, old, new], "score")
    return columns.table("drift", "Do the segments still fit?", source=(query,))
