"""Customer analytics that can be trusted: raw customer tables in, checked data, answers and lists of customers out.

>>> import regulars as rg
>>> data = rg.load("regulars.toml")            # doctest: +SKIP
>>> data.run("rfm").table("segments").to_arrow()  # doctest: +SKIP
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from regulars.core.analysis import Analysis, Feature, Needs
    from regulars.core.dataset import Dataset
    from regulars.core.result import Result
    from regulars.errors import RegularsError
    from regulars.pipeline import load

__version__ = "0.1.0"
__all__ = ["Analysis", "Dataset", "Feature", "Needs", "RegularsError", "Result", "__version__", "load"]

_HOMES = {
    "load": "regulars.pipeline",
    "Analysis": "regulars.core.analysis",
    "Feature": "regulars.core.analysis",
    "Needs": "regulars.core.analysis",
    "Dataset": "regulars.core.dataset",
    "Result": "regulars.core.result",
    "RegularsError": "regulars.errors",
}


def __getattr__(name: str) -> Any:
    """Names are imported when they are first used, so that `import regulars` costs nothing."""
    if name not in _HOMES:
        raise AttributeError(f"module 'regulars' has no attribute '{name}'")
    import importlib

    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
