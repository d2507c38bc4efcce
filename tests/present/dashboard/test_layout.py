"""Cards fill the page: no stack is empty, and none is much longer than the other."""

from __future__ import annotations

from dataclasses import dataclass

from regulars.present.dashboard.layout import Band, bands


@dataclass(frozen=True)
class Card:
    name: str
    height: int = 300
    is_broad: bool = False


def names(found: list[Band]) -> list[tuple[str, str]]:
    return [("".join(one.name for one in band.left), "".join(one.name for one in band.right)) for band in found]


def test_two_narrow_cards_stand_beside_each_other() -> None:
    assert names(bands([Card("a"), Card("b")])) == [("a", "b")]


def test_a_long_card_has_short_ones_beside_it() -> None:
    cards = [Card("a", 900), Card("b"), Card("c"), Card("d", 250)]
    assert names(bands(cards)) == [("a", "bcd")]


def test_a_narrow_card_waits_for_another_and_the_last_stands_alone() -> None:
    cards = [Card("a"), Card("B", is_broad=True), Card("c"), Card("D", is_broad=True), Card("e")]
    assert names(bands(cards)) == [("B", ""), ("a", "c"), ("D", ""), ("e", "")]


def test_nothing_stands_nowhere() -> None:
    assert bands([]) == []
