"""The command line: init · check · run · list · show · serve · export · demo, and the verbs that analyses add.

It computes nothing: it reads words, calls the pipeline and prints what comes back. Exit codes: 0 all is well, 1 an
error of the program, 2 settings or options, 3 a source cannot be read, 4 the data cannot answer, 5 an extra is
missing, 6 more was asked for than the budget allows, 7 the output cannot be written, 130 stopped by the user.
"""

from __future__ import annotations

import dataclasses
import inspect
import json
import os
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

import typer
from typer.core import TyperCommand, TyperGroup

from regulars.core.verb import VerbEntry, verb_index
from regulars.errors import ManyErrors, RegularsError, SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from regulars.core.verb import Verb


class _Verbs(TyperGroup):
    """The commands below, and after them the verbs of the analyses; a verb is imported when it is called."""

    def list_commands(self, ctx: Any) -> list[str]:
        return [*super().list_commands(ctx), *sorted(verb_index())]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        entry = verb_index().get(cmd_name)
        return super().get_command(ctx, cmd_name) if entry is None else _VerbCommand(entry)


class _VerbCommand(TyperCommand):
    """A verb as a line of the help; its options are looked up when it is called."""

    def __init__(self, entry: VerbEntry) -> None:
        super().__init__(entry.name, help=entry.help, callback=None)
        self._entry = entry

    def make_context(self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any) -> Any:
        return _verb_command(self._entry).make_context(info_name, args, parent=parent, **extra)


app = typer.Typer(
    name="regulars",
    cls=_Verbs,
    help="Customer analytics that can be trusted: raw tables in, checked data, answers and lists of customers out.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    epilog="Exit codes: 0 well · 1 error · 2 settings · 3 source · 4 data · 5 extra missing · 6 budget · 7 output "
    "· 130 stopped",
)

SettingsFile = Annotated[Path, typer.Argument(help="The settings file, regulars.toml.")]
DataFolder = Annotated[Path | None, typer.Option("--data", help="Folder to look up relative sources in.")]
Overrides = Annotated[list[str] | None, typer.Option("--set", help="A setting, as in rfm.levels=7; may be repeated.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for a machine to read.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but the result.")]


def main() -> None:
    """The entry point: every error a user can meet is told in plain words, with its exit code."""
    try:
        app(standalone_mode=False)
    except RegularsError as problem:
        _tell(problem)
        sys.exit(problem.exit_code)
    except typer.Exit as stop:
        sys.exit(stop.exit_code)
    except (KeyboardInterrupt, typer.Abort):
        print("stopped; nothing was left half written", file=sys.stderr)
        sys.exit(130)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except Exception as problem:
        if problem.__class__.__module__.startswith(("click", "typer")) and hasattr(problem, "exit_code"):
            problem.show() if hasattr(problem, "show") else print(problem, file=sys.stderr)
            sys.exit(2)
        raise


def _tell(problem: RegularsError) -> None:
    from rich.console import Console
    from rich.text import Text

    console = Console(stderr=True, soft_wrap=True, highlight=False)
    for one in problem.errors if isinstance(problem, ManyErrors) else (problem,):
        console.print(Text.assemble(("✗ ", "bold red"), str(one)))


# -- commands ---------------------------------------------------------------------------------------


@app.command()
def init(
    folder: Annotated[Path, typer.Argument(help="The folder with your exports.")],
    name: Annotated[str, typer.Option("--name", help="Name of the company.")] = "",
    force: Annotated[bool, typer.Option("--force", help="Replace a regulars.toml that is there.")] = False,
) -> None:
    """Look at a folder of exports and write a commented regulars.toml with the mapping it guessed."""
    from regulars import pipeline

    path, lines = pipeline.init(folder, name, force=force)
    for line in lines:
        print(line)
    print(f"\nwrote {path}\nnext: regulars check {path}")


@app.command()
def check(
    settings: SettingsFile,
    data: DataFolder = None,
    set_: Overrides = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Read and check the data, and say what was found; nothing is written."""
    from regulars import pipeline

    read = pipeline.read_settings(settings, _overrides(set_), data)
    with _progress(quiet or as_json, pipeline.expected_stages(read)) as told:
        quality = pipeline.check(read, told)
    if as_json:
        print(pipeline.quality_json(quality))
        return
    from regulars.present import terminal

    terminal.show_quality(quality)


@app.command()
def run(
    settings: SettingsFile,
    out: Annotated[Path, typer.Option("--out", help="Folder that receives the run folder.")] = Path("runs"),
    data: DataFolder = None,
    set_: Overrides = None,
    only: Annotated[list[str] | None, typer.Option("--only", help="Run this analysis alone; may be repeated.")] = None,
    earlier: Annotated[Path | None, typer.Option("--earlier", help="Run folder to compare with.")] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Stop at the first analysis that fails.")] = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """The main job: read, check, analyse, and write report, tables, audiences and quarantine."""
    from regulars import pipeline

    read = pipeline.read_settings(settings, _overrides(set_), data)
    with _progress(quiet or as_json, pipeline.expected_stages(read)) as told:
        done = pipeline.run(read, out, told=told, earlier=earlier, only=only or (), strict=strict)
    _print_run(done, as_json, quiet)


@app.command()
def demo(
    world: Annotated[str, typer.Option("--world", help="Which generated company.")] = "cinema",
    out: Annotated[Path, typer.Option("--out", help="Folder for the data and the run.")] = Path("demo"),
    rows: Annotated[str, typer.Option("--rows", "--lines", help="Rows of the main table, as in 50000 or 2.4M.")] = "",
    seed: Annotated[int, typer.Option("--seed", help="Another seed draws another company.")] = 7,
    no_run: Annotated[bool, typer.Option("--no-run", help="Generate the data only.")] = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Generate a company with known truth and do the main job on it."""
    from regulars import pipeline

    with _progress(quiet or as_json, 1) as told:
        told(f"generating the world '{world}'")
        path = pipeline.make_demo(world, out / world, _count(rows), seed)
    if no_run:
        print(path)
        return
    read = pipeline.read_settings(path)
    with _progress(quiet or as_json, pipeline.expected_stages(read)) as told:
        done = pipeline.run(read, out / "runs", told=told)
    _print_run(done, as_json, quiet)


@app.command("list")
def list_(
    settings: Annotated[Path | None, typer.Argument(help="A settings file, to see what its data allow.")] = None,
    data: DataFolder = None,
    features: Annotated[bool, typer.Option("--features", help="List the columns of the customer view.")] = False,
    checks: Annotated[bool, typer.Option("--checks", help="List the checks of the data.")] = False,
    as_json: AsJson = False,
) -> None:
    """The analyses, what each needs, and whether the data and the installation have it."""
    from regulars import pipeline

    rows = pipeline.listing("features" if features else "checks" if checks else "analyses", settings, data)
    if as_json:
        print(json.dumps(rows, ensure_ascii=False, indent=1))
        return
    from regulars.present import terminal

    terminal.show_rows(rows)


@app.command()
def show(
    analysis: Annotated[str, typer.Argument(help="Name of the analysis, as `regulars list` has it.")],
    settings: Annotated[Path, typer.Argument(help="The settings file.")] = Path("regulars.toml"),
    data: DataFolder = None,
    set_: Overrides = None,
    rows: Annotated[int, typer.Option("--rows", help="Rows shown of each table.")] = 20,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """One analysis in the terminal: findings and tables."""
    from regulars import pipeline

    read = pipeline.read_settings(settings, _overrides(set_), data)
    with (
        _progress(quiet or as_json, pipeline.expected_stages(read)) as told,
        pipeline.one_result(read, analysis, told) as (result, opened),
    ):
        from regulars.present import terminal

        terminal.show_result(result, opened, rows, as_json=as_json)


@app.command()
def serve(
    run_folder: Annotated[Path, typer.Argument(help="The run folder, or the folder of all runs.")] = Path("runs"),
    host: Annotated[
        str, typer.Option("--host", help="Address to listen on; another than this machine's needs a token.")
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option("--port", help="Port to listen on; 0 takes a free one.", min=0, max=65535)
    ] = 8321,
    token: Annotated[
        str, typer.Option("--token", envvar="REGULARS_TOKEN", help="What visitors must show; made up where needed.")
    ] = "",
    names: Annotated[list[str] | None, typer.Option("--name", help="A further host name it answers to.")] = None,
    mask_ids: Annotated[bool, typer.Option("--mask-ids", help="Show hashes instead of ids of customers.")] = False,
    max_rows: Annotated[int, typer.Option("--max-rows", help="Rows of one download at most.", min=1)] = 100_000,
) -> None:
    """The dashboard of a run in the browser: look, ask, drill, take away. It reads only; Ctrl+C stops it."""
    from regulars import pipeline

    options = {
        "host": host, "port": port, "token": token, "names": tuple(names or ()), "mask_ids": mask_ids,
        "max_rows": max_rows,
    }  # fmt: skip
    pipeline.serve(run_folder, options, lambda address: print(f"dashboard: {address}", flush=True))


@app.command()
def export(
    what: Annotated[
        str, typer.Argument(help="An audience or a table of a run, as in rfm.segments; empty lists them.")
    ] = "",
    run_folder: Annotated[Path, typer.Option("--run", help="The run folder.")] = Path("runs/latest"),
    out: Annotated[Path | None, typer.Option("--out", help="File to write: .csv or .parquet.")] = None,
) -> None:
    """Copy an audience or a table out of a run, as CSV (formulas made inert) or Parquet."""
    from regulars import pipeline

    for line in pipeline.export(run_folder, what, out):
        print(line)


# -- the verbs of the analyses -----------------------------------------------------------------------


def _verb_command(entry: VerbEntry) -> Any:
    """The command of a verb: the fields of its options, then what every verb takes."""
    from regulars.core.analysis import Registry

    verb = Registry.discover().get(entry.analysis).verb
    assert verb is not None  # noqa: S101  the index names only those that have one
    kind = inspect.Parameter.KEYWORD_ONLY
    parameters = [
        inspect.Parameter(name, kind, default=default, annotation=annotation)
        for name, (annotation, default) in _verb_options(verb).items()
    ]

    def command(**values: Any) -> None:
        _perform(entry.name, values)

    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {one.name: one.annotation for one in parameters}
    own = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    own.command(entry.name, help=entry.help)(command)
    return typer.main.get_command(own)


def _verb_options(verb: Verb) -> dict[str, tuple[Any, Any]]:
    shared: dict[str, tuple[Any, Any]] = {
        "settings": (SettingsFile, Path("regulars.toml")),
        "run_folder": (
            Annotated[Path, typer.Option("--run", help="The run whose saved models are used.")],
            Path("runs/latest"),
        ),
        "out": (Annotated[Path | None, typer.Option("--out", help="Folder to write tables and audiences to.")], None),
        "data": (DataFolder, None),
        "set_": (Overrides, None),
        "as_json": (AsJson, False),
        "quiet": (Quiet, False),
    }
    hints = get_type_hints(verb.options)
    options = {
        one.name: (
            Annotated[
                hints[one.name],
                typer.Option(f"--{one.name.replace('_', '-')}", help=one.metadata.get("help", "")),
            ],
            one.default,
        )
        for one in dataclasses.fields(verb.options)
    }
    return {"settings": shared.pop("settings"), **options, **shared}


def _perform(verb: str, values: dict[str, Any]) -> None:
    from regulars import pipeline

    path, out, quiet, as_json = values.pop("settings"), values.pop("out"), values.pop("quiet"), values.pop("as_json")
    run_folder, data, overrides = values.pop("run_folder"), values.pop("data"), _overrides(values.pop("set_"))
    has_settings = path.exists() or path != Path("regulars.toml")
    read = pipeline.read_settings(path, overrides, data) if has_settings else None
    with (
        _progress(quiet or as_json, pipeline.expected_stages(read) if read else 1) as told,
        pipeline.perform(verb, values, read, run_folder, told) as (result, opened),
    ):
        if out is not None:
            for file in pipeline.export_result(result, opened, out):
                print(file)
            return
        from regulars.present import terminal

        terminal.show_result(result, opened, 20, as_json=as_json)


# -- reading and printing ---------------------------------------------------------------------------


def _overrides(texts: list[str] | None) -> dict[str, Any]:
    from regulars.core.parameters import read_text

    found: dict[str, Any] = {}
    for text in texts or ():
        key, separator, value = text.partition("=")
        if not separator or not key.strip():
            raise SettingsError(f"--set {text!r} is not understood", mend="write --set section.key=value")
        found[key.strip()] = read_text(value.strip())
    return found


def _count(text: str) -> int | None:
    """A count as people type it: 50000, 100k, 2.4M."""
    if not text:
        return None
    scale = {"k": 1_000, "m": 1_000_000}.get(text[-1].lower(), 1)
    try:
        return int(float(text[:-1] if scale > 1 else text) * scale)
    except ValueError as problem:
        raise SettingsError(f"--rows {text!r} is not a number", mend="write 50000, 100k or 2.4M") from problem


def _print_run(done: Any, as_json: bool, quiet: bool) -> None:
    if as_json:
        from regulars.pipeline import run_json

        print(run_json(done))
    elif quiet:
        print(done.report)
    else:
        from regulars.present import terminal

        terminal.show_run(done.view, done.report)


def _progress(quiet: bool, stages: int) -> AbstractContextManager[Callable[[str], None]]:
    """Progress with time left, on a terminal; nothing where the output is piped or `--quiet` is given."""
    if quiet or not sys.stderr.isatty():
        return nullcontext(lambda _: None)
    from regulars.present.terminal import progress

    return progress(stages)
