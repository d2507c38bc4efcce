"""The run, in order: settings → data → analyses → results → run folder. It knows no analysis by name."""

from __future__ import annotations

import hashlib
import json
import time
import tomllib
from collections.abc import Callable
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from regulars.core import config
from regulars.core.analysis import Missing, Registry, missing_extras
from regulars.errors import DataError, OutputError, RegularsError, SettingsError, closest, raise_all

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from regulars.core.analysis import Analysis
    from regulars.core.config import Settings
    from regulars.core.dataset import Dataset
    from regulars.core.quality import DataQuality
    from regulars.core.result import Audience, Result
    from regulars.engine.base import Engine
    from regulars.intake.load import Loaded
    from regulars.present.run_view import Failed, RunView, SwitchedOff

Told = Callable[[str], None]
"""Called with the name of each stage as it begins."""


@dataclass
class Stages:
    """Tells each stage as it begins, and remembers how long it took."""

    told: Told = lambda _: None
    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """One stage; its seconds are added up under its name."""
        self.told(name)
        began = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - began


@dataclass(frozen=True)
class Run:
    """What a run gives back: where it is, and what it found."""

    folder: Path
    view: RunView

    @property
    def report(self) -> Path:
        """The report's file."""
        return self.folder / "report.html"


def read_settings(
    path: Path, overrides: Mapping[str, Any] | None = None, data: Path | None = None, registry: Registry | None = None
) -> Settings:
    """The settings of a file, checked against the analyses there are.

    Raises:
        SettingsError: Everything that is wrong with it, together.
    """
    registry = registry or Registry.discover()
    settings = config.load(Path(path), registry.names, overrides, data)
    registry.check(settings.analyses)
    return settings


def open_engine(settings: Settings, spark: Any = None) -> Engine:
    """The engine that the settings name, or Spark where a session is given.

    Raises:
        MissingExtraError: Spark is asked for and not installed.
        SettingsError: Spark is asked for and there is no Java, or it does not start.
    """
    if settings.engine.kind == "spark" or spark is not None:
        from regulars.engine.spark import SparkEngine

        return SparkEngine(settings.engine, spark)
    from regulars.engine.duckdb import DuckdbEngine

    return DuckdbEngine(settings.engine)


def load(path: str | Path, *, data: str | Path | None = None, spark: Any = None, **overrides: Any) -> Dataset:
    """The data of a settings file, ready to be asked.

    The engine stays open for as long as the Dataset is used; `data.engine.close()` gives its memory back.

    Args:
        path: The settings file, `regulars.toml`.
        data: Folder in which relative sources are looked up, instead of the settings file's own.
        spark: A Spark session that runs already, as in a notebook: the data are computed there, whatever `[engine]`
            says.
        **overrides: Settings as section__key=value, as in `rfm__levels=7`.

    Raises:
        RegularsError: A file, a setting or the data are not as they should be; the message says where and what to do.
    """
    registry = Registry.discover()
    named = {key.replace("__", "."): value for key, value in overrides.items()}
    settings = read_settings(Path(path), named, Path(data) if data else None, registry)
    engine = open_engine(settings, spark)
    try:
        from regulars.intake.load import load as load_data

        return load_data(settings, engine, registry).data
    except BaseException:
        engine.close()
        raise


def load_all(settings: Settings, engine: Engine, registry: Registry, told: Told, *, with_checks: bool = True) -> Loaded:
    """The data with what was set aside and where it came from, for a run or a check."""
    from regulars.intake.load import load as load_data

    return load_data(settings, engine, registry, told, with_checks=with_checks)


def run(
    settings: Settings,
    out: Path,
    *,
    told: Told = lambda _: None,
    earlier: Path | None = None,
    only: Sequence[str] = (),
    strict: bool = False,
) -> Run:
    """The whole run: read, check, analyse, write the run folder.

    Args:
        settings: The settings, read.
        out: Folder that holds the run folders.
        told: Called with the name of each stage as it begins.
        earlier: Run folder to compare with; without it the newest whole run under `out`.
        only: Names of the analyses to run; all where empty.
        strict: Stop at the first analysis that fails, instead of telling it in the report.

    Raises:
        RegularsError: Nothing could be read, or the folder cannot be written. An analysis that fails is told in
            the report.
    """
    from regulars.intake.cube import cube_tables
    from regulars.present import run_folder

    registry = Registry.discover()
    stages = Stages(told)
    run_folder.prepare(out)
    with open_engine(settings) as engine:
        with stages.stage("reading the data"):
            loaded = load_all(settings, engine, registry, told)
        results, off, failed = analyse(loaded.data, only, stages, strict=strict)
        view = _view(settings, loaded, results, off, failed, stages)
        view = replace(view, earlier=run_folder.find_earlier(out, view, earlier))
        with stages.stage("writing the report"):
            view = replace(view, timings=dict(stages.seconds))
            folder = run_folder.write(view, engine, out, loaded.set_aside, cube_tables(loaded.data))
    return Run(folder, view)


def analyse(
    data: Dataset, only: Sequence[str], stages: Stages, *, strict: bool = False
) -> tuple[list[Result], list[SwitchedOff], list[Failed]]:
    """Every analysis that the data and the installation allow; the others with what they lack."""
    from regulars.present.run_view import Failed, SwitchedOff

    analyses = data.registry.make_all(data.settings.analyses)
    with stages.stage("building the customer view"):
        data.provide(analyses)
    results: list[Result] = []
    off: list[SwitchedOff] = []
    failed: list[Failed] = []
    for analysis in _chosen(analyses, only, data.registry):
        if analysis.is_moot(data):
            continue
        missing = data.missing(analysis.needs)
        if missing:
            off.append(SwitchedOff(analysis.name, analysis.title, tuple(missing)))
            continue
        with stages.stage(analysis.title):
            try:
                results.append(_handed_out(data, analysis.run(data)))
            except DataError as reason:  # the data cannot answer, and it is said why
                off.append(
                    SwitchedOff(
                        analysis.name, analysis.title, (Missing(reason.message, reason.mend or "", is_reason=True),)
                    )
                )
            except Exception as problem:  # one analysis must not cost the others
                if strict:
                    raise
                message = str(problem) if isinstance(problem, RegularsError) else f"{type(problem).__name__}: {problem}"
                failed.append(Failed(analysis.name, analysis.title, message))
    return results, off, failed


def _chosen(analyses: Sequence[Analysis], only: Sequence[str], registry: Registry) -> list[Analysis]:
    for name in only:
        registry.get(name)  # a name that is not known is told with the closest
    return [analysis for analysis in analyses if not only or analysis.name in only]


def _handed_out(data: Dataset, result: Result) -> Result:
    """Audiences as they leave, in this one place: nobody who may not be contacted, and the highest score first."""
    view = data.customers
    silent = None
    if "contactable" in view.columns:
        silent = view.filter(~view.contactable.fill_null(True)).select("customer_id")

    def listed(audience: Audience) -> Audience:
        members = audience.members if silent is None else audience.members.anti_join(silent, "customer_id")
        return replace(audience, members=members.order_by(members.score.desc(), members.customer_id))

    return replace(result, audiences=tuple(listed(audience) for audience in result.audiences))


def _view(
    settings: Settings,
    loaded: Loaded,
    results: Sequence[Result],
    off: Sequence[SwitchedOff],
    failed: Sequence[Failed],
    stages: Stages,
) -> RunView:
    from regulars.intake.feature_facts import feature_facts
    from regulars.intake.summaries import span
    from regulars.present.run_view import RunView

    data = loaded.data
    fingerprints = {source.path: source.fingerprint for raw in loaded.raws.values() for source in raw.sources}
    used = versions(data.engine.kind)
    text = settings.path.read_text(encoding="utf-8") if settings.path else ""
    days = span(data.engine, None if data.summaries.missing("orders") else data.orders)
    return RunView(
        run_id=_run_id(data, settings, fingerprints, used),
        dataset=data.name,
        currency=data.currency,
        as_of=data.as_of,
        data_from=days.first,
        data_to=days.last,
        money=data.money,
        results=tuple(results),
        quality=data.quality,
        features=tuple(data.features.values()),
        feature_facts=feature_facts(data),
        switched_off=tuple(off),
        failed=tuple(failed),
        settings=text,
        versions=used,
        timings=dict(stages.seconds),
        fingerprints=fingerprints,
        row_counts={account.table: account.accepted + account.repaired for account in data.quality.accounts},
        min_customers=data.min_customers,
    )


def _run_id(data: Dataset, settings: Settings, fingerprints: Mapping[str, str], used: Mapping[str, str]) -> str:
    """The as-of date and a digest of settings, inputs and versions: the same of all give the same run and name."""
    said = (settings.dataset, settings.tables, settings.analyses, settings.experiments, settings.checks)
    digest = hashlib.sha256(repr(said).encode())
    digest.update(repr(sorted(fingerprints.items())).encode())
    digest.update(repr(sorted(used.items())).encode())
    return f"{data.as_of:%Y-%m-%d}-{digest.hexdigest()[:8]}" if data.as_of else f"undated-{digest.hexdigest()[:8]}"


def versions(kind: str = "duckdb") -> dict[str, str]:
    """The versions that a run on an engine of that kind depends on."""
    import platform
    from importlib.metadata import version

    names = ("regulars", "ibis-framework", "duckdb", "pyarrow", "numpy", "scipy", "altair", "vl-convert-python")
    own = ("pyspark",) if kind == "spark" else ()
    return {"python": platform.python_version(), **{name: version(name) for name in (*names, *own)}}


# -- the smaller commands ---------------------------------------------------------------------------


def expected_stages(settings: Settings) -> int:
    """About how many stages a run tells, so that time left can be estimated."""
    return 2 * len(settings.tables) + len(Registry.discover().names) + 5


def check(settings: Settings, told: Told = lambda _: None) -> DataQuality:
    """The data read and checked; nothing is written."""
    with open_engine(settings) as engine:
        return load_all(settings, engine, Registry.discover(), told).data.quality


@contextmanager
def one_result(settings: Settings, analysis: str, told: Told = lambda _: None) -> Iterator[tuple[Result, Engine]]:
    """One analysis run on its own; its engine stays open while its tables are read."""
    registry = Registry.discover()
    registry.get(analysis)
    with open_engine(settings) as engine:
        data = load_all(settings, engine, registry, told, with_checks=False).data
        told(analysis)
        yield data.run(analysis), engine


@contextmanager
def perform(
    verb: str, options: Mapping[str, Any], settings: Settings | None, run_folder: Path, told: Told = lambda _: None
) -> Iterator[tuple[Result, Engine]]:
    """A verb of an analysis; the engine stays open while its tables are read.

    The engine of the settings is opened when the verb asks for the data. They are not checked: `check` and `run` tell
    what is wrong with them.

    Args:
        verb: The word of the command.
        options: Values of its options.
        settings: The settings file, read; None where there is none, which a verb that asks for the data refuses.
        run_folder: The run whose saved models may be used.
        told: Called with the name of each stage as it begins.

    Raises:
        SettingsError: An option is refused, or the data are needed and there are no settings.
        RegularsError: As `load`, and as the verb says.
    """
    from regulars.core import parameters
    from regulars.core.verb import VerbCall, verb_index

    registry = Registry.discover()
    kind = registry.get(verb_index()[verb].analysis)
    assert kind.verb is not None  # noqa: S101  the index names only those that have one
    errors: list[RegularsError] = []
    built = parameters.build(kind.verb.options, options, verb, errors)
    raise_all(errors)
    with ExitStack() as stack:
        opened: list[tuple[Dataset, Engine]] = []

        def load_once() -> Dataset:
            if settings is None:
                raise SettingsError(f"`regulars {verb}` needs the data", mend="name the settings file, regulars.toml")
            if not opened:
                engine = stack.enter_context(open_engine(settings))
                opened.append((load_all(settings, engine, registry, told, with_checks=False).data, engine))
            return opened[0][0]

        analysis = registry.make(kind.name, settings.analyses.get(kind.name, {}) if settings else {})
        answer = analysis.perform(VerbCall(built, load_once, run_folder))
        if opened:
            data, engine = opened[0]
            yield _handed_out(data, answer), engine
        else:
            yield answer, stack.enter_context(open_engine(config.Settings()))


def export_result(result: Result, engine: Engine, out: Path) -> list[Path]:
    """The tables and audiences of a Result written to a folder."""
    from regulars.present.export import write_result

    return write_result(result, engine, out)


def init(folder: Path, name: str = "", *, force: bool = False) -> tuple[Path, list[str]]:
    """A commented settings file for a folder of exports; where it is, and what was guessed, in lines.

    Raises:
        SourceError: There is no such folder, or no file in it that can be read.
        SettingsError: A settings file is there already.
    """
    from regulars.intake.guessing import guesser, template
    from regulars.intake.sources import folder_samples

    path = folder / "regulars.toml"
    if path.exists() and not force:
        raise SettingsError(f"{path} is there already", mend="use --force to replace it")
    unread: list[RegularsError] = []
    settings = config.Settings(folder=folder)
    with open_engine(settings) as engine:
        samples = folder_samples.sample_folder(folder, engine, unread.append)
    guesses = guesser.guess(samples)
    text = template.settings_text(guesses, name or folder.resolve().name)
    config.parse(tomllib.loads(text), Registry.discover().names, folder=folder)
    path.write_text(text, encoding="utf-8")
    return path, [*guesses.lines(), *(f"not read: {problem}" for problem in unread)]


def make_demo(world: str, folder: Path, rows: int | None, seed: int) -> Path:
    """A demo world written to a folder; the settings file there. A world that was written before is replaced.

    Raises:
        SettingsError: There is no such world.
        OutputError: The folder holds something that is no demo world.
    """
    import shutil

    from regulars.demo.world import SETTINGS_FILE, TRUTH_FILE, worlds

    if world not in worlds():
        raise SettingsError(f"there is no demo world '{world}'", mend=closest(world, worlds()))
    if folder.exists() and any(folder.iterdir()):
        if not (folder / TRUTH_FILE).is_file():
            raise OutputError(f"{folder} holds files that are no demo world", mend="choose another --out")
        shutil.rmtree(folder)
    worlds()[world].write(folder, rows=rows, seed=seed)
    return folder / SETTINGS_FILE


def listing(what: str, path: Path | None = None, data: Path | None = None) -> list[dict[str, str]]:
    """What there is: analyses, features or checks, as rows of text.

    With a settings file the analyses say whether its data have what they need.
    """
    if what == "checks":
        from regulars.intake.checks.running import CHECKS

        return [{"check": name, "meaning": meaning} for name, meaning in CHECKS.items()]
    if what == "features":
        return _feature_rows(path, data)
    registry = Registry.discover()
    if path is None:
        return [_about(registry.get(name), missing_extras(registry.get(name).needs.extras)) for name in registry.names]
    settings = read_settings(path, None, data, registry)
    with open_engine(settings) as engine:
        loaded = load_all(settings, engine, registry, lambda _: None).data
        loaded.provide(registry.make_all(settings.analyses))
        return [
            _about(type(analysis), [])
            | {"missing": "; ".join(f"{one.what} ({one.mend})" for one in loaded.missing(analysis.needs)) or "nothing"}
            for analysis in registry.make_all(settings.analyses)
        ]


def _about(analysis: type[Analysis], absent: Sequence[str]) -> dict[str, str]:
    mend = "; ".join(f'pip install "regulars[{name}]"' for name in absent)
    return {
        "analysis": analysis.name,
        "question": analysis.question,
        "needs": ", ".join(analysis.needs.words) or "purchases or profiles",
        "missing": mend or "nothing",
    }


def _feature_rows(path: Path | None, data: Path | None) -> list[dict[str, str]]:
    if path is None:
        from regulars.intake.features import DECLARED

        features = [declared.feature for declared in DECLARED]
    else:
        loaded = load(path, data=data)
        loaded.provide(loaded.registry.make_all(loaded.settings.analyses))
        features = list(loaded.features.values())
        loaded.engine.close()
    return [
        {"feature": one.name, "unit": one.unit or "–", "meaning": one.meaning, "formula": one.formula}
        for one in features
    ]


def export(folder: Path, what: str, out: Path | None) -> list[str]:
    """A table or an audience of a run copied out; without a name, the names there are.

    Raises:
        OutputError: There is no such run, or the file cannot be written.
        SettingsError: There is no such table or audience, or the ending of the file is not known.
    """
    from regulars.present import export as exports

    return exports.copy_out(folder, what, out)


def serve(folder: Path, options: Mapping[str, Any], told: Told = lambda _: None) -> None:
    """The dashboard of a run, until it is stopped; `options` are the fields of `ServeOptions`."""
    from regulars.engine.run_reader import RunReader
    from regulars.present.dashboard import server

    server.serve(folder, RunReader, server.ServeOptions(**options), told)


def quality_json(quality: DataQuality) -> str:
    """Accounts and checks as JSON."""
    from regulars.present.records import to_json

    return to_json(
        {"accounts": [asdict(one) for one in quality.accounts], "checks": [asdict(one) for one in quality.checks]}
    )


def run_json(done: Run) -> str:
    """Where a run is and what it found, as JSON."""
    from regulars.present.records import findings_json

    return json.dumps(
        {"folder": str(done.folder), "report": str(done.report)} | json.loads(findings_json(done.view)), indent=1
    )
