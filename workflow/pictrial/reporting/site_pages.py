"""What stands on the site's pages that are written out: tables and figures with links to their numbers."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import pandas as pd

from pictrial.reporting.numbers import decimal
from pictrial.reporting.report_table import ReportTable
from pictrial.reporting.report_tables import build_table, table_names
from pictrial.reporting.result_tables import result_table
from pictrial.reporting.shown import Shown
from pictrial.reporting.table_layout import at_the_right, headings, sections
from pictrial.trial.plan import TrialPlan
from pictrial.trial.planned_estimands import REASONS

TEMPLATES = Path(__file__).resolve().parents[2] / "report" / "site"
#: Tables of the trial that tell of participants and losses, not of outcomes.
_OF_FLOW = ("baseline", "harms", "attrition")
#: Figures of these names, and all whose names begin with ``flow``, tell of participants and losses.
_FIGURES_OF_FLOW = ("attrition",)


@dataclass(frozen=True)
class SiteFigure:
    """A figure: name of its file, caption in HTML, and a text for those who do not see it."""

    name: str
    caption: str
    alternative: str


@dataclass(frozen=True)
class SiteTable:
    """A table, laid out for its template, and the page it stands on (``index``, ``flow`` or ``outcomes``)."""

    page: str
    heading: str
    table: ReportTable
    headings: list
    sections: list
    right: list[bool]


def site_tables(plan: TrialPlan, ard: pd.DataFrame) -> list[SiteTable]:
    """Return the tables of the trial and of every outcome."""
    pages = {"primary": "index"} | dict.fromkeys(_OF_FLOW, "flow")
    found = [(pages.get(n, "outcomes"), build_table(n, plan, ard)) for n in table_names(plan)]
    found += [("outcomes", result_table(plan, ard, outcome)) for outcome in plan.outcomes]
    return [
        SiteTable(
            page,
            table.title.removeprefix(f"{plan.title}. "),
            table,
            headings(table),
            sections(table),
            at_the_right(table),
        )
        for page, table in found
    ]


def site_figures(paths: Iterable[Path]) -> dict[str, list[SiteFigure]]:
    """Return the figures of each page (``flow``, ``outcomes``); a caption stands beside as .rst."""
    pages: dict[str, list[SiteFigure]] = {"flow": [], "outcomes": []}
    for path in paths:
        is_flow = path.stem.startswith("flow") or path.stem in _FIGURES_OF_FLOW
        beside = path.with_suffix(".rst")
        text = beside.read_text(encoding="utf-8") if beside.is_file() else path.stem.replace("_", " ")
        plain = re.sub(r"\\(.)|\*\*", r"\1", text.strip())
        first = plain.split("\n\n")[0].replace("\n", " ")
        pages["flow" if is_flow else "outcomes"].append(SiteFigure(path.name, _paragraphs(text), first))
    # Participants first, then what became of their motor units.
    pages["flow"].sort(key=lambda figure: ("flow_participants" not in figure.name, "flow" not in figure.name))
    return pages


def _paragraphs(text: str) -> str:
    from markupsafe import escape

    found = [" ".join(part.split()) for part in text.strip().split("\n\n")]
    marked = [re.sub(r"\*\*(.+?)\*\*", r"<b>\1</b>", str(escape(part))) for part in found]
    return "".join("<p>" + re.sub(r"\\(.)", r"\1", part) + "</p>" for part in marked)


def link_of(shown: Shown) -> str:
    """Return where a text's numbers can be followed: to rows of the ARD, else to the methods; else empty."""
    rows = [source for source in shown.sources if not source.startswith(("config:", "plan:", "pairs:"))]
    ids = list(dict.fromkeys(source.removeprefix("code:").split("#")[0] for source in rows))
    if ids:
        return "number.html#" + "|".join(quote(one, safe="") for one in ids)
    return "methods.html" if shown.sources else ""


def population_rows(plan: TrialPlan, ard: pd.DataFrame) -> list[tuple[str, str, str, Shown]]:
    """Return label, definition and reasons of every population, and n participants of its first analysis."""
    rows = []
    for population in plan.populations.values():
        inside = ard[(ard["population"] == population.name) & ard["value"].notna()]
        counted = Shown("no analysis")
        if len(inside):
            first = inside.sort_values("n_participants", ascending=False, kind="stable").iloc[0]
            counted = Shown(decimal(first["n_participants"], 0), (f"{first['ard_id']}#n_participants",))
        said = (REASONS.get(one) or plan.events[one].label for one in population.leaves_out)
        reasons = "; ".join(said) or "nobody"
        rows.append((population.label, population.definition, reasons, counted))
    return rows


def flat(content: object, name: str = "") -> list[tuple[str, str]]:
    """Return nested settings as pairs of a dotted name and a text."""
    if isinstance(content, dict) and content:
        return [pair for key, value in content.items() for pair in flat(value, f"{name}.{key}".strip("."))]
    if isinstance(content, list) and any(isinstance(value, dict | list) for value in content):
        return [pair for n, value in enumerate(content, start=1) for pair in flat(value, f"{name}.{n}")]
    if isinstance(content, list):
        return [(name, ", ".join(map(str, content)) or "none")]
    return [(name, "none" if content in (None, "", {}) else str(content))]
