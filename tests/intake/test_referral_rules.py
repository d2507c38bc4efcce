"""Referrals that cannot be true are set aside with their reason, or not followed; good ones never pay for bad ones."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from regulars import pipeline
from regulars.intake import referral_rules as rules

if TYPE_CHECKING:
    from regulars.core.dataset import Dataset

LINKS = """who,sponsor,day
b,a,2020-02-01
c,b,2020-03-01
c,b,2020-04-01
c,a,2020-05-01
d,d,2020-03-01
d,a,2020-03-02
e,stranger,2020-01-01
f,g,2020-01-01
g,h,2020-01-01
h,f,2020-01-01
i,h,2021-01-01
j,c,2020-02-15
,a,2020-01-01
k,null,2020-01-01
"""
MEMBERS = "id\n" + "\n".join("abcdefghijk") + "\n"


def load(folder: Path, links: str = LINKS) -> Dataset:
    (folder / "links.csv").write_text(links, encoding="utf-8")
    (folder / "members.csv").write_text(MEMBERS, encoding="utf-8")
    (folder / "regulars.toml").write_text(
        "[tables.customers]\nsource = 'members.csv'\ncolumns = { customer_id = 'id' }\n"
        "[tables.referrals]\nsource = 'links.csv'\n"
        "columns = { customer_id = 'who', sponsor_id = 'sponsor', joined_on = 'day' }\n",
        encoding="utf-8",
    )
    return pipeline.load(folder / "regulars.toml")


def tree_of(data: Dataset) -> dict[str, dict[str, Any]]:
    rows = data.collect(
        data.customers.select("customer_id", "sponsored_count", "downline_count", "referral_generation")
    )
    return {row["customer_id"]: row for row in rows.to_pylist()}


def test_every_row_is_accepted_or_set_aside_with_its_reason(tmp_path: Path) -> None:
    data = load(tmp_path)
    account = data.quality.account("referrals")
    assert account.balances
    assert (account.read, account.accepted) == (14, 4)
    assert dict(account.reasons) == {
        rules.SELF: 1, rules.UNKNOWN: 1, rules.BEFORE: 1, rules.REPEATED: 1, rules.SECOND: 1, rules.CIRCLE: 3,
        "customer_id is missing": 1, "sponsor_id is missing": 1,
    }  # fmt: skip


def test_the_network_stands_on_the_good_rows(tmp_path: Path) -> None:
    tree = tree_of(load(tmp_path))
    assert tree["a"] == {"customer_id": "a", "sponsored_count": 2, "downline_count": 3, "referral_generation": 0}
    assert tree["c"]["referral_generation"] == 2
    assert tree["d"]["referral_generation"] == 1, "the row that names d itself cost the good one"
    assert tree["h"]["sponsored_count"] == 1, "what hangs on a circle stays"
    assert tree["k"]["referral_generation"] is None


def test_an_earlier_day_knows_only_earlier_referrals(tmp_path: Path) -> None:
    from datetime import date

    early = load(tmp_path).at(date(2020, 2, 10))
    assert tree_of(early)["a"]["downline_count"] == 1


def test_a_sponsor_in_the_customers_table_is_not_followed_where_it_cannot_be_true(tmp_path: Path) -> None:
    (tmp_path / "members.csv").write_text("id,by\n1,\n2,1\n3,3\n4,9\n5,6\n6,5\n7,2\n", encoding="utf-8")
    (tmp_path / "regulars.toml").write_text(
        "[tables.customers]\nsource = 'members.csv'\ncolumns = { customer_id = 'id', sponsor_id = 'by' }\n",
        encoding="utf-8",
    )
    data = pipeline.load(tmp_path / "regulars.toml")
    told = {
        check.sentence.split(", in ")[0]: check.rows for check in data.quality.checks if check.check == "sponsor_links"
    }
    assert told == {rules.SELF: 1, rules.UNKNOWN: 1, rules.CIRCLE: 2}
    assert data.quality.account("customers").accepted == 7, "a customer was lost with the link"
    view = {row["customer_id"]: row["downline_count"] for row in data.collect(data.customers).to_pylist()}
    assert view == {1: 2, 2: 1, 3: 0, 4: 0, 5: 0, 6: 0, 7: 0}


def test_fit_hub_has_a_reason_for_every_referral(datasets: Path) -> None:
    example = Path(__file__).parent.parent.parent / "examples" / "referral-fithub" / "regulars.toml"
    account = pipeline.load(example, data=datasets / "referral_fithub").quality.account("referrals")
    assert account.read == 46
    assert account.balances
    missing = sum(rows for why, rows in account.reasons if "is missing" in why)
    assert missing == 13, "the text 'null' was taken for an id"
    assert account.accepted == 26


def test_no_good_referral_is_no_network(tmp_path: Path) -> None:
    tree = tree_of(load(tmp_path, "who,sponsor,day\na,a,2020-01-01\n"))
    assert all(row["downline_count"] == 0 and row["referral_generation"] is None for row in tree.values())
