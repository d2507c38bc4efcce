"""Experiments read from the data and examined: whether an assignment can be trusted, before any effect is looked at.

Declared experiments (`[experiments.NAME]`) are taken, or else the arms of the contacts, campaign by campaign. What is
found out is kept per Dataset, since several analyses ask for it.
"""

from __future__ import annotations

import weakref
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal

from regulars.core.experiment import ExperimentSettings
from regulars.core.units import write_count
from regulars.errors import DataError, closest
from regulars.measures import experiments as measures
from regulars.measures.experiments import Outcome, Trial

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

    import ibis.expr.types as ir

    from regulars.core.dataset import Dataset
    from regulars.models.experiments import ArmSums, Balance

Verdict = Literal["passed", "failed", "not judged"]
STRAY_SHARE = 0.001
"""Up to this share of units may be in two arms, or contacted too late; they are left out and counted."""
MOST_CAMPAIGNS = 20
_NO_COVARIATES = {"customer_id", "sponsor_id", "contactable", "left_on", "birth_date", "joined_on"}
_CONTACT_COLUMNS = {"customer_id", "campaign_id", "sent_at", "arm", "responded", "response_value"}


@dataclass(frozen=True)
class Check:
    """One thing that was looked at before any effect.

    Args:
        name: Which.
        verdict: Passed, failed, or not judged.
        sentence: What was found, in plain words.
        n: How many it concerns.
    """

    name: str
    verdict: Verdict
    sentence: str
    n: int


@dataclass(frozen=True)
class Examined:
    """An experiment after its examination.

    Args:
        trial: What it is.
        control: The arm that the others are compared with; "" where it is not known.
        arms: The other arms.
        counts: Units of every arm.
        checks: All that was looked at.
        units: One row per unit of exactly one arm.
        sums: Sums of every arm.
        events: Units with a value other than zero, by arm and column.
        balances: How alike the arms were before.
        queries: What was asked of the engine.
    """

    trial: Trial
    control: str
    arms: tuple[str, ...]
    counts: Mapping[str, int]
    checks: tuple[Check, ...]
    units: ir.Table
    sums: Mapping[str, ArmSums]
    events: Mapping[str, Mapping[str, int]]
    balances: tuple[Balance, ...]
    queries: tuple[ir.Expr, ...]

    @property
    def is_trusted(self) -> bool:
        """Whether an effect may be told."""
        return bool(self.arms) and not self.failures

    @property
    def failures(self) -> tuple[Check, ...]:
        """The checks that failed."""
        return tuple(check for check in self.checks if check.verdict == "failed")


_KNOWN: weakref.WeakKeyDictionary[Dataset, tuple[Examined, ...]] = weakref.WeakKeyDictionary()


def has_experiments(data: Dataset) -> bool:
    """Whether the data declare an experiment, or have contacts with arms."""
    contacts = data.tables.get("contacts")
    return bool(data.settings.experiments) or (contacts is not None and "arm" in contacts.columns)


def examined(data: Dataset) -> tuple[Examined, ...]:
    """Every experiment of the data, examined; once per Dataset.

    Raises:
        DataError: A declared experiment names what is not there.
    """
    if data not in _KNOWN:
        _KNOWN[data] = tuple(_examine(data, name, settings) for name, settings in _declared(data).items())
    return _KNOWN[data]


def _declared(data: Dataset) -> dict[str, ExperimentSettings]:
    """The experiments of the settings; without any, those campaigns whose contacts have two arms or more."""
    if data.settings.experiments:
        return dict(data.settings.experiments)
    contacts = data.tables.get("contacts")
    if contacts is None or "arm" not in contacts.columns:
        return {}
    rows = measures.arm_rows(contacts, ExperimentSettings())
    if "campaign_id" not in rows.columns:
        return {"contacts": ExperimentSettings()}
    by = rows.group_by(campaign=rows.campaign_id.cast("string")).aggregate(arms=rows.arm.nunique(), n=rows.count())
    several = by.filter((by.arms > 1) & by.campaign.notnull()).order_by(by.n.desc(), by.campaign)
    found = data.collect(several.limit(MOST_CAMPAIGNS), MOST_CAMPAIGNS)["campaign"].to_pylist()
    return {name: ExperimentSettings(campaign=name) for name in sorted(found)}


# -- what it is ---------------------------------------------------------------------------------------


def _read(data: Dataset, name: str, settings: ExperimentSettings, rows: ir.Table) -> Trial:
    first, last = _window(data, settings, rows)
    bought = _purchases(data, first, last)
    # an answer to an offer is nothing that the control could give, so purchases come first where there are any
    own = settings.outcomes or (() if bought else _answers(rows))
    table = [_outcome(data, rows, settings, column) for column in own]
    outcomes = [*table, *bought] if settings.outcomes else [*bought, *table]
    numbers, labels = _covariates(data, settings, rows)
    if any(one.before for one in bought):
        numbers = [*dict.fromkeys([*(one.before for one in bought if one.before), *numbers])]
    taken = {*settings.outcomes, *numbers, *labels, settings.unit, settings.arm, *_CONTACT_COLUMNS, "unit"}
    others = [column for column in rows.columns if column not in taken and _is_number(rows[column])]
    return Trial(name, settings, first, last, tuple(outcomes), tuple(numbers), tuple(labels), tuple(others))


def _answers(rows: ir.Table) -> list[str]:
    return [name for name in ("responded", "response_value") if name in rows.columns]


def _is_number(column: ir.Value) -> bool:
    return bool(column.type().is_numeric() or column.type().is_boolean())


def _outcome(data: Dataset, rows: ir.Table, settings: ExperimentSettings, column: str) -> Outcome:
    value = rows[column]
    if not _is_number(value):
        raise DataError(
            f"the outcome '{column}' is no number", table=settings.table, column=column, mend="name a number or yes/no"
        )
    if column in (settings.money, "response_value"):
        return Outcome(column, "money", "As in the data, per unit; missing counts as 0.")
    as_number = measures.number(value)
    other = data.collect(rows.aggregate(n=((as_number != 0) & (as_number != 1)).cast("int32").sum()), 1)["n"][0]
    kind: Literal["share", "number"] = "number" if other.as_py() else "share"
    return Outcome(column, kind, "As in the data, per unit; missing counts as 0.")


def _window(data: Dataset, settings: ExperimentSettings, rows: ir.Table) -> tuple[date | None, date | None]:
    """First and last day in which purchases count."""
    first, last = settings.first_day, settings.last_day
    campaigns = data.tables.get("campaigns")
    if first is None and settings.campaign and campaigns is not None and "starts_on" in campaigns.columns:
        own = campaigns.filter(campaigns.campaign_id.cast("string") == settings.campaign)
        ends = own.ends_on.max() if "ends_on" in campaigns.columns else own.starts_on.max()
        found = data.collect(own.aggregate(first=own.starts_on.min(), last=ends), 1).to_pylist()[0]
        first = found["first"]
        last = last or (found["last"] if "ends_on" in campaigns.columns else None)
    begun = first
    if first is None and "sent_at" in rows.columns:
        sent = data.collect(rows.aggregate(first=rows.sent_at.min(), last=rows.sent_at.max()), 1).to_pylist()[0]
        first, begun = (sent[end].date() if sent[end] else None for end in ("first", "last"))
    if begun is not None and (last is None or last < begun):
        last = begun + timedelta(days=measures.WINDOW_DAYS - 1)
    if first and last and data.as_of and last > data.as_of >= first + timedelta(days=measures.SHORTEST_WINDOW - 1):
        last = data.as_of  # still running: what was bought so far
    return first, last


def _purchases(data: Dataset, first: date | None, last: date | None) -> list[Outcome]:
    """Outcomes taken from what was bought, where the purchases reach from before the start to the end."""
    if first is None or last is None or data.as_of is None or data.summaries.missing("customer_days"):
        return []
    days = data.customer_days
    begun = data.collect(days.aggregate(first=days.day.min()), 1)["first"][0].as_py()
    if begun is None or begun > first or last > data.as_of:
        return []
    has_before = begun <= first - (last - first) - timedelta(days=1)
    columns = set(data.orders.columns)
    there = {"orders", "buyers", "visit_days", "returned"}
    there |= {name for name, column in (("revenue", "revenue"), ("items", "quantity")) if column in columns}
    if _has_costs(data):
        there |= {"margin", "margin_per_order"}
    before = {"revenue", "orders", "buyers", "items", "visit_days"} if has_before else set()
    return [
        Outcome(name, kind, meaning, below, f"{name}_before" if name in before else "")
        for name, kind, meaning, below in measures.PURCHASES
        if name in there
    ]


def _has_costs(data: Dataset) -> bool:
    products = data.tables.get("products")
    if products is None or "cost" not in products.columns or data.summaries.missing("order_items"):
        return False
    return not {"revenue", "ordered_at"} - set(data.summary("order_items").columns)


def _covariates(data: Dataset, settings: ExperimentSettings, rows: ir.Table) -> tuple[list[str], list[str]]:
    """Numeric covariates and labels: those declared, else what the customers table says of them."""
    profile = data.tables.get("customers")
    known = set(profile.columns) if profile is not None else set()
    view = data.customers
    if settings.covariates:
        wanted = list(settings.covariates)
        for name in wanted:
            if name not in rows.columns and not (name in known and name in view.columns):
                raise DataError(
                    f"the covariate '{name}' is in neither {settings.table} nor customers",
                    table=settings.table, column=name, mend=closest(name, [*rows.columns, *sorted(known)]),
                )  # fmt: skip
    else:
        taken = {*_NO_COVARIATES, *settings.outcomes, settings.arm, settings.unit}
        wanted = [name for name in view.columns if name in known - taken]
    homes = {name: rows if name in rows.columns else view for name in wanted}
    numbers = [name for name, home in homes.items() if _is_number(home[name])]
    texts = [name for name, home in homes.items() if home[name].type().is_string()]
    return numbers, [name for name in texts if _is_label(data, homes[name], name)]


def _is_label(data: Dataset, home: ir.Table, name: str) -> bool:
    count = data.collect(home.aggregate(n=home[name].nunique().cast("int64")), 1)["n"][0].as_py()
    return bool(1 < count <= measures.LABEL_LEVELS)


# -- the examination ----------------------------------------------------------------------------------


def _examine(data: Dataset, name: str, settings: ExperimentSettings) -> Examined:
    table = data.table(settings.table)
    for column in (settings.unit, settings.arm, *settings.outcomes):
        if column not in table.columns:
            raise DataError(
                f"the experiment '{name}' names '{column}', which {settings.table} does not have",
                table=settings.table, column=column, mend=closest(column, table.columns),
            )  # fmt: skip
    rows = measures.arm_rows(table, settings)
    trial = _read(data, name, settings, rows)
    own = [one for one in (*trial.columns, *trial.labels) if one in rows.columns]
    numbers, labels = [one for one in own if one in trial.columns], [one for one in own if one in trial.labels]
    stamp = f"{data.as_of:%Y%m%d}" if data.as_of else "undated"
    place = list(_declared(data)).index(name)
    every = data.persist(measures.assigned(rows, numbers, labels), f"experiment_{place}_assigned_{stamp}")
    single = _completed(data, trial, every.filter(every.arm_count == 1), set(own))
    units = data.persist(single, f"experiment_{place}_units_{stamp}")
    pairs = [(one.name, one.below) for one in trial.outcomes if one.below]
    pairs += [(one.name, number) for one in trial.outcomes if not one.below for number in trial.numbers]
    query = measures.arm_sums(units, trial.columns, [pair for pair in pairs if pair[0] != pair[1]])
    found = sorted(data.collect(query, 1000).to_pylist(), key=lambda row: str(row["arm"]))
    counts = {row["arm"]: int(row["unit_count"]) for row in found}
    control = measures.arm_of_control(list(counts), settings.control) or ""
    sums = {row["arm"]: _arm(row, trial.columns, pairs) for row in found}
    events = {row["arm"]: {column: int(row[f"{column}__events"] or 0) for column in trial.columns} for row in found}
    told = Examined(
        trial, control, tuple(arm for arm in counts if arm != control) if control else (), counts, (), units, sums,
        events, (), (query, every),
    )  # fmt: skip
    checks, balances, asked = _Examiner(data, told, rows, every).all()
    return replace(told, checks=checks, balances=balances, queries=(*told.queries, *asked))


def _completed(data: Dataset, trial: Trial, units: ir.Table, own: set[str]) -> ir.Table:
    """Units with what was bought, before and in the window, and the features that are covariates."""
    view = data.customers
    names = [name for name, *_ in measures.PURCHASES if name in {one.name for one in trial.outcomes} - own]
    if names and trial.first and trial.last:
        sales = data.orders.filter(data.orders.is_sale)
        counted = [name for name in names if not name.startswith("margin")]
        units = measures.joined(units, measures.bought(sales, trial.first, trial.last, counted), view)
        if "margin" in names:
            items, products = data.summary("order_items"), data.table("products")
            units = measures.joined(units, measures.margins(items, products, trial.first, trial.last), view)
            units = units.mutate(margin_per_order=units.margin)
        before = [one.before.removesuffix("_before") for one in trial.outcomes if one.before]
        if before:
            start, end = trial.first - timedelta(days=trial.length), trial.first - timedelta(days=1)
            units = measures.joined(units, measures.bought(sales, start, end, before, "_before"), view)
    there = set(units.columns)
    numbers = [name for name in trial.numbers if name not in there]
    labels = [name for name in trial.labels if name not in there]
    return measures.with_features(units, view, numbers, labels) if numbers or labels else units


def _arm(row: Mapping[str, Any], columns: Sequence[str], pairs: Sequence[tuple[str, str]]) -> ArmSums:
    from regulars.models.experiments import ArmSums

    products = {(name, name): float(row[measures.pair_name(name, name)] or 0.0) for name in columns}
    for one, other in pairs:
        first, second = sorted((one, other))
        products[first, second] = float(row[measures.pair_name(one, other)] or 0.0)
    return ArmSums(int(row["unit_count"]), {name: float(row[name] or 0.0) for name in columns}, products)


class _Examiner:
    """Looks at one experiment; every method is one question, answered with checks."""

    def __init__(self, data: Dataset, told: Examined, rows: ir.Table, every: ir.Table) -> None:
        self.data, self.told, self.rows, self.every = data, told, rows, every
        self.trial = told.trial

    def all(self) -> tuple[tuple[Check, ...], tuple[Balance, ...], tuple[ir.Expr, ...]]:
        """The checks, the balances, and the queries they came from."""
        checks = [*self._arms(), *self._units(), *self._timing()]
        copies, asked = self._copies()
        checks += copies
        balances, differing = self._balance()
        return (*checks, *differing), tuple(balances), asked

    def _arms(self) -> list[Check]:
        counts, control = self.told.counts, self.told.control
        total, least = sum(counts.values()), self.data.min_customers
        sizes = ", ".join(f"{arm} {count:,}" for arm, count in counts.items())
        if len(counts) < 2:
            return [Check("arms", "failed", "There are not two arms to compare.", total)]
        if not control:
            text = f"Which arm is the control is not known ({sizes}): say `control` in the settings."
            return [Check("arms", "failed", text, total)]
        if min(counts.values()) < least:
            text = f"An arm has fewer than {least} customers ({sizes}): too few for an effect."
            return [Check("arms", "failed", text, total)]
        return [Check("arms", "passed", f"{sizes}; compared with {control}.", total), self._sizes(sizes, total)]

    def _sizes(self, sizes: str, total: int) -> Check:
        from regulars.models import experiments as model

        counts, shares = self.told.counts, self.trial.settings.shares
        if shares and set(shares) != set(counts):
            text = f"The shares meant are of other arms ({', '.join(sorted(shares))}) than the data have ({sizes})."
            return Check("sample ratio", "failed", text, total)
        meant = [shares.get(arm, 1 / len(counts)) for arm in counts]
        p_value = model.sample_ratio(list(counts.values()), meant)
        if p_value >= model.IMPOSSIBLE:
            return Check("sample ratio", "passed", f"The arms have the sizes that were meant ({sizes}).", total)
        if shares or model.look_equal(list(counts.values())):
            text = f"The arms have not the sizes that were meant ({sizes}): rows were lost or gained in some arm."
            return Check("sample ratio", "failed", text, total)
        text = f"The arms are of unequal size ({sizes}); say `shares`, so that it can be tested whether that was meant."
        return Check("sample ratio", "not judged", text, total)

    def _units(self) -> list[Check]:
        every = self.every
        query = every.aggregate(
            units=every.count().cast("int64"),
            rows=every.row_count.sum().cast("int64"),
            two=(every.arm_count > 1).cast("int32").sum().cast("int64"),
            repeated=(every.row_count > 1).cast("int32").sum().cast("int64"),
        )
        found = {name: int(value or 0) for name, value in self.data.collect(query, 1).to_pylist()[0].items()}
        units, two, repeated = found["units"], found["two"], found["repeated"]
        if two > STRAY_SHARE * units:
            text = f"{write_count(two, 'customers')} of {units:,} are in more than one arm."
            crossed = Check("one arm each", "failed", text, two)
        else:
            text = "Every customer is in one arm." if not two else f"{two:,} are in two arms, and are left out."
            crossed = Check("one arm each", "passed", text, two)
        from_rows = [one.name for one in self.trial.outcomes if one.name in self.rows.columns]
        if repeated > STRAY_SHARE * units and from_rows:
            text = (
                f"The rows are not customers: {found['rows']:,} rows are of {units:,} customers, and "
                f"{', '.join(from_rows)} {'is' if len(from_rows) == 1 else 'are'} told row by row."
            )
            return [crossed, Check("rows are customers", "failed", text, repeated)]
        return [crossed, Check("rows are customers", "passed", "One row counts per customer.", repeated)]

    def _timing(self) -> list[Check]:
        """Whether anyone was contacted after the outcome was measured."""
        rows, settings = self.rows, self.trial.settings
        if "sent_at" not in rows.columns:
            return [
                Check("contact before outcome", "not judged", "The data do not tell when customers were contacted.", 0)
            ]
        late = None
        if settings.outcome_at:
            if settings.outcome_at not in rows.columns:
                raise DataError(
                    f"'{settings.outcome_at}' (outcome_at) is not in {settings.table}",
                    table=settings.table, mend=closest(settings.outcome_at, rows.columns),
                )  # fmt: skip
            late = rows.sent_at.date() > rows[settings.outcome_at].cast("date")
        elif self.trial.last and any(one.name not in rows.columns for one in self.trial.outcomes):
            import ibis

            late = rows.sent_at.date() > ibis.literal(self.trial.last, "date")
        if late is None:
            return [
                Check("contact before outcome", "not judged", "The data do not tell when the outcome was measured.", 0)
            ]
        found = self.data.collect(
            rows.aggregate(late=late.fill_null(False).cast("int32").sum().cast("int64"), rows=rows.count()), 1
        ).to_pylist()[0]
        count = int(found["late"] or 0)
        if count > STRAY_SHARE * found["rows"]:
            text = f"{write_count(count, 'customers')} were contacted after the outcome was measured."
            return [Check("contact before outcome", "failed", text, count)]
        return [Check("contact before outcome", "passed", "Contacts came before the outcome.", count)]

    def _copies(self) -> tuple[list[Check], tuple[ir.Expr, ...]]:
        """Whether an outcome was computed from another column instead of measured."""
        from regulars.models.experiments import constant_ratio

        rows, trial = self.rows, self.trial
        outcomes = [one.name for one in trial.outcomes if one.name in rows.columns]
        others = [name for name in (*trial.numbers, *trial.others, *outcomes) if name in rows.columns]
        pairs = [(one, other) for one in outcomes for other in others if one != other]
        if not pairs:
            return [], ()
        query = measures.ratios(rows, pairs)
        by_arm = {row["arm"]: row for row in self.data.collect(query, 1000).to_pylist()}
        found: list[Check] = []
        for place, (outcome, other) in enumerate(pairs):
            factors: dict[str, float | None] = {}
            for arm, row in by_arm.items():
                enough = row[f"rows_{place}"] >= self.data.min_customers and not row[f"stray_{place}"]
                varies = (row[f"spread_{place}"] or 0.0) > 0
                ends = (row[f"low_{place}"], row[f"high_{place}"])
                factors[arm] = constant_ratio(*ends) if enough and varies and None not in ends else None
            made = {arm: factor for arm, factor in factors.items() if factor is not None}
            differ = len(set(factors.values())) > 1
            if made and (differ or other in trial.numbers):
                arm, factor = max(made.items(), key=lambda item: (abs(item[1] - 1), item[0]))
                n = int(by_arm[arm][f"rows_{place}"])
                text = (
                    f"In the rows of the arm {arm}, {outcome} is that row's own {other} × {factor:.6g}, exactly: made, "
                    "not measured."
                )
                found.append(Check("measured outcome", "failed", text, n))
        if not found:
            found = [Check("measured outcome", "passed", "No outcome is an exact multiple of another column.", 0)]
        return found, (query,)

    def _balance(self) -> tuple[list[Balance], list[Check]]:
        from regulars.models import experiments as model

        told, trial = self.told, self.trial
        if not told.arms or min(told.counts.values()) < self.data.min_customers:
            return [], []
        arms = [told.control, *told.arms]
        sums = [told.sums[arm] for arm in arms]
        balances = [model.balance(sums[0], sums[1:], name) for name in trial.numbers]
        for name, query in measures.label_counts(told.units, trial.labels).items():
            rows = self.data.collect(query, 1000 * measures.LABEL_LEVELS).to_pylist()
            labels = sorted({row["label"] for row in rows})
            cells = {(row["arm"], row["label"]): row["unit_count"] for row in rows}
            balances.append(
                model.balance_of_labels(name, [[cells.get((arm, label), 0) for label in labels] for arm in arms])
            )
        if not balances:
            text = "Nothing is known of the customers before the start: whether the arms were alike cannot be seen."
            return [], [Check("alike before", "not judged", text, 0)]
        differing = model.arms_differ(balances)
        n = sum(told.counts.values())
        if differing:
            names = ", ".join(f"{one.name} (by {one.difference:.2f})" for one in differing)
            return balances, [Check("alike before", "failed", f"The arms differed before the start in {names}.", n)]
        text = f"The arms were alike before the start in {write_count(len(balances), 'things')} looked at."
        return balances, [Check("alike before", "passed", text.replace("1 things", "the one thing"), n)]
