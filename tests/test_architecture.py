"""What must never be, read from the imports and the syntax of the source."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

SOURCE = Path(__file__).parent.parent / "src" / "regulars"
FILES = sorted(SOURCE.rglob("*.py"))
FLOORS = ("core", "measures", "engine", "models", "methods", "intake", "analyses", "present", "demo")
MAY_IMPORT = {
    "errors": set(),
    "core": {"errors", "core"},
    "measures": {"errors", "core", "measures"},
    "models": {"errors", "models"},
    "engine": {"errors", "core", "engine"},
    "intake": {"errors", "core", "measures", "models", "engine", "intake"},
    "methods": {"errors", "core", "measures", "models", "methods"},
    "analyses": {"errors", "core", "measures", "models", "methods"},
    "present": {"errors", "core", "models", "present"},
    "demo": {"errors", "demo"},
    "pipeline": {"errors", "core", "engine", "intake", "present", "demo"},
    "cli": {"errors", "core", "pipeline", "present"},
}


def floor_of(path: Path) -> str:
    relative = path.relative_to(SOURCE)
    return relative.parts[0] if len(relative.parts) > 1 else relative.stem


def imports_of(path: Path) -> list[tuple[str, bool]]:
    """Every imported module, and whether the import is for the type checker alone."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for_types: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            for_types |= {id(child) for child in ast.walk(node)}
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [(alias.name, id(node) in for_types) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            found += [(node.module or "", id(node) in for_types)]
            found += [(f"{node.module}.{alias.name}", id(node) in for_types) for alias in node.names]
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_a_floor_imports_only_from_below(path: Path) -> None:
    floor = floor_of(path)
    if floor == "__init__":
        return
    for module, for_types in imports_of(path):
        parts = module.split(".")
        if parts[0] != "regulars" or len(parts) < 2 or (for_types and floor == "core" and parts[1] == "core"):
            continue
        if for_types and floor != "models":
            continue  # a name for the type checker brings no code in
        assert parts[1] in MAY_IMPORT[floor], f"{path.relative_to(SOURCE)} imports {module}"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_backends_stay_in_the_engine_and_pandas_nowhere(path: Path) -> None:
    for module, for_types in imports_of(path):
        first = module.split(".")[0]
        assert first != "pandas", f"{path} imports pandas"
        if first in ("duckdb", "pyspark") and not for_types:
            assert floor_of(path) == "engine", f"{path} imports {first}"
        if floor_of(path) == "models":
            assert first not in ("ibis", "pyarrow", "duckdb"), f"{path} imports {first}"


def test_an_analysis_never_imports_another() -> None:
    for path in SOURCE.joinpath("analyses").glob("*.py"):
        for module, _ in imports_of(path):
            assert not module.startswith("regulars.analyses"), f"{path} imports {module}"


def test_nothing_below_names_an_analysis() -> None:
    names = {path.stem for path in SOURCE.joinpath("analyses").glob("*.py")} - {"__init__"}
    assert names
    for path in [*SOURCE.joinpath("present").rglob("*.py"), SOURCE / "pipeline.py", SOURCE / "cli.py"]:
        if not path.exists():
            continue
        words = {
            node.value
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
            if isinstance(node, ast.Constant)
        }
        assert not names & {word for word in words if isinstance(word, str)}, f"{path} names an analysis"


def test_no_circles_between_modules() -> None:
    graph: dict[str, set[str]] = {}
    modules = {".".join(("regulars", *path.relative_to(SOURCE).with_suffix("").parts)) for path in FILES}
    for path in FILES:
        name = ".".join(("regulars", *path.relative_to(SOURCE).with_suffix("").parts))
        graph[name] = {module for module, for_types in imports_of(path) if module in modules and not for_types}
    done: set[str] = set()

    def visit(name: str, above: tuple[str, ...]) -> None:
        assert name not in above, " → ".join((*above[above.index(name) :], name))
        if name in done:
            return
        for other in sorted(graph[name]):
            visit(other, (*above, name))
        done.add(name)

    for name in sorted(graph):
        visit(name, ())


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_no_clock_no_chance_no_bag_of_helpers(path: Path) -> None:
    assert path.stem not in ("utils", "helpers", "common", "misc")
    text = path.read_text(encoding="utf-8")
    tree = ast.parse(text)
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            assert ast.unparse(node) not in (
                "datetime.now",
                "date.today",
                "datetime.utcnow",
                "random.random",
                "np.random.rand",
            ), path
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("default_rng"):
            assert node.args or node.keywords, f"{path}: an unseeded generator"
    if path.name == "__init__.py" and path.parent != SOURCE:
        code = [node for node in tree.body if not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))]
        assert not code, f"{path} holds code"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_raw_sql_lives_only_in_the_engine(path: Path) -> None:
    if floor_of(path) == "engine":
        return
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            assert node.func.attr not in ("raw_sql", "execute", "executemany", "sql_query"), f"{path}:{node.lineno}"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_files_stay_short(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 500, f"{path} wants to be two rooms"
