"""The way in: load a company, look at its customer view, ask one question, take the table away."""

import marimo

app = marimo.App(width="medium")


@app.cell
def _():
    import marimo as mo

    mo.md(
        """
        # The customer view

        One row per customer, made from the raw tables. It is an expression: the engine computes it where the data are,
        and only what is asked for comes here.
        """
    )
    return (mo,)


@app.cell
def _():
    import tempfile
    from pathlib import Path

    import regulars as rg
    from regulars import pipeline

    folder = Path(tempfile.mkdtemp())
    settings = pipeline.make_demo("cinema", folder / "cinema", 6000, 7)
    data = rg.load(settings)
    print(data.name, "as of", data.as_of)
    return (data,)


@app.cell
def _(data, mo):
    view = data.customers
    columns = [
        [name, data.feature(name).meaning, data.feature(name).formula] for name in ("order_count", "recency_days")
    ]
    mo.md("\n\n".join(f"**{name}**: {meaning} ({formula})" for name, meaning, formula in columns))
    return (view,)


@app.cell
def _(data, view):
    bought = view.filter(view.order_count > 0)
    by_orders = bought.group_by("order_count").aggregate(customers=bought.count(), money=bought.revenue_total.sum())
    spread = data.collect(by_orders.order_by("order_count"), max_rows=1000)
    print(spread.slice(0, 5).to_pylist())
    assert sum(spread["customers"].to_pylist()) > 0


@app.cell
def _(data):
    result = data.run("rfm")
    for finding in result.findings[:3]:
        print(f"{finding.sentence} (n = {finding.n:,}, {finding.grade})")
    result
    return (result,)


@app.cell
def _(result):
    segments = result.table("segments").to_polars()  # or to_arrow(), to_pandas()
    print(segments.head())
    segments


@app.cell
def _(data):
    data.engine.close()


if __name__ == "__main__":
    app.run()
