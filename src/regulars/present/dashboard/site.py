"""What the pages of one run show: filters, cards, customers and audiences put together, and templates filled."""

from __future__ import annotations

import json
from collections import OrderedDict
from dataclasses import replace
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

from regulars.core.units import write
from regulars.present import words
from regulars.present.compare import compare_runs
from regulars.present.dashboard import filters as filter_words
from regulars.present.dashboard.audience import OPERATORS, AudienceBuilder, audience_address
from regulars.present.dashboard.cards import Cards
from regulars.present.dashboard.filters import Filters, RefusedError, choices
from regulars.present.dashboard.follow import Followers
from regulars.present.dashboard.layout import bands
from regulars.present.dashboard.live import LiveBoard
from regulars.present.dashboard.live_spec import live_spec
from regulars.present.dashboard.lookup import Lookup
from regulars.present.dashboard.saved_run import other_runs
from regulars.present.records import read_findings
from regulars.present.report.page import anchor, finalize, vocabulary
from regulars.present.report.terms import Terms
from regulars.present.tables import view_of

if TYPE_CHECKING:
    from regulars.present.dashboard.audience import Clause
    from regulars.present.dashboard.saved_run import SavedRun

MOST_IMPORTANT = 5
SHOWN_CUSTOMERS = 20
_KEPT_PAGES = 64
"""About 200 kB each."""
Pairs = list[tuple[str, str]]


class Site:
    """The pages of one run.

    Args:
        run: The run.
        max_rows: Rows of one download at most.
    """

    def __init__(self, run: SavedRun, max_rows: int) -> None:
        self.run = run
        self.max_rows = max_rows
        self.choices = choices(run)
        followers = Followers(run)
        self.followers = followers
        self.cards = Cards(run, self.choices, followers)
        self.board = LiveBoard(run, self.choices)
        self.lookup = Lookup(run) if run.has("customers") else None
        self.audiences = AudienceBuilder(run) if run.has("customers") else None
        self._environment = _environment()
        self._pages: OrderedDict[str, str] = OrderedDict()
        self._lock = Lock()

    def filters(self, pairs: Pairs) -> Filters:
        """The filters of an address.

        Raises:
            RefusedError: One of them is not among what there is.
        """
        filter_words.bounded(pairs)
        return filter_words.read(pairs, self.choices)

    # -- pages --------------------------------------------------------------------------------------

    def overview(self, pairs: Pairs) -> str:
        """The first page: key figures, findings and live cards; kept by what is chosen, because a run never changes."""
        filters = self.filters(pairs)
        key = filters.query()
        with self._lock:
            if key in self._pages:
                self._pages.move_to_end(key)
                return self._pages[key]
        ranked = words.rank_findings(self.run.view.results)
        live = self.board.live(filters) if self.choices.months else None
        page = self._fill(
            "overview.html.j2", filters, "/",
            live=live,
            bands=bands(live.cards) if live else [],
            specs={card.name: json.dumps(live_spec(card)) for card in live.cards} if live else {},
            drawn={card.name: json.dumps(card.drawn) for card in live.cards} if live else {},
            most_important=ranked[:MOST_IMPORTANT],
            finding_count=len(ranked),
            stops=[(one, caveat) for one in self.run.view.results for caveat in one.caveats
                   if caveat.severity == "stop"],
        )  # fmt: skip
        with self._lock:
            self._pages[key] = page
            if len(self._pages) > _KEPT_PAGES:
                self._pages.popitem(last=False)
        return page

    def chapter(self, name: str, pairs: Pairs) -> str:
        """A chapter: its Results with their cards."""
        filters = self.filters(pairs)
        path = f"/chapter/{name}"
        pages = self.cards.pages(name, filters, path)
        places = {card.anchor for page in pages for card in page.cards}
        return self._fill("chapter.html.j2", filters, path, pages=pages, chapter=pages[0].result.chapter, places=places)

    def customers(self, pairs: Pairs) -> str:
        """The look-up: a customer where one is asked for, else where to ask."""
        filters = self.filters(pairs)
        if self.lookup is None or self.audiences is None:
            raise RefusedError(404, "This run has no table of customers.", "make the run again")
        typed = next((value for name, value in pairs if name == "id"), "")
        found = self.lookup.find(typed) if typed.strip() else None
        return self._fill(
            "customers.html.j2", filters, "/customers",
            typed=typed,
            found=found,
            chart=json.dumps(found.chart) if found and found.chart else "",
            first=self._members((), Filters()) if not found else None,
        )  # fmt: skip

    def audience(self, pairs: Pairs) -> str:
        """The audience builder."""
        filters = self.filters(pairs)
        builder, clauses = self._asked(pairs)
        return self._fill(
            "audience.html.j2", filters, "/audience",
            features=builder.choices,
            operators=OPERATORS,
            clauses=clauses,
            size=builder.size(clauses, filters),
            reason=builder.reason(clauses, filters),
            members=self._members(clauses, filters),
            score=builder.score,
            csv=audience_address(clauses, filters, "/audience/list.csv"),
            kept=_pairs(filters.query()),
        )  # fmt: skip

    def _asked(self, pairs: Pairs) -> tuple[AudienceBuilder, tuple[Clause, ...]]:
        if self.audiences is None:
            raise RefusedError(404, "This run has no table of customers.", "make the run again")
        return self.audiences, self.audiences.read(pairs)

    def _members(self, clauses: tuple[Clause, ...], filters: Filters) -> Any:
        """The first customers of an audience."""
        from regulars.core.result import ColumnInfo, Table

        builder = self.audiences
        assert builder is not None  # noqa: S101  asked for only where there are customers
        names = ["customer_id", *([builder.score] if builder.score else []), *builder.columns(clauses)[:7]]
        rows = self.run.reader.rows(
            "customers", names, builder.tests(clauses, filters), builder.order(), SHOWN_CUSTOMERS
        )
        infos = []
        for name in names:
            feature = self.run.features.get(name)
            infos.append(ColumnInfo(name, feature.unit if feature else "", feature.meaning if feature else ""))
        table = Table("members", "The first customers", rows, tuple(infos))
        return view_of(table, rows, rows.num_rows, self.run.currency)

    def quality(self, pairs: Pairs) -> str:
        """Data quality, what could not be answered, and how the run was computed."""
        found = self.run.view.quality.checks
        if self.run.is_masked:  # examples are rows as they stood, and sentences may name the ids they are about
            found = tuple(replace(one, examples=(), sentence=one.check.replace("_", " ").capitalize()) for one in found)
        return self._fill(
            "quality_page.html.j2", self.filters(pairs), "/quality",
            checks=words.rank_checks(found),
            quality=words.quality_sentences(replace(self.run.view.quality, checks=found)),
            dictionary=words.dictionary_sentences(self.run.view),
            total_seconds=sum(self.run.view.timings.values()),
            is_masked=self.run.is_masked,
        )  # fmt: skip

    def compare(self, pairs: Pairs) -> str:
        """This run beside another one of the same folder."""
        filters = self.filters(pairs)
        others = other_runs(self.run.path)
        name = next((value for key, value in pairs if key == "with" and value), "")
        comparison = None
        if name:
            if name not in others:
                raise RefusedError(404, f"There is no run “{name[:80]}” beside this one.", "choose one of the list")
            earlier = read_findings(self.run.path.parent / name / "findings.json")
            comparison = compare_runs(earlier, self.run.view.results, self.run.currency)
        chapters = {
            one.analysis: f"/chapter/{anchor(one.chapter)}#{anchor(one.analysis)}" for one in self.run.view.results
        }
        return self._fill(
            "compare.html.j2", filters, "/compare", others=others, other=name, comparison=comparison, addresses=chapters
        )

    def refusal(self, status: int, message: str, mend: str) -> str:
        """The page of a request that cannot be answered."""
        return self._fill("refusal.html.j2", Filters(), "", status=status, message=message, mend=mend)

    def _fill(self, template: str, filters: Filters, path: str, **content: Any) -> str:
        view = self.run.view
        terms = Terms()
        menu = [("/", "Overview"), *((f"/chapter/{anchor(name)}", name.capitalize()) for name, _ in view.chapters)]
        menu += [("/customers", "Customer look-up"), ("/audience", "Audience builder"), ("/quality", "Data quality")]
        menu += [("/compare", "Compare runs")]
        page: str = self._environment.get_template(template).render(
            **vocabulary(view, terms),
            run=view,
            filters=filters,
            choices=self.choices,
            titles=filter_words.TITLES,
            measures=filter_words.MEASURES,
            measure=self.board.measure(filters) if self.choices.measures else "",
            path=path,
            menu=menu,
            data_to=write(view.data_to, "date"),
            max_rows=self.max_rows,
            masked=self.run.is_masked,
            **content,
        )
        return page


def _environment() -> Any:
    import jinja2

    folder = Path(__file__).parent
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader([folder / "templates", folder.parent / "report"]),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=finalize,
    )


def _pairs(query: str) -> Pairs:
    from urllib.parse import parse_qsl

    return parse_qsl(query)
