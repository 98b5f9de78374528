"""The report that people click through: a folder of pages that needs no server and no network.

Pages of the whole trial are written out; those of one number, analysis, session or motor unit are built in
the browser from ``data/``. Its scripts are loaded when they are asked for, one of each outcome and one of
each session, so that a page stays as fast with a hundred participants as with six.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from pictrial.errors import InputError
from pictrial.files import atomic_path
from pictrial.pages import render_page
from pictrial.reporting.numbers import count
from pictrial.reporting.report_table import numbers_shown
from pictrial.reporting.site_data import (
    analyses_data,
    data_script,
    outcome_data,
    packed,
    results_data,
    session_data,
    written_results,
)
from pictrial.reporting.site_pages import (
    TEMPLATES,
    flat,
    link_of,
    population_rows,
    site_figures,
    site_tables,
)
from pictrial.tables import read_table
from pictrial.trial.plan import TrialPlan

#: Pages in the order of the navigation, with their titles.
PAGES = {
    "index": "Overview",
    "flow": "Flow",
    "outcomes": "Outcomes",
    "numbers": "All numbers",
    "recordings": "Recordings",
    "exclusions": "Exclusions",
    "methods": "Methods",
}
#: Pages of one thing, filled in the browser.
DETAILS = {"number": "Number", "analysis": "Analysis", "session": "Session", "unit": "Motor unit"}
#: Sections of the configuration that are shown: how signals are processed. What is planted in a simulated
#: trial, and the conditions of imported files, may not be seen while a trial is masked.
_SETTINGS = (
    "seed",
    "conditioning",
    "channel_quality",
    "decomposition",
    "tracking",
    "motor_units",
    "vibstim",
)
_OF_A_SESSION = ("units", "unit_delta_f", "pairs", "vibstim_outcomes", "exclusions", "recording_files")


@dataclass(frozen=True)
class SiteContent:
    """What the site is made from.

    Attributes
    ----------
    plan : TrialPlan
        As the trial's stage may see it.
    entries : dict
        The file of that plan.
    settings : dict
        The effective configuration.
    stage : str
        What readers are told of masking; empty if there is nothing to tell.
    records : dict of str to dict
        What every analysis left for who judges or repeats it.
    tables : dict of str to DataFrame
        By schema: ``ard``, ``outcomes``, ``exclusions``, ``units``, ``unit_delta_f``, ``pairs``,
        ``recording_files``, and ``vibstim_outcomes`` where there is VibStim.
    events, pages : dict of (str, str) to list of Path
        Of participant and session: the table of discharges (schema ``events``); the quality page and the
        figure of VibStim.
    figures : list of Path
        SVG, each with its caption as .rst beside it.
    """

    plan: TrialPlan
    entries: dict
    settings: dict
    stage: str
    records: dict[str, dict]
    tables: dict[str, pd.DataFrame]
    events: dict[tuple[str, str], list[Path]]
    pages: dict[tuple[str, str], list[Path]]
    figures: list[Path]


def by_session(paths: Iterable[str | Path]) -> dict[tuple[str, str], list[Path]]:
    """Return files by the participant and session in their paths: ``sub-01/ses-2`` or ``sub-01_ses-2``.

    Raises
    ------
    InputError
        Where a path names neither.
    """
    found: dict[tuple[str, str], list[Path]] = {}
    for path in map(Path, paths):
        named = re.findall(r"sub-([0-9A-Za-z]+)[/_]ses-([0-9A-Za-z]+)", path.as_posix())
        if not named:
            raise InputError(path, "the path has no sub- and ses-", "Name it as BIDS does.")
        found.setdefault(named[-1], []).append(path)
    return found


def write_site(content: SiteContent, folder: str | Path) -> pd.DataFrame:
    """Write the site into `folder`, replacing what is there only when the new one is whole.

    Returns
    -------
    DataFrame
        Schema ``numbers_shown``: every number of its tables, and of its list of all numbers.
    """
    folder = Path(folder)
    with atomic_path(folder) as temporary:
        (temporary / "data").mkdir(parents=True)
        (temporary / "figures").mkdir()
        shown = _write_pages(content, temporary, folder)
        _write_data(content, temporary / "data", folder)
        for figure in content.figures:
            shutil.copyfile(figure, temporary / "figures" / figure.name)
        for name in ("site.css", "site.js", "site_table.js", "site_plots.js", "site_details.js"):
            shutil.copyfile(TEMPLATES / name, temporary / name)
    return shown


def _write_pages(content: SiteContent, temporary: Path, folder: Path) -> pd.DataFrame:
    plan, ard = content.plan, content.tables["ard"]
    tables, figures = site_tables(plan, ard), site_figures(content.figures)
    populations = population_rows(plan, ard)
    common = {"link_of": link_of, "trial": plan.title, "stage": content.stage, "navigation": PAGES}
    settings = {name: content.settings[name] for name in _SETTINGS if name in content.settings}
    for name, title in (PAGES | DETAILS).items():
        html = render_page(
            TEMPLATES / (f"{name}.html" if name in PAGES else "detail.html"),
            **common,
            page=name,
            title=title,
            tables=[table for table in tables if table.page == name],
            figures=figures.get(name, []),
            populations=populations,
            plan=plan,
            recordings=_recordings(content, folder) if name == "recordings" else [],
            n_numbers=count(len(ard), "number"),
            settings=flat(settings) if name == "methods" else [],
            planned=flat(content.entries) if name == "methods" else [],
        )
        (temporary / f"{name}.html").write_text(html, encoding="utf-8", newline="\n")
    shown = [numbers_shown(f"site/{table.page}", table.table.texts()) for table in tables]
    of_populations = [(f"population {label}", n) for label, _, _, n in populations]
    of_ard = [(one.sources[0], one) for one in written_results(plan, ard)]
    shown += [numbers_shown("site/index", of_populations), numbers_shown("site/numbers", of_ard)]
    return pd.concat(shown, ignore_index=True)


def _recordings(content: SiteContent, folder: Path) -> list[dict]:
    units, pairs = content.tables["units"], content.tables["pairs"]
    lost = content.tables["exclusions"]
    channels = lost[lost["what"] == "channel"]
    n_units, n_pairs = _counted(units), _counted(pairs)
    n_passed, n_channels = _counted(pairs[pairs["passed"].astype(bool)]), _counted(channels)
    rows = []
    for row in content.plan.sessions:
        key = (row.participant, row.session)
        rows.append(
            {
                "participant": row.participant,
                "session": row.session,
                "condition": content.plan.conditions[row.condition],
                "bad_channels": n_channels.get(key, 0),
                "units": n_units.get(key, 0),
                "pairs": n_pairs.get(key, 0),
                "passed": n_passed.get(key, 0),
                "quality": _links(content, key, folder, ".html"),
            }
        )
    return rows


def _counted(table: pd.DataFrame) -> dict[tuple[str, str], int]:
    return table.groupby(["participant", "session"]).size().to_dict()


def _links(content: SiteContent, key: tuple[str, str], folder: Path, suffix: str) -> list[str]:
    return [
        Path(os.path.relpath(path, folder)).as_posix()
        for path in content.pages.get(key, [])
        if path.suffix == suffix
    ]


def _write_data(content: SiteContent, data: Path, folder: Path) -> None:
    def write(key: str, what: object) -> None:
        (data / f"{key}.js").write_text(data_script(key, what), encoding="utf-8", newline="\n")

    plan, tables = content.plan, content.tables
    write("ard", results_data(plan, tables["ard"]))
    write("analyses", analyses_data(plan, content.entries.get("analyses", {}), content.records))
    write("exclusions", packed(tables["exclusions"], "exclusions"))
    for outcome in plan.outcomes:
        write(f"outcome-{outcome}", outcome_data(plan, tables["outcomes"], outcome))
    by_session = {
        name: dict(list(tables[name].groupby(["participant", "session"])))
        for name in _OF_A_SESSION
        if name in tables
    }
    for row in plan.sessions:
        key = (row.participant, row.session)
        own = {name: found.get(key, tables[name].iloc[:0]) for name, found in by_session.items()}
        no_ramp = pd.DataFrame({"unit_id": [], "onset": []})
        events = read_table(content.events[key][0], "events") if key in content.events else no_ramp
        write(
            f"sub-{row.participant}_ses-{row.session}",
            session_data(own, events)
            | {
                "condition": plan.conditions[row.condition],
                "period": row.period,
                "sequence": row.sequence,
                "quality": _links(content, key, folder, ".html"),
                "vibstim_figure": _links(content, key, folder, ".svg"),
            },
        )
