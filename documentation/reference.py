"""Reference pages, drawn from what they describe: commands, settings, tables, features, checks, Python classes."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

import typer

from documentation import markdown
from documentation.questions import all_kinds

if TYPE_CHECKING:
    from collections.abc import Iterator


def pages() -> dict[str, str]:
    """The pages by their address within the site."""
    return {
        "reference/commands.md": commands_page(),
        "reference/settings.md": settings_page(),
        "reference/tables.md": tables_page(),
        "reference/features.md": features_page(),
        "reference/checks.md": checks_page(),
        "reference/classes.md": classes_page(),
    }


def commands() -> Iterator[tuple[str, Any]]:
    """Every command by its word, those that analyses add included."""
    from regulars.cli import _verb_command, app
    from regulars.core.verb import verb_index

    group: Any = typer.main.get_command(app)
    verbs = verb_index()
    for name in group.list_commands(None):
        yield name, _verb_command(verbs[name]) if name in verbs else group.get_command(None, name)


def commands_page() -> str:
    """Every command with its arguments and options."""
    parts = [
        "# Commands\n\nEvery command tells its options with `--help`. Output meant for a machine comes with `--json`. "
        "Nothing is "
        "shown while a command works when its output is piped."
    ]
    for name, command in commands():
        rows = [_option(one) for one in command.params if one.name != "help"]
        text = f"## regulars {name}\n\n{' '.join((command.help or '').split())}"
        parts.append(f"{text}\n\n" + markdown.table(["argument or option", "default", "meaning"], rows))
    from regulars.cli import app

    parts.append(f"## Exit codes\n\n{str(app.info.epilog).partition(': ')[2].capitalize()}.")
    return "\n\n".join(parts) + "\n"


def _option(option: Any) -> list[str]:
    is_argument = option.param_type_name == "argument"
    words = (
        f"`{(option.metavar or option.name).upper()}`" if is_argument else ", ".join(f"`{one}`" for one in option.opts)
    )
    variable = getattr(option, "envvar", None)
    meaning = f"{option.help or ''}" + (f" Also from the environment: `{variable}`." if variable else "")
    default = "must be said" if option.required else "–" if option.default in (None, "", ()) else f"`{option.default}`"
    return [words, default, meaning]


def settings_page() -> str:
    """Every section of the settings file with every setting."""
    from regulars.core import config
    from regulars.core.experiment import ExperimentSettings

    sections: list[tuple[str, type]] = [
        ("[dataset]", config.DatasetSettings),
        ("[engine]", config.EngineSettings),
        ("[tables.NAME]", config.TableSettings),
        ("reader = { … } of a table", config.ReaderSettings),
        ("basket = { … } of a table", config.BasketColumn),
        ("unpivot = { … } of a table", config.Unpivot),
        ("[experiments.NAME]", ExperimentSettings),
    ]
    parts = [
        "# Settings\n\nAll that `regulars.toml` may hold. [The settings file](../settings.md) explains it by an "
        "example. "
        "An unknown name is refused, with the closest that exists.",
        *(_section(heading, kind) for heading, kind in sections),
        '## [checks]\n\nThe name of a [check](checks.md) = `"off"`.',
        "# Settings of the analyses",
        *(_section(f"[{one.name}]", one) for one in all_kinds()),
    ]
    return "\n\n".join(parts).replace("# Settings of the analyses", "## Of the analyses") + "\n"


def _section(heading: str, kind: type) -> str:
    rows = markdown.settings(kind, "")
    told = markdown.table(["setting", "default", "takes", "meaning"], rows) if rows else "No settings."
    return f"## {heading}\n\n{told}"


def tables_page() -> str:
    """The canonical tables with their columns."""
    from regulars.core.contract import CONTRACT

    parts = [
        "# Tables\n\nWhat your files are read into. All is optional but a source of purchases (`lines` or `orders`) or "
        "of profiles "
        "(`customers`). A row that lacks a *needed* column, where that column is mapped, is set aside with its reason."
    ]
    for name, told in CONTRACT.items():
        rows = [[f"`{one.name}`", one.kind, one.meaning, "needed" if one.needed else ""] for one in told.columns]
        more = f' Columns of your own are kept as {told.further}s (`further = ["…"]`).' if told.further else ""
        text = f"## {name}\n\nOne row per {told.grain}; key: {', '.join(f'`{one}`' for one in told.key)}.{more}"
        parts.append(f"{text}\n\n" + markdown.table(["column", "kind", "meaning", ""], rows))
    return "\n\n".join(parts) + "\n"


def features_page() -> str:
    """The columns of the customer view, and those that analyses add."""
    from regulars import pipeline

    rows = pipeline.listing("features")
    headings = list(rows[0])
    return (
        "# Features of customers\n\nThe customer view has one row per customer. Which columns it has depends on what "
        "is mapped; "
        "`regulars list exports/regulars.toml --features` tells for your data.\n\n"
        + markdown.table(headings, [[f"`{row[headings[0]]}`", *list(row.values())[1:]] for row in rows])
        + "\n"
    )


def checks_page() -> str:
    """The checks of the data."""
    from regulars.intake.checks.running import CHECKS

    return (
        "# Checks of the data\n\nEach run looks for what may mislead, says how many rows it concerns with examples, "
        "what was done, and "
        'how to change that. A check is silenced by its name: `[checks]`, `zero_price = "off"`.\n\n'
        + markdown.table(["check", "what it looks for"], [[f"`{name}`", meaning] for name, meaning in CHECKS.items()])
        + "\n"
    )


def classes_page() -> str:
    """The classes that Python users meet."""
    import regulars
    from regulars.core import result
    from regulars.core.chart import Chart

    kinds = [
        regulars.Dataset, regulars.Result, result.Table, result.Finding, result.Audience, result.Action, result.Caveat,
        result.ColumnInfo, Chart, regulars.Analysis, regulars.Needs, regulars.Feature,
    ]  # fmt: skip
    parts = [
        "# Python classes\n\nFrom `import regulars as rg`; the parts of a Result come with it. "
        "See [Python](../python.md)."
    ]
    parts.append(f"## load\n\n`load{inspect.signature(regulars.load)}`\n\n{markdown.summary(regulars.load)}")
    parts += [_class(one) for one in kinds]
    return "\n\n".join(parts) + "\n"


def _class(kind: type) -> str:
    told = markdown.arguments(kind)
    rows = [[f"`.{name}`", text] for name, text in told.items()]
    for name, member in vars(kind).items():
        if name.startswith("_") or not (inspect.isfunction(member) or isinstance(member, property)):
            continue
        words = f"`.{name}`" if isinstance(member, property) else f"`.{name}({_parameters(member)})`"
        rows.append([words, markdown.summary(member).split("\n\n")[0]])
    return f"## {kind.__name__}\n\n{markdown.summary(kind)}\n\n" + markdown.table(["", "what it is"], rows)


def _parameters(member: Any) -> str:
    return ", ".join(name for name in inspect.signature(member).parameters if name != "self")
