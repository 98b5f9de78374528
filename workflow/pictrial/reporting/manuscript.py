"""The manuscript: methods from plan and configuration, results from the ARD, set as a PDF."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from pictrial.files import atomic_path, write_text
from pictrial.reporting.live_text import LiveText, check_live_text
from pictrial.reporting.manuscript_results import typst_text
from pictrial.reporting.manuscript_words import ManuscriptWords
from pictrial.reporting.report_table import ReportTable, numbers_shown
from pictrial.reporting.report_tables import build_table, table_names
from pictrial.reporting.shown import Results, Shown
from pictrial.trial.plan import TrialPlan

TEMPLATES = Path(__file__).resolve().parents[2] / "report" / "manuscript"

_TABLES = ("baseline", "primary", "harms")


def manuscript_tables(plan: TrialPlan, ard: pd.DataFrame) -> list[ReportTable]:
    """Return the tables that are set in the manuscript, that of harms where any were recorded."""
    tables = [build_table(name, plan, ard) for name in _TABLES if name in table_names(plan)]
    unknown = [one for one in tables if one.name == "trial/harms" and one.columns[-1].name != "events_all"]
    return [one for one in tables if one not in unknown]


def manuscript_text(
    plan: TrialPlan,
    ard: pd.DataFrame,
    settings: Mapping,
    stage: str,
    figures: Mapping[str, str],
    tables: Sequence[ReportTable] = (),
) -> tuple[str, list[tuple[str, Shown]]]:
    """Write the manuscript in typst.

    Parameters
    ----------
    plan : TrialPlan
    ard : DataFrame
        Schema ``ard``.
    settings : mapping
        The configuration with every default filled in.
    stage : str
        Sentence on masking and lock.
    figures : mapping of str to str
        Name of each figure and its PDF, relative to the folder of results.
    tables : sequence of ReportTable
        Set at the end.

    Returns
    -------
    str
        The document.
    list of (str, Shown)
        Every number of it: heading of the section, and what stands there.

    Raises
    ------
    InputError
        Where the template holds a number of its own, or what `live_text.UNWANTED` lists.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    live = LiveText(typst_text)
    words = ManuscriptWords(plan, Results(ard), settings, live)
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        undefined=StrictUndefined,
        autoescape=False,
        variable_start_string="<<",
        variable_end_string=">>",
        block_start_string="<%",
        block_end_string="%>",
        comment_start_string="<#",
        comment_end_string="#>",
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {"text": typst_text}
    environment.globals |= {name: getattr(words, name) for name in dir(words) if not name.startswith("_")}
    template = environment.get_template("manuscript.typ.jinja")
    marked = template.render(plan=plan, stage=typst_text(stage), figures=figures, tables=tables)
    text = check_live_text(marked, str(TEMPLATES / "manuscript.typ.jinja"))
    return text, live.places(marked)


def write_manuscript(
    text: str, texts: list[tuple[str, Shown]], results: str | Path, folder: str | Path
) -> pd.DataFrame:
    """Write the manuscript's typst file, its style and its PDF; return which numbers it shows.

    Parameters
    ----------
    text, texts
        From `manuscript_text`.
    results : str or Path
        Folder of results, which the figures' paths begin at.
    folder : str or Path
        Where ``manuscript.typ``, ``style.typ`` and ``manuscript.pdf`` are written, within `results`.
    """
    import typst

    folder = Path(folder)
    write_text(folder / "style.typ", (TEMPLATES / "style.typ").read_text(encoding="utf-8"))
    write_text(folder / "manuscript.typ", text)
    with atomic_path(folder / "manuscript.pdf") as temporary:
        # Its own fonts only, and no date: the same bytes on every machine.
        typst.compile(
            str(folder / "manuscript.typ"),
            output=str(temporary),
            root=str(results),
            format="pdf",
            ignore_system_fonts=True,
        )
    return numbers_shown("paper/manuscript", texts)
