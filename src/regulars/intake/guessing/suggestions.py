"""What is worth telling beside the mapping: rows to set aside, traits to keep, columns left out, the currency."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

from regulars.core.contract import CONTRACT
from regulars.intake.guessing.guesses import ExcludeRule, LeftOut
from regulars.intake.guessing.profiles import is_same
from regulars.intake.guessing.vocabulary import name_score, read_name
from regulars.intake.guessing.wide_columns import unpivoted

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from regulars.intake.guessing.candidates import FileGroup
    from regulars.intake.guessing.profiles import ColumnProfile
    from regulars.intake.guessing.roles import Role

_GOOD = re.compile(
    r"\b(?:success\w*|succeeded|paid|complete[d]?|delivered|shipped|fulfilled|approved|settled|captured|ok|confirmed"
    r"|erfolg\w*|bezahlt|abgeschlossen|payée?|livrée?|pagado|completado|pagato|completato|betaald)\b",
    re.IGNORECASE,
)
_BAD = re.compile(
    r"\b(?:un\w+|not|no|fail\w*|error|cancel\w*|refus\w*|declin\w*|reject\w*|refund\w*|pending|expired|overdue|invalid"
    r"|insufficient|void\w*|return\w*|abandon\w*|chargeback|stor\w*|abgebrochen|offen|annul\w*|anul\w*|open|please|try)\b",
    re.IGNORECASE,
)
_PERSONAL = {"email", "phone", "address", "first", "last"}


def exclude_rules(role: Role) -> tuple[ExcludeRule, ...]:
    """Rows of purchases that look as if they were none."""
    if role.table not in ("lines", "orders"):
        return ()
    rules: list[ExcludeRule] = []
    profiles = role.group.profiles
    if role.column("order_id"):
        rules += _cancellations(
            profiles[role.column("order_id")], [profiles[role.column(name)] for name in _signed(role)]
        )
    for canonical, words in (("quantity", "without a positive quantity"), ("unit_price", "without a positive price")):
        column = role.column(canonical)
        count = sum(number <= 0 for number in profiles[column].present_numbers) if column else 0
        if count:
            rows = "row" if count == 1 else "rows"
            rules.append(ExcludeRule(f"{canonical} <= 0", f"{count:,} sampled {rows} {words}"))
    return tuple(rules)


def _signed(role: Role) -> list[str]:
    return [name for name in ("quantity", "amount", "paid") if role.column(name)]


def _cancellations(ids: ColumnProfile, signed: Sequence[ColumnProfile]) -> list[ExcludeRule]:
    """Order ids with a letter in front, where most have none, and with them negative numbers: cancellations."""
    found: list[ExcludeRule] = []
    prefixes = Counter(match[1] for text in ids.filled if (match := re.match(r"([A-Za-z]{1,3})[-_]?\d", text)))
    bare = sum(text.isdigit() for text in ids.filled)
    for prefix, count in prefixes.most_common(3):
        if bare < 0.8 * len(ids.filled):
            break
        rows = [place for place, text in enumerate(ids.texts) if re.match(rf"{prefix}[-_]?\d", text)]
        for profile in signed:
            numbers = [number for place in rows if (number := profile.numbers[place]) is not None]
            if numbers and sum(number < 0 for number in numbers) >= 0.9 * len(numbers):
                reason = f"{count:,} sampled rows, their {profile.name} negative: they look like cancellations"
                found.append(ExcludeRule(f"order_id starts with {prefix}", reason))
                break
    return found


def success_words(values: Iterable[str]) -> tuple[tuple[str, ...], bool]:
    """The values that speak of success, and whether any other does not.

    >>> success_words(["completed", "cancelled", "not paid"])
    (('completed',), True)
    """
    texts = sorted(set(values))
    good = tuple(text for text in texts if _is_success(text))
    return good, len(good) < len(texts)


def _is_success(text: str) -> bool:
    plain = text.replace("_", " ")
    return bool(_GOOD.search(plain)) and not _BAD.search(plain)


def success_ids(role: Role) -> tuple[str, ...]:
    """Ids of the statuses that are sales, by what their description says; none where nothing says so."""
    if role.table != "statuses" or role.column("is_success"):
        return ()
    key = role.group.profiles[role.column("status_id")]
    if role.is_derived:
        return success_words(key.distinct)[0]
    told = [profile for profile in role.group.profiles.values() if profile is not key and profile.kind in _WORDED]
    rows = [[profile.texts[place] for profile in told] for place in range(len(key.texts))]
    return tuple(
        dict.fromkeys(
            status
            for status, words in zip(key.texts, rows, strict=True)
            if status
            and any(map(_is_success, words))
            and not any(_BAD.search(word.replace("_", " ")) for word in words)
        )
    )


_WORDED = ("category", "text", "code")


_CODE = re.compile(r"[0-9]{1,2}|[A-Z]")
_MAX_CODES = 8


def codes(role: Role) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Columns of words that hold only a few numbers or single letters, whose meaning the file does not tell."""
    contract = CONTRACT[role.table]
    found: list[tuple[str, tuple[str, ...]]] = []
    for name in contract.names:
        column, kind = role.column(name), contract.column(name)
        if column and kind is not None and kind.kind == "text":
            distinct = role.group.profiles[column].distinct
            if 2 <= len(distinct) <= _MAX_CODES and all(map(_CODE.fullmatch, distinct)):
                found.append((name, tuple(sorted(distinct))))
    return tuple(found)


def further(role: Role, siblings: Sequence[Role]) -> tuple[str, ...]:
    """Columns worth keeping under their own names: traits of things, outcomes and covariates of contacts."""
    if not CONTRACT[role.table].further or role.is_derived or (role.table == "contacts" and not role.column("arm")):
        return ()
    taken = {assigned.best.column for sibling in siblings for assigned in sibling.assigned.values()}
    for sibling in siblings:
        taken |= unpivoted(sibling.unpivot, tuple(role.group.profiles))
    return tuple(name for name in role.group.profiles if name not in taken and not why_not_kept(name, role))


def why_not_kept(name: str, role: Role) -> str:
    """Why a column is not kept as a trait or measure; "" where it is."""
    profile = role.group.profiles[name]
    if reason := _why_useless(profile):
        return reason
    if role.table == "contacts":
        return "a date" if profile.kind == "date" else ""
    key = role.column(CONTRACT[role.table].key[0])
    is_trait = not key or is_same(role.group.profiles[key].texts, profile.texts)
    return "" if is_trait else f"differs between rows of the same {key}"


def _why_useless(profile: ColumnProfile) -> str:
    """Why a column tells nothing about anybody, or too much; "" where it may be kept."""
    meanings = set(read_name(profile.name).meanings)
    if profile.kind in ("empty", "list"):
        return "no value in the sample" if profile.kind == "empty" else "lists"
    if personal := meanings & _PERSONAL:
        return f"personal ({', '.join(sorted(personal))})"
    if "name" in meanings and meanings <= {"name", "customer", "referee", "sponsor"}:
        return "personal (name)"
    if profile.is_constant:
        return "the same in every row"
    is_id = profile.is_key and profile.kind in ("integer", "hex_id", "code")
    return "another id" if is_id and len(profile.texts) >= 20 else ""


def left_out(role: Role, chosen: Sequence[Role], roles: Sequence[Role], kept: Sequence[str]) -> tuple[LeftOut, ...]:
    """The columns of the files that no table takes, each with the reason."""
    siblings = [other for other in chosen if other.group is role.group]
    used = set(kept)
    for sibling in siblings:
        used |= {assigned.best.column for assigned in sibling.assigned.values()}
        used |= unpivoted(sibling.unpivot, tuple(role.group.profiles))
        used |= set(further(sibling, siblings)) if sibling is not role else set()
        used |= {sibling.basket.column} if sibling.basket else set()
    elsewhere = {
        assigned.best.column: f"{other.table} are taken from {taken.group.sources[0]}"
        for other in roles
        if other.group is role.group and other not in siblings
        for assigned in other.assigned.values()
        for taken in chosen
        if taken.table == other.table
    }
    return tuple(
        LeftOut(name, elsewhere.get(name) or _reason(name, role)) for name in role.group.profiles if name not in used
    )


def _reason(name: str, role: Role) -> str:
    if {"discount", "percent"} <= set(read_name(name).meanings):
        return "a percentage, where money is asked for"
    if CONTRACT[role.table].further and not role.is_derived:
        return why_not_kept(name, role) or "nothing asks for it"
    if reason := _why_useless(role.group.profiles[name]):
        return reason
    for table, key in (("customers", "customer_id"), ("products", "product_id")):
        own = role.column(key)
        is_asked_for = any(name_score(table, column, name) >= 0.8 for column in CONTRACT[table].names if column != key)
        if own and is_asked_for and not is_same(role.group.profiles[own].texts, role.group.profiles[name].texts):
            return f"differs between rows of the same {own}"
    return "nothing asks for it"


def number_notes(role: Role) -> tuple[str, ...]:
    """What the values of the mapped numbers leave open."""
    return tuple(
        f"the numbers in {assigned.best.column} ({role.group.profiles[assigned.best.column].filled[0]}) can be read "
        "with a decimal mark or a thousands mark: set reader = { decimal = … }"
        for assigned in role.assigned.values()
        if role.group.profiles[assigned.best.column].number.is_undecided
    )


def currency_seen(groups: Sequence[FileGroup]) -> tuple[str, str]:
    """The currency whose sign stands with the numbers or whose code fills a column, and where; empty where not one."""
    seen: dict[str, str] = {}
    for group in groups:
        for name, profile in group.profiles.items():
            for code in profile.number.signs:
                seen.setdefault(code, f"its sign was seen in {name} of {group.sources[0]}")
            if "currency" in read_name(name).meanings and len(profile.distinct) == 1:
                (code,) = profile.distinct
                if re.fullmatch(r"[A-Z]{3}", code):
                    seen.setdefault(code, f"the only value of {name} in {group.sources[0]}")
    if len(seen) != 1:
        return "", f"several were seen: {', '.join(sorted(seen))}" if seen else ""
    ((code, reason),) = seen.items()
    return code, reason
