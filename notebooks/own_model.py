"""A model of your own on the features: learnt on the past as it was known, judged on what came after."""

import marimo

app = marimo.App(width="medium")


@app.cell
def _():
    import marimo as mo

    mo.md(
        """
        # Who will buy in the next half-year?

        The trap is to let the model see the future. `data.at(day)` is the company as it was known on that day, so that
        no
        feature can. We learn on one half-year, judge on the next, and set a simple rule beside the model.
        """
    )


@app.cell
def _():
    import tempfile
    from datetime import timedelta
    from pathlib import Path

    import regulars as rg
    from regulars import pipeline

    settings = pipeline.make_demo("cinema", Path(tempfile.mkdtemp()) / "cinema", 12000, 7)
    data = rg.load(settings)
    return data, timedelta


@app.cell
def _(data, timedelta):
    features = ["recency_days", "order_count", "revenue_total", "tenure_days"]

    def history(end):
        """Features as known 182 days before `end`, and whether the customer bought until then; ordered by id."""
        start = end - timedelta(days=182)
        known = data.at(start)
        rows = known.collect(
            known.customers.filter(known.customers.order_count > 0)
            .select("customer_id", *features)
            .order_by("customer_id"),
            max_rows=100_000,
        ).to_pylist()
        days = data.customer_days
        told = data.customers.select("customer_key", "customer_id")
        later = days.filter(days.day.between(start + timedelta(days=1), end)).join(told, "customer_key")
        bought = set(data.collect(later.select("customer_id").distinct(), 100_000)["customer_id"].to_pylist())
        return [[row[name] or 0.0 for name in features] for row in rows], [row["customer_id"] in bought for row in rows]

    return features, history


@app.cell
def _(data, history, timedelta):
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import roc_auc_score
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    learn_x, learn_y = history(data.as_of - timedelta(days=182))
    test_x, test_y = history(data.as_of)
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(learn_x, learn_y)
    by_model = roc_auc_score(test_y, model.predict_proba(test_x)[:, 1])
    by_rule = roc_auc_score(test_y, [-row[0] for row in test_x])  # who bought last comes first
    print(f"{len(test_y):,} customers judged; {sum(test_y):,} came back")
    print(f"area under the curve: model {by_model:.3f}, latest buyers first {by_rule:.3f}")


@app.cell
def _(data):
    data.engine.close()


if __name__ == "__main__":
    app.run()
