"""What a referral network comes to: generations, lines, top sponsors with the next degree, centrality, concentration.

The network is a forest (`models.graph`), so that centrality has closed forms and needs no sampling.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from regulars.models.concentration import Concentration, concentrate
from regulars.models.graph import NOBODY, Forest
from regulars.models.intervals import mean_interval, share_interval

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]
    Floats = NDArray[np.float64]

DAMPING = 0.85


@dataclass(frozen=True)
class Network:
    """A forest of members, what each brought, and what those below brought.

    Attributes:
        forest: The members, in the order of their ids.
        own: For each measure every member's own amount.
        below: For each measure the sum over everybody below.
        by_distance: Revenue 1, 2 … generations below each member.
        count_by_distance: Members 1, 2 … generations below.
    """

    forest: Forest
    own: dict[str, Floats]
    below: dict[str, Floats]
    by_distance: list[Floats]
    count_by_distance: list[Floats]


def build(keys: Ints, sponsors: Ints, own: dict[str, Floats], generations: int) -> Network:
    """The network from its members, as the summary `referral_tree` has them: each linked to another, without circles.

    Args:
        keys: The members, rising; every sponsor is one of them.
        sponsors: The sponsor's key; `NOBODY` for those nobody brought.
        own: For each measure every member's own amount; `revenue` is one of them.
        generations: Degrees below a member that are told apart.

    >>> network = build(np.array([1, 2, 3]), np.array([-1, 1, 2]), {"revenue": np.array([5.0, 3.0, 2.0])}, 2)
    >>> network.below["revenue"].tolist(), network.by_distance[1].tolist()
    ([5.0, 2.0, 0.0], [2.0, 0.0, 0.0])
    """
    forest = Forest(keys, np.where(sponsors == NOBODY, NOBODY, np.searchsorted(keys, sponsors)))
    amounts = {name: np.asarray(values, dtype=np.float64) for name, values in own.items()}
    ones = np.ones(forest.size)
    return Network(
        forest,
        amounts,
        forest.totals_below(amounts),
        forest.totals_by_distance(amounts["revenue"], generations),
        forest.totals_by_distance(ones, generations),
    )


@dataclass(frozen=True)
class Generations:
    """Members by how many sponsors stand above them; one entry per generation from 0 on.

    Attributes:
        members: How many there are.
        sponsors: How many of them brought somebody.
        active: Share of them who are active, with the ends of its interval.
        revenue: What they bought.
        mean_revenue: Per member, with the ends of its interval.
    """

    members: Ints
    sponsors: Ints
    active: tuple[Floats, Floats, Floats]
    revenue: Floats
    mean_revenue: tuple[Floats, Floats, Floats]


def by_generation(network: Network, most: int = 20) -> Generations:
    """Members by generation; those beyond `most` count with the last."""
    generation = np.minimum(network.forest.generation, most)
    size = int(generation.max()) + 1
    revenue = network.own["revenue"]

    def added(weight: Floats) -> Floats:
        return np.asarray(np.bincount(generation, weight, size), dtype=np.float64)

    members = np.bincount(generation, minlength=size)
    active, total, squares = added(network.own["is_active"]), added(revenue), added(revenue * revenue)
    low, high = mean_interval(total, squares, members)
    sponsors = added((network.forest.sponsored_count > 0).astype(np.float64))
    return Generations(
        members.astype(np.int64),
        sponsors.astype(np.int64),
        (active / members, *share_interval(active, members)),
        total,
        (total / members, low, high),
    )


def top_sponsors(network: Network, count: int) -> Ints:
    """Places of the sponsors whose downlines bought most, the first first; ties go to the smaller key."""
    sponsors = np.flatnonzero(network.forest.sponsored_count > 0)
    order = np.lexsort((sponsors, -network.below["revenue"][sponsors].round(4)))
    return np.asarray(sponsors[order[:count]])


def spread(network: Network) -> Concentration | None:
    """How unequally the purchases of sponsored members are spread over who brought them; None where there are none.

    Only those brought directly count for a sponsor, so that nothing counts twice.
    """
    sponsors = network.forest.sponsored_count > 0
    direct = network.by_distance[0][sponsors]
    if not direct.size or direct.sum() <= 0:
        return None
    return concentrate(np.ones(direct.size), direct)


@dataclass(frozen=True)
class Centrality:
    """How central each member is; arrays in the order of the forest.

    Attributes:
        degree: Links of each: those brought, and the sponsor.
        page_rank: Share of a walk that goes from members to their sponsors; sums to 1.
        betweenness: Pairs of members whose only way leads through the member.
    """

    degree: Ints
    page_rank: Floats
    betweenness: Floats


def centrality(forest: Forest) -> Centrality:
    """Degree, PageRank and betweenness of a forest, exact and in linear time.

    A walk that comes to the top of a line starts anew anywhere, so that a member's PageRank is proportional to
    Σ 0.85^distance over the member and everybody below. Between two members of a line there is one way; it leads
    through a third where that one's removal parts them: of n − 1 others in parts of sizes s, ((n − 1)² − Σ s²) ÷ 2
    pairs.

    Source: Brin & Page (1998), Computer Networks 30, pp. 107-117; Freeman (1977), Sociometry 40, pp. 35-41.

    >>> central = centrality(Forest(np.array([1, 2, 3]), np.array([NOBODY, 0, 0])))
    >>> central.betweenness.tolist(), central.page_rank.round(3).tolist()
    ([1.0, 0.0, 0.0], [0.574, 0.213, 0.213])
    """
    has_sponsor = forest.sponsor != NOBODY
    walk = 1.0 + forest.totals_below({"walk": np.ones(forest.size)}, DAMPING)["walk"]
    line = np.bincount(forest.origin, minlength=forest.size)[forest.origin]
    branch = forest.downline_count + 1.0
    squares = np.bincount(forest.sponsor[has_sponsor], branch[has_sponsor] ** 2, forest.size) + (line - branch) ** 2
    return Centrality(
        forest.sponsored_count + has_sponsor,
        walk / walk.sum() if forest.size else walk,
        ((line - 1.0) ** 2 - squares) / 2,
    )
