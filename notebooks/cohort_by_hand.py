"""One cohort counted by hand, and the same number in the table of the analysis."""

import marimo

app = marimo.App(width="medium")


@app.cell
def _():
    import marimo as mo

    mo.md(
        """
        # A cohort, counted by hand

        Retention is the share of a cohort that buys in a later month. Four lines of Ibis count it; the analysis must
        say the same.
        """
    )


@app.cell
def _():
    import tempfile
    from pathlib import Path

    import regulars as rg
    from regulars import pipeline

    settings = pipeline.make_demo("cinema", Path(tempfile.mkdtemp()) / "cinema", 6000, 7)
    data = rg.load(settings)
    return (data,)


@app.cell
def _(data):
    days = data.customer_days
    visits = days.mutate(month=days.day.year() * 12 + days.day.month())
    first = visits.group_by("customer_key").aggregate(first=visits.month.min())
    seen = visits.select("customer_key", "month").distinct().join(first, "customer_key")
    counted = seen.group_by("first", after=seen.month - seen["first"]).aggregate(customers=seen.count())
    by_hand = {
        (row["first"], row["after"]): row["customers"] for row in data.collect(counted, max_rows=10_000).to_pylist()
    }
    largest = max((first for first, after in by_hand if after == 0), key=lambda one: by_hand[one, 0])
    print(f"the cohort of month {(largest - 1) % 12 + 1}/{(largest - 1) // 12} has {by_hand[largest, 0]} customers")
    return by_hand, largest


@app.cell
def _(by_hand, data, largest):
    result = data.run("cohorts", by=("first_order",))
    table = result.table("retention").to_arrow().to_pylist()
    label = f"{(largest - 1) // 12}-{(largest - 1) % 12 + 1:02d}"
    told = [row for row in table if str(row["cohort"]).startswith(label)]
    print(told[:3])
    for row in told:
        after = row["period_index"]
        assert by_hand.get((largest, after), 0) == row["active"]
    assert told
    result


@app.cell
def _(data):
    data.engine.close()


if __name__ == "__main__":
    app.run()
