"""What MkDocs calls while it builds the site: pages drawn from the code join those of `docs/`."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

ROOT = Path(__file__).parent.parent
for place in (ROOT, ROOT / "src"):
    if str(place) not in sys.path:
        sys.path.insert(0, str(place))

from mkdocs.structure.files import File  # noqa: E402

from documentation import glossary, questions, reference  # noqa: E402

if TYPE_CHECKING:
    from mkdocs.structure.files import Files

_OUTSIDE = re.compile(r"\[([^\]]+)\]\(\.\./((?!http)[^)#]+)(?:#[^)]*)?\)")


def on_config(config: Any) -> Any:
    """The menu of the questions is drawn from the analyses there are."""
    config.nav = [
        {"Questions": questions.nav()} if isinstance(one, dict) and "Questions" in one else one for one in config.nav
    ]
    return config


def on_files(files: Files, config: Any) -> Files:
    """Drawn pages are added; what was written by hand for a question goes into its page."""
    for address, text in drawn_pages().items():
        written = files.get_file_from_path(address)
        if written is not None:
            files.remove(written)
        files.append(File.generated(config, address, content=text))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Files) -> str:
    """A link out of `docs/` to another file of the repository becomes that file's name."""
    if page.file.src_uri.startswith(("questions/", "reference/")):
        return markdown
    return _OUTSIDE.sub(r"\1 (`\2`)", markdown)


def drawn_pages() -> dict[str, str]:
    """Every page that is drawn from the code, by its address within the site."""
    contributing = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    return {
        **questions.pages(ROOT / "docs" / "questions"),
        **reference.pages(),
        "reference/glossary.md": glossary.page(),
        "add-an-analysis.md": contributing.replace("](docs/", "]("),
    }
