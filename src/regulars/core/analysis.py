"""What an analysis is, what it needs, and how it is found.

The class *is* its parameters: a frozen dataclass whose fields serve Python (`Rfm(levels=7)`), the settings file
(`[rfm] levels = 7`) and the command line (`--set rfm.levels=7`) alike. A file in `regulars/analyses/` that holds one
is found without being registered anywhere; other packages register theirs in the entry-point group
`regulars.analyses`.
"""

from __future__ import annotations

import dataclasses
import importlib
import importlib.metadata
import importlib.util
import pkgutil
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from regulars.core import parameters
from regulars.core.result import Result
from regulars.core.verb import Verb  # noqa: TC001  the annotation is read at run time
from regulars.errors import RegularsError, SettingsError, closest, raise_all

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    import ibis.expr.types as ir

    from regulars.core.dataset import Dataset
    from regulars.core.units import Unit
    from regulars.core.verb import VerbCall

Chapter = Literal["customers", "value", "segments", "campaigns", "products", "time and place", "network"]
CHAPTERS: tuple[Chapter, ...] = (
    "customers",
    "value",
    "segments",
    "campaigns",
    "products",
    "time and place",
    "network",
)
"""The chapters of report and dashboard, in order."""

ENTRY_POINTS = "regulars.analyses"
EXTRAS: dict[str, tuple[str, ...]] = {
    "forecast": ("statsforecast", "holidays"),
    "survival": ("lifelines",),
    "dashboard": ("starlette", "uvicorn"),
    "excel": ("python_calamine",),
    "databases": ("adbc_driver_manager", "connectorx"),
    "spark": ("pyspark",),
}
"""The optional parts of the program, and the modules that show that they are there."""


@dataclass(frozen=True)
class Feature:
    """One column of the customer view: name, unit, meaning and formula."""

    name: str
    unit: Unit
    meaning: str
    formula: str


@dataclass(frozen=True)
class FeatureFact:
    """What is known of a feature: of how many of the customers, and the mean where it is a number."""

    known: int
    customers: int
    mean: float | None = None


@dataclass(frozen=True)
class Needs:
    """What an analysis cannot do without.

    Args:
        tables: Canonical tables.
        columns: Columns of canonical tables or of the summary `orders`, as {"orders": {"channel"}}.
        customers: Features of the customer view.
        summaries: Shared summaries beside `orders`, `customer_days` and `customers`.
        extras: Optional parts of the program.
    """

    tables: frozenset[str] | set[str] = frozenset()
    columns: Mapping[str, set[str]] = field(default_factory=dict)
    customers: frozenset[str] | set[str] = frozenset()
    summaries: frozenset[str] | set[str] = frozenset()
    extras: frozenset[str] | set[str] = frozenset()

    @property
    def words(self) -> tuple[str, ...]:
        """Each thing that is needed, as a user would name it.

        >>> Needs(columns={"orders": {"channel"}}, customers={"segment"}).words
        ('orders.channel', 'feature segment')
        """
        return (
            *sorted(self.tables),
            *(f"{table}.{column}" for table, columns in sorted(self.columns.items()) for column in sorted(columns)),
            *(f"feature {name}" for name in sorted(self.customers)),
            *(f"summary {name}" for name in sorted(self.summaries)),
            *(f"extra {name}" for name in sorted(self.extras)),
        )


@dataclass(frozen=True)
class Missing:
    """One thing that an analysis needs and the data or the installation lack, and what would add it.

    `is_reason`: nothing is missing by name; `what` is a sentence that says why the data cannot answer.
    """

    what: str
    mend: str
    is_reason: bool = False


@dataclass(frozen=True)
class Analysis:
    """One question, and how it is answered.

    A subclass is a frozen dataclass; its fields, with defaults, are its parameters. It states the class attributes
    below and implements `run`; where it adds columns to the customer view it lists them in `provides` and implements
    `provide`.
    """

    name: ClassVar[str] = ""
    title: ClassVar[str] = ""
    question: ClassVar[str] = ""
    chapter: ClassVar[Chapter] = "customers"
    order: ClassVar[int] = 100
    """Place within the chapter; equal numbers stand in the order of their names."""
    needs: ClassVar[Needs] = Needs()
    wants: ClassVar[Needs] = Needs()
    provides: ClassVar[tuple[Feature, ...]] = ()
    verb: ClassVar[Verb | None] = None

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        cls.name = cls.__module__.rpartition(".")[2]

    def run(self, data: Dataset) -> Result:
        """The answer."""
        raise NotImplementedError

    def is_moot(self, data: Dataset) -> bool:
        """Whether the question does not arise for these data, so that nothing is said about it."""
        return False

    def provide(self, data: Dataset) -> ir.Table:
        """The customer view with the columns of `provides` added; same rows, still in the engine."""
        raise NotImplementedError

    def perform(self, call: VerbCall) -> Result:
        """What the analysis' own command does; its tables are shown, or written where `--out` is given."""
        raise NotImplementedError

    def result(self, **parts: Any) -> Result:
        """A Result with the names and parameters of this analysis filled in."""
        return Result(
            analysis=self.name,
            title=self.title,
            question=self.question,
            chapter=self.chapter,
            parameters=dataclasses.asdict(self),
            **parts,
        )


def missing_extras(extras: Iterable[str]) -> list[str]:
    """Those of the extras that are not installed.

    >>> missing_extras([])
    []
    """
    return sorted(name for name in extras if not all(_is_installed(module) for module in EXTRAS[name]))


def _is_installed(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:  # of a module within a package that is missing itself
        return False


class Registry:
    """The analyses that can be had, by name; a class is imported when it is asked for."""

    def __init__(self, loaders: Mapping[str, Callable[[], type[Analysis]]]) -> None:
        self._loaders = dict(sorted(loaders.items()))

    @classmethod
    def discover(cls) -> Registry:
        """Every file of `regulars/analyses/` and every entry point of the group `regulars.analyses`.

        Nothing is imported yet. A name of our own cannot be taken by another package.
        """
        package = importlib.util.find_spec("regulars.analyses")
        folders = list(package.submodule_search_locations or []) if package else []
        loaders: dict[str, Callable[[], type[Analysis]]] = {
            entry.name: entry.load for entry in importlib.metadata.entry_points(group=ENTRY_POINTS)
        }
        loaders |= {
            module.name: _loader(f"regulars.analyses.{module.name}")
            for module in pkgutil.iter_modules(folders)
            if not module.name.startswith("_")
        }
        return cls(loaders)

    @property
    def names(self) -> tuple[str, ...]:
        """The names, sorted."""
        return tuple(self._loaders)

    def get(self, name: str) -> type[Analysis]:
        """The class of that name.

        Raises:
            SettingsError: There is none; the message has the closest.
        """
        if name not in self._loaders:
            raise SettingsError(f"there is no analysis '{name}'", mend=closest(name, self._loaders))
        return self._loaders[name]()

    def make(self, name: str, values: Mapping[str, Any]) -> Analysis:
        """The analysis with these parameters.

        Raises:
            SettingsError: A parameter is not known or does not fit; all problems together.
        """
        errors: list[RegularsError] = []
        analysis = parameters.build(self.get(name), values, name, errors)
        raise_all(errors)
        assert analysis is not None  # noqa: S101  build returns None only with an error
        return analysis

    def check(self, settings: Mapping[str, Mapping[str, Any]]) -> None:
        """Refuse parameters that are not known or do not fit; only the analyses named are imported.

        Raises:
            SettingsError: All problems of all sections together.
        """
        errors: list[RegularsError] = []
        for name, values in settings.items():
            parameters.build(self.get(name), values, name, errors)
        raise_all(errors)

    def make_all(self, settings: Mapping[str, Mapping[str, Any]]) -> list[Analysis]:
        """Every analysis with its settings, in reading order.

        Raises:
            SettingsError: All problems of all sections together.
        """
        errors: list[RegularsError] = []
        built = [parameters.build(self.get(name), settings.get(name, {}), name, errors) for name in self.names]
        raise_all(errors)
        analyses = [analysis for analysis in built if analysis is not None]
        return sorted(analyses, key=lambda one: (CHAPTERS.index(one.chapter), one.order, one.name))


def _loader(module: str) -> Callable[[], type[Analysis]]:
    def load() -> type[Analysis]:
        found = [
            value
            for value in vars(importlib.import_module(module)).values()
            if isinstance(value, type) and issubclass(value, Analysis) and value.__module__ == module
        ]
        if len(found) != 1:
            raise RegularsError(f"{module} must hold exactly one Analysis, and holds {len(found)}")
        return found[0]

    return load


def in_order(analyses: Sequence[Analysis], present: Iterable[str]) -> list[Analysis]:
    """Those that provide columns, each after those whose columns it needs or wants.

    Args:
        analyses: The analyses of a run.
        present: Features that the view has already.

    Raises:
        RegularsError: Two provide the same column, or they need each other in a circle.
    """
    providers = [analysis for analysis in analyses if analysis.provides]
    by_feature: dict[str, Analysis] = {}
    for analysis in providers:
        for feature in analysis.provides:
            if feature.name in by_feature:
                raise RegularsError(
                    f"'{feature.name}' is provided by both {by_feature[feature.name].name} and {analysis.name}"
                )
            by_feature[feature.name] = analysis
    known = set(present)
    ordered: list[Analysis] = []
    waiting = list(providers)
    while waiting:
        ready = [one for one in waiting if not _still_to_come(one, waiting, known)]
        if not ready:
            names = ", ".join(analysis.name for analysis in waiting)
            raise RegularsError(f"these analyses need each other's columns in a circle: {names}")
        ordered += ready
        known |= {feature.name for one in ready for feature in one.provides}
        waiting = [one for one in waiting if one not in ready]
    return ordered


def _still_to_come(analysis: Analysis, waiting: Sequence[Analysis], known: set[str]) -> set[str]:
    wanted = set(analysis.needs.customers) | set(analysis.wants.customers)
    coming = {feature.name for one in waiting if one is not analysis for feature in one.provides}
    return (wanted - known) & coming
