"""Vega's script, taken at run time from the bundle that vl-convert-python carries: nothing copied, nothing fetched.

It is served as a module whose only export is `vegaEmbed`, so it leaks no global names. Making it takes a second or
more, so it is kept on disk by version.
"""

from __future__ import annotations

import os
import tempfile
from importlib.metadata import version
from pathlib import Path

_SNIPPET = "export { vegaEmbed };"


def vega_version() -> str:
    """The version of the package that carries the bundle."""
    return version("vl-convert-python")


def vega_module(cache: Path | None = None) -> str:
    """The text of the module.

    Args:
        cache: The folder it is kept in; the user's own cache folder where none is given.
    """
    folder = cache or _cache_folder()
    path = folder / f"vega-{vega_version()}.js"
    try:
        return path.read_text(encoding="utf-8")
    except OSError:
        pass
    import vl_convert

    text: str = vl_convert.javascript_bundle(snippet=_SNIPPET)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", dir=folder, delete=False, encoding="utf-8") as part:
            part.write(text)
        Path(part.name).replace(path)
    except OSError:
        pass  # a cache that cannot be written costs a second at the next start, no more
    return text


def _cache_folder() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or (Path.home() / ".cache")
    return Path(base) / "regulars"
