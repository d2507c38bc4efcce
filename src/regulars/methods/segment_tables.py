"""The tables of a segmentation: how it was found, what distinguishes the segments, and a map of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from regulars.measures import segments
from regulars.measures.tables import Columns

if TYPE_CHECKING:
    from collections.abc import Sequence

    from regulars.core.result import Table
    from regulars.methods.segmentation import Segmentation
    from regulars.models.clusters import Floats

MAP_CUSTOMERS = 1_000
_KINDS = {"plain": "as it is", "log": "logarithm of 1 + x", "share": "share, drawn towards the mean"}


def evidence(found: Segmentation) -> Table:
    """Every criterion for every number of segments and way of looking."""
    rows = [(look, one) for look in found.looks for one in look.choice.criteria]
    columns = Columns()
    columns.add("look", [look.name for look, _ in rows], "text", "Which features were used.", "way of looking")
    columns.add("segments", [one.count for _, one in rows], "count", "", "number of groups")
    columns.add(
        "is_used", [look is found.look and one.count == look.choice.count for look, one in rows], "", "", "used"
    )
    columns.add("holds", [one.holds for _, one in rows], "", "Clearer than chance, comes back, none tiny.")
    meaning = "Clearer than one cloud and comes back, but customers who all buy by one process show it as clearly."
    columns.add("is_stage", [one.is_stage for _, one in rows], "", meaning, "stages")
    for name, meaning in (
        ("inertia", "Mean squared distance to the own centre; the elbow is where it stops falling fast."),
        ("silhouette", "From −1 to 1: how much nearer customers are to their own segment than to the next."),
        ("null_silhouette", "The same on data without segments."),
        ("cloud_silhouette", "The same on one cloud, histories or not."),
        ("calinski_harabasz", "Variance between segments ÷ variance within."),
        ("gap", "Log inertia of data without segments − log inertia."),
        ("gap_error", "Standard error of the gap."),
        ("stability", "Adjusted Rand index with the segments of resampled customers; 1: the same again."),
        ("null_stability", "The same on data without segments."),
    ):
        columns.add(name, [getattr(one, name) for _, one in rows], "score", meaning)
    columns.add("smallest_share", [one.smallest_share for _, one in rows], "share", "Share of the smallest segment.")
    return columns.table(
        "evidence", f"How many {found.noun}s there are", source=(found.sample,),
        note=f"On {found.look.choice.sample_size:,} customers. {_sentence(found.look.choice.reason)} "
        "Data without segments: one cloud with the same means, spreads, skewness and correlations, in which those who "
        "bought equally little (one item once, two items once, two orders …) stay alike; what comes from a "
        "history of orders is that of as many customers who all buy and leave by one process (Pareto/NBD).",
    )  # fmt: skip


def _sentence(reason: str) -> str:
    return f"{reason[0].upper()}{reason[1:]}."


def curves(found: Segmentation) -> Table:
    """Silhouette and stability by number of groups, beside data without segments, for the look that was taken."""
    names = {
        "silhouette": "silhouette", "null_silhouette": "silhouette without segments", "stability": "stability",
        "null_stability": "stability without segments",
    }  # fmt: skip
    if any(one.cloud_silhouette != one.null_silhouette for one in _tried(found)):
        names["cloud_silhouette"] = "silhouette of one cloud"
    rows = [(one.count, words, getattr(one, name)) for name, words in names.items() for one in _tried(found)]
    columns = Columns()
    columns.add("segments", [row[0] for row in rows], "count", "", "number of groups")
    columns.add("curve", [row[1] for row in rows], "text")
    columns.add("value", [row[2] for row in rows], "score")
    return columns.table("curves", "Evidence by number of groups", source=(found.sample,), is_shown=False)


def elbow(found: Segmentation) -> Table:
    """Inertia by number of segments."""
    columns = Columns()
    columns.add("segments", [one.count for one in _tried(found)], "count", "", "number of groups")
    columns.add("inertia", [one.inertia for one in _tried(found)], "score", "Mean squared distance to the own centre.")
    return columns.table("elbow", "Distance to the own centre", source=(found.sample,), is_shown=False)


def _tried(found: Segmentation) -> Sequence[Any]:
    return found.look.choice.criteria


def preparation(found: Segmentation) -> Table:
    """How every feature was made comparable, or why it was not used."""
    scales, left_out = found.look.preparation.scales, found.look.preparation.left_out
    blank = [None] * len(left_out)
    columns = Columns()
    columns.add("feature", [one.name for one in scales] + [name for name, _ in left_out], "name")
    columns.add("taken_as", [_KINDS[one.kind] for one in scales] + ["not used"] * len(left_out), "text")
    for name, meaning in (
        ("centre", "What becomes 0."), ("scale", "What becomes 1: the spread without the outermost hundredths."),
        ("low", "Smallest prepared value; lower ones become it."), ("high", "Greatest prepared value."),
        ("prior_orders", "For shares: how many orders the mean of all counts for."),
    ):  # fmt: skip
        columns.add(name, [getattr(one, name) for one in scales] + blank, "", meaning)
    columns.add("missing_share", [one.missing_share for one in scales] + blank, "share", "Put at the centre.")
    columns.add("reason", [None] * len(scales) + [reason for _, reason in left_out], "text", "Why it is not used.")
    return columns.table("preparation", "How the features were prepared", source=(found.sample,))


def rounds(found: Segmentation) -> Table:
    """Segments that were looked at again."""
    columns = Columns()
    columns.add("segment", [one.segment for one in found.rounds], "text", "", found.noun)
    columns.add("customer_share", [one.share for one in found.rounds], "share")
    columns.add("parts", [one.parts for one in found.rounds], "count", "1: it stays whole.")
    columns.add("reason", [one.reason for one in found.rounds], "text")
    return columns.table("second_round", "Broad segments looked at again", source=(found.sample,))


def features(found: Segmentation) -> Table:
    """What distinguishes each segment: typical values, and the difference from all others."""
    import numpy as np

    effects = found.effects()
    used = found.look.preparation.names
    rows = []
    for number, name in enumerate(found.names):
        inside = found.labels == number
        for place, feature in enumerate(used):
            column = found.values[feature]
            rows.append(
                (
                    name, segments.words(feature).noun, feature, float(effects[number, place]),
                    _middle(column[inside]), _middle(column), float(np.isfinite(column[inside]).sum()),
                )
            )  # fmt: skip
    columns = Columns()
    columns.add("segment", [row[0] for row in rows], "text", "", found.noun)
    columns.add("feature", [row[1] for row in rows], "text")
    columns.add("column", [row[2] for row in rows], "name", "Its name in the customer view.")
    columns.add(
        "effect", np.array([row[3] for row in rows]), "score",
        "Difference from all other customers in standard deviations; 0.5 is plain to see.", "difference",
    )  # fmt: skip
    columns.add("median", np.array([row[4] for row in rows]), "", "Of the segment.")
    columns.add("all_median", np.array([row[5] for row in rows]), "", "Of all customers.", "median of all")
    columns.add("customers", np.array([row[6] for row in rows], dtype=int), "customers", "In the sample.")
    return columns.table("features", f"What distinguishes each {found.noun}", source=(found.sample,))


def _middle(values: Floats) -> float:
    import numpy as np

    known = values[np.isfinite(values)]
    return float(np.median(known)) if known.size else float("nan")


def distributions(found: Segmentation) -> Table:
    """The middle half of every feature in every segment, in standard units and in the feature's own."""
    import numpy as np

    rows = []
    for place, feature in enumerate(found.look.preparation.names):
        column, prepared = found.values[feature], found.look.matrix[:, place]
        for number, name in enumerate(found.names):
            inside = found.labels == number
            own = column[inside & np.isfinite(column)]
            if not own.size:
                continue
            standard = np.quantile(prepared[inside], [0.25, 0.5, 0.75])
            rows.append((feature, name, *standard, *np.quantile(own, [0.1, 0.25, 0.5, 0.75, 0.9])))
    columns = Columns()
    nouns = [segments.words(row[0]).noun for row in rows]
    columns.add("label", [f"{noun} · {row[1]}" for noun, row in zip(nouns, rows, strict=True)], "text", "", "feature")
    columns.add("feature", [row[0] for row in rows], "name", "", "column")
    columns.add("segment", [row[1] for row in rows], "text", "", found.noun)
    for place, (name, meaning) in enumerate(
        (
            ("standard_low", "Lower quartile in standard units (0: the mean of all)."),
            ("standard", "Median in standard units."),
            ("standard_high", "Upper quartile in standard units."),
            ("tenth", "A tenth of the segment lies below."), ("lower_quartile", "A quarter lies below."),
            ("median", "Half lies below."), ("upper_quartile", "Three quarters lie below."),
            ("ninetieth", "Nine tenths lie below."),
        )
    ):  # fmt: skip
        title = "standard units" if name == "standard" else ""
        columns.add(name, np.array([row[2 + place] for row in rows]), "", meaning, title)
    return columns.table("distributions", f"Every feature in every {found.noun}", source=(found.sample,))


def map_of(found: Segmentation) -> Table:
    """Up to 1,000 customers on the two directions in which they differ most (principal components)."""
    import numpy as np

    from regulars.models.intervals import steady

    matrix = found.look.matrix
    centred = matrix - matrix.mean(axis=0)
    spread, axes = np.linalg.eigh(centred.T @ centred / len(matrix))
    axes = axes[:, ::-1][:, :2]
    axes = axes * np.where(axes[np.abs(axes).argmax(axis=0), np.arange(axes.shape[1])] < 0, -1.0, 1.0)
    places = steady((centred @ axes).round(6))
    shown = np.linspace(0, len(matrix) - 1, min(MAP_CUSTOMERS, len(matrix))).astype(int)
    told = float(spread[::-1][:2].sum() / spread.sum()) if spread.sum() > 0 else 0.0
    columns = Columns()
    ends = [_ends(found, axes[:, place]) for place in range(axes.shape[1])]
    for place, name in enumerate(("first", "second")):
        low, high = ends[place]
        meaning = f"The {name} of the two directions: from {low} to {high}."
        columns.add(name, places[shown, place], "", meaning, f"{low} ← → {high}")
    columns.add("segment", [found.names[number] for number in found.labels[shown]], "text", "", found.noun)
    return columns.table(
        "map", "Customers on the two directions in which they differ most", source=(found.sample,), is_shown=False,
        note=f"The two directions hold {100 * told:.0f} % of all differences. First: from {ends[0][0]} to "
        f"{ends[0][1]}. Second: from {ends[1][0]} to {ends[1][1]}.",
    )  # fmt: skip


def _ends(found: Segmentation, weights: Floats) -> tuple[str, str]:
    """What customers at the lower and the upper end of a direction are, by the two features it is mostly made of."""
    import numpy as np

    order = np.argsort(-np.abs(weights), kind="stable")[:2]
    told = [(segments.words(found.look.preparation.names[place]), weights[place] > 0) for place in order]
    low = ", ".join(words.low if is_up else words.high for words, is_up in told)
    return low, ", ".join(words.high if is_up else words.low for words, is_up in told)
