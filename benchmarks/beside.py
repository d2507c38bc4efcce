"""What other tools are compared with: the same questions asked of the same files, and the answers both must give.

A peer is a script in `benchmarks/peers/` that runs in an environment of its own, built from pinned requirements. It
prints the seconds of each of its tasks and its answers; tasks and answers of the same name are compared.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

HORIZON_DAYS = 365.0


@dataclass(frozen=True)
class Peer:
    """Another tool.

    Attributes:
        name: Its name, and that of its requirements.
        script: Its script in `benchmarks/peers/`.
        about: What is compared, in words.
        note: Why the figures are not of quite the same work, where they are not.
    """

    name: str
    script: str
    about: str
    note: str = ""


PEERS = (
    Peer(
        "pandas",
        "with_pandas.py",
        "the notebook way: read, orders, customers, quintiles, monthly cohorts, months",
        "regulars makes its whole customer view, puts an interval on every share and tests groups",
    ),
    Peer(
        "openretailscience",
        "with_openretailscience.py",
        "RFM, cohorts and customers' histories, each from lines",
    ),
    Peer("lifetimes", "with_lifetimes.py", "BG/NBD: histories, and the fit", "regulars fits counted cells"),
    Peer("mlxtend", "with_mlxtend.py", "pairs of products by FP-growth, at least 0.1 % of orders"),
    Peer(
        "scikit-learn",
        "with_scikit_learn.py",
        "k-means with eight centres on nine columns of the customer view, every customer assigned",
        "regulars learns from a sample with five starts, scikit-learn from everybody with one; inertia within 3 %",
    ),
)


def build(peer: Peer, here: Path, cache: Path) -> Path:
    """The Python of the peer's environment; the environment is built where it is not there yet."""
    home = cache / peer.name
    python = home / "bin" / "python"
    if not (home / "whole").exists():
        uv = str(_beside(sys.executable, "uv"))
        subprocess.run([uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(home)], check=True)
        requirements = here / "peers" / f"{peer.name}.txt"
        install = [
            uv,
            "pip",
            "install",
            "--quiet",
            "--python",
            str(python),
            "--require-hashes",
            "-r",
            str(requirements),
        ]
        subprocess.run(install, check=True)
        (home / "whole").touch()
    return python


def _beside(executable: str, name: str) -> Path:
    from pathlib import Path

    return Path(executable).with_name(name)


def ask(peer: Peer, here: Path, cache: Path, folder: Path) -> dict[str, Any]:
    """What the peer says: seconds, answers, version, peak memory; or why it failed."""
    command = [str(build(peer, here, cache)), str(here / "peers" / peer.script), str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        return {"failed": (done.stderr.strip().splitlines() or ["no message"])[-1]}
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return told


def regulars(folder: Path, memory: str) -> dict[str, Any]:
    """The tasks as this project does them: seconds and answers."""
    from benchmarks.measure import now, opened, peak, since

    seconds: dict[str, Any] = {}
    answers: dict[str, Any] = {}
    with opened(folder, memory) as start:  # imports and the first compilation are no task, as they are not of the peers
        start.scan()
        start.summaries.get("customers")
    for name, (work, started) in TASKS.items():
        with opened(folder, memory) as start:
            if started:
                _ = start.dataset()
            began = now()
            answers |= work(start)
            seconds[name] = since(began)
    write_features(folder, memory)
    began = now()
    answers |= _k_means(folder)
    seconds["k-means"] = since(began)
    return {"seconds": seconds, "answers": answers} | peak()


def _rfm(start: Any) -> dict[str, Any]:
    data = start.dataset()
    data.registry.make("rfm", {}).run(data)
    view = data.customers
    sums = view.aggregate(
        customers=view.count(),
        orders=view.order_count.sum().cast("int64"),
        revenue=view.revenue_total.sum(),
        recency=view.recency_days.cast("int64").sum().cast("int64"),
    )
    row: dict[str, Any] = data.collect(sums, 1).to_pylist()[0]
    return row


def _cohorts(start: Any) -> dict[str, Any]:
    data = start.dataset()
    result = data.registry.make("cohorts", {"by": ("first_order",)}).run(data)
    rows = result.table("retention").to_arrow().to_pylist()
    return {"active in month 1": sum(row["active"] for row in rows if row["period_index"] == 1)}


def _chain(start: Any) -> dict[str, Any]:
    data = start.dataset()
    for name, parameters in (("overview", {}), ("rfm", {}), ("cohorts", {"by": ("first_order",)})):
        data.registry.make(name, parameters).run(data)
    return {}


def _histories(start: Any) -> dict[str, Any]:
    from regulars.measures import btyd_cells

    data = start.dataset()
    rows = data.collect(btyd_cells.order_cells(btyd_cells.buyers(data.customers)), 50_000_000)
    return {"repeat visits": int(((rows["visit_day_count"].to_numpy() - 1) * rows["customers"].to_numpy()).sum())}


def _bg_nbd(start: Any) -> dict[str, Any]:
    from regulars.measures import btyd_cells
    from regulars.models.bg_nbd import BgNbd
    from regulars.models.cells import Cells

    data = start.dataset()
    rows = data.collect(btyd_cells.order_cells(btyd_cells.buyers(data.customers)), 50_000_000)
    visits, active, tenure, weight = (rows[name].to_numpy() for name in (*btyd_cells.KEYS, "customers"))
    fit = BgNbd().fit(Cells(visits - 1, active, tenure, weight, "day"))
    return {f"BG/NBD {name}": float(value) for name, value in fit.parameters.items()}


def _pairs(start: Any) -> dict[str, Any]:
    data = start.dataset()
    orders = int(data.collect(data.orders.count(), 1)[0][0].as_py())
    pairs = data.summary("item_pairs")
    often = pairs.filter(pairs.order_count >= -(-orders // 1000))
    sums = often.aggregate(pairs=often.count(), times=often.order_count.sum().cast("int64"))
    row = data.collect(sums, 1).to_pylist()[0]
    return {"pairs": row["pairs"], "orders with these pairs": row["times"]}


CLUSTERED = (
    "order_count", "revenue_total", "recency_days", "tenure_days", "active_days", "revenue_per_item",
    "revenue_per_order", "weekend_share", "evening_share",
)  # fmt: skip
LEARNT_CUSTOMERS = 200_000


def write_features(folder: Path, memory: str) -> None:
    """Nine columns of the customer view, made comparable, for k-means on both sides."""
    import numpy as np

    from benchmarks.measure import opened

    with opened(folder, memory) as start:
        data = start.dataset()
        rows = data.collect(data.customers.select(*CLUSTERED).order_by(*CLUSTERED), 50_000_000)
    columns = [np.log1p(np.nan_to_num(rows[name].to_numpy().astype(float))) for name in CLUSTERED]
    matrix = np.column_stack([(one - one.mean()) / max(float(one.std()), 1e-9) for one in columns])
    np.save(folder / "features.npy", matrix)


def _k_means(folder: Path) -> dict[str, Any]:
    import numpy as np

    from regulars.models import clusters

    matrix = np.load(folder / "features.npy")
    drawn = np.random.default_rng(7).permutation(len(matrix))[:LEARNT_CUSTOMERS]
    centres = clusters.find_centres(matrix[drawn], 8, seed=7)
    assigned = clusters.nearest(matrix, centres)
    return {"inertia per customer": float(((matrix - centres[assigned]) ** 2).sum() / len(matrix))}


TASKS: dict[str, tuple[Callable[[Any], dict[str, Any]], bool]] = {
    "RFM from lines": (_rfm, False),
    "cohorts from lines": (_cohorts, False),
    "all of the chain": (_chain, False),
    "histories from lines": (_histories, False),
    "BG/NBD fit": (_bg_nbd, True),
    "pairs from lines": (_pairs, False),
}
"""Name, work, and whether the shared summaries are there before the clock starts."""


TOLERANCES = {"BG/NBD": 0.02, "inertia": 0.03}
"""Relative difference that is allowed to fits; everything else is counted and agrees to a millionth."""


def _tolerance(name: str) -> float:
    return next((allowed for word, allowed in TOLERANCES.items() if word in name), 1e-6)


def differing(ours: dict[str, Any], theirs: dict[str, Any]) -> list[str]:
    """The answers of both that are not the same."""
    return [
        f"{name}: {ours[name]} against {theirs[name]}"
        for name in sorted(ours.keys() & theirs.keys())
        if abs(ours[name] - theirs[name]) > _tolerance(name) * max(abs(theirs[name]), 1e-9)
    ]
