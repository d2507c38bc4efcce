"""What to do, ranked by money."""

from __future__ import annotations

from regulars.core.result import Action, Evidence, Finding, Result
from regulars.present.actions import rank_actions


def result(name: str, *actions: Action, stake: float | None = None) -> Result:
    finding = Finding(f"{name}.told", "So it is.", 1.0, "share", 40, Evidence("t"), at_stake=stake)
    return Result(name, name, "?", "value", findings=(finding,), actions=actions)


def test_the_most_money_comes_first_and_what_has_none_keeps_its_order() -> None:
    results = [
        result("a", Action("a.1", "one", "why"), Action("a.2", "two", "why", expected_value=10.0)),
        result("b", Action("b.1", "three", "why", finding="b.told"), stake=-500.0),
        result("c", Action("c.1", "four", "why"), Action("c.2", "five", "why", finding="c.told"), stake=float("nan")),
    ]
    ranked = rank_actions(results, {})
    assert [one.action.key for one in ranked] == ["b.1", "a.2", "a.1", "c.1", "c.2"]
    assert [one.money for one in ranked] == [500.0, 10.0, None, None, None]


def test_one_list_of_customers_is_told_once_and_an_empty_one_not_at_all() -> None:
    audiences = {"first": "slipping", "empty": "nobody", "second": "slipping", "third": "", "fourth": ""}
    actions = [Action(f"a.{name}", name, "why", audience) for name, audience in audiences.items()]
    ranked = rank_actions([result("a", *actions)], {("a", "nobody"): 0, ("a", "slipping"): 4})
    assert [one.action.key for one in ranked] == ["a.first", "a.third", "a.fourth"]
    assert [other.key for other in ranked[0].also] == ["a.second"]
