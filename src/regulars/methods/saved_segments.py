"""Segments kept with a run: the tree as JSON, and the forest that foretells the next segment as skops; never pickle."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from regulars.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from regulars.models.clusters import Tree
    from regulars.models.movement import NextSegment

_TREE, _FOREST = "segments.json", "next_segment.skops"
_TRUSTED = ("sklearn.tree._tree.Tree",)
_VERSION = 1


@dataclass(frozen=True)
class SavedSegments:
    """What is needed to give new customers their segment, and the one to come.

    Args:
        tree: The segments.
        names: Of its leaves.
        months: Length of the window that the features are counted in; 0: the whole history.
        next_segment: Tells the next one; None where too little was known to learn it.
    """

    tree: Tree
    names: tuple[str, ...]
    months: int
    next_segment: NextSegment | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        """Every feature that is read."""
        further = self.next_segment.features if self.next_segment else ()
        return tuple(dict.fromkeys((*self.tree.features, "order_count", *further)))

    @property
    def rule(self) -> str:
        """What foretells the next segment, in words; nothing where none was learnt."""
        return self.next_segment.rule if self.next_segment else ""

    def save(self, folder: Path) -> None:
        """Write the model's files."""
        following = self.next_segment
        content: dict[str, Any] = {
            "version": _VERSION, "months": self.months, "names": list(self.names), "tree": self.tree.to_content(),
            "next": None if following is None else {
                "rule": following.rule, "features": list(following.features), "states": list(following.states),
                "shares": [list(row) for row in following.shares],
            },
        }  # fmt: skip
        text = json.dumps(content, ensure_ascii=False, indent=1, allow_nan=False)
        (folder / _TREE).write_text(text, encoding="utf-8", newline="\n")
        if following is not None and following.forest is not None:
            import skops.io

            skops.io.dump(following.forest, folder / _FOREST)

    @classmethod
    def load(cls, folder: Path) -> SavedSegments:
        """The model that `save` wrote.

        Raises:
            DataError: There is none, it is of another version, or the forest holds what it should not.
        """
        from regulars.models.clusters import Tree
        from regulars.models.movement import NextSegment

        if not (folder / _TREE).is_file():
            raise DataError(
                f"there are no saved segments in {folder}", mend="run first, or name the run folder with --run"
            )
        try:
            content = json.loads((folder / _TREE).read_text(encoding="utf-8"))
            if content["version"] != _VERSION:
                raise DataError("the saved segments are of another version", mend="run the analysis again")
            names, told = tuple(content["names"]), content["next"]
            following = None
            if told is not None:
                forest = _load_forest(folder / _FOREST) if (folder / _FOREST).is_file() else None
                shares = tuple(tuple(float(one) for one in row) for row in told["shares"])
                states = tuple(told["states"])  # the segments in their own order, then being silent
                following = NextSegment(told["rule"], tuple(told["features"]), states[:-1], states, shares, forest)
            return cls(Tree.from_content(content["tree"]), names, int(content["months"]), following)
        except (KeyError, TypeError, ValueError) as problem:
            raise DataError("the saved segments cannot be read", mend="run the analysis again") from problem

    def score(self, columns: Mapping[str, Any]) -> dict[str, Any]:
        """`segment`, and `next_segment` with its chance, of customers given as arrays by feature.

        Raises:
            DataError: A feature is missing; the message names all that are.
        """
        import numpy as np

        missing = [name for name in self.columns if name not in columns]
        if missing:
            raise DataError(
                f"the file lacks {', '.join(missing)}, which the segments are made from",
                mend="give every feature a column of that name; a single missing value may stay empty",
            )
        values = {name: np.asarray(columns[name], dtype=float) for name in self.columns}
        leaves = self.tree.assign(values, values["order_count"])
        found: dict[str, Any] = {"segment": [self.names[leaf] for leaf in leaves]}
        if self.next_segment is not None:
            found |= self.next_segment.predict({**values, **found})
        return found


def _load_forest(path: Path) -> Any:
    import skops.io

    found = skops.io.get_untrusted_types(file=path)
    strange = [name for name in found if name not in _TRUSTED]
    if strange:
        raise DataError(f"the saved forest holds {', '.join(strange)}, which no forest needs", mend="run again")
    return skops.io.load(path, trusted=found)
