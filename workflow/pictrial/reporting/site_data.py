"""The data behind the site's pages, as scripts that a browser can load from a folder without a server."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from pictrial.reporting.numbers import MINUS, MISSING, decimal, degrees_of_freedom, p_value
from pictrial.reporting.planned import scale_places
from pictrial.reporting.shown import Shown
from pictrial.reporting.table_cells import places
from pictrial.statistics.analysis import descriptive_of
from pictrial.tables import load_schema
from pictrial.trial.plan import TrialPlan
from pictrial.trial.populations import in_population

#: Decimals of measures; those of outcomes are in the plan.
_PLACES, _OF_SECONDS = 2, 3
#: Statistics in the unit of the outcome, printed with its decimals.
_IN_ITS_UNIT = (
    *("estimate", "mean", "sd", "mean_of_units", "sd_of_units", "ci_lower", "ci_upper"),
    *("mean_difference", "sd_difference", "standard_error"),
)
_EXACT = ("df", "df1", "df2")


def data_script(key: str, content: object) -> str:
    """Return a script that hands `content` to the page: scripts load from a folder, other files do not."""
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return f"pictrial.arrived({json.dumps(key)},{text});\n"


def packed(frame: pd.DataFrame, schema: str, columns: Iterable[str] = ()) -> dict:
    """Return a table as it is shown, column by column; repeated texts stand once.

    Parameters
    ----------
    frame : DataFrame
        Table of the schema.
    schema : str
        Its descriptions and units go along.
    columns : iterable of str
        The columns wanted; all where there are none.

    Returns
    -------
    dict
        ``n`` rows, and for every column its description, units, whether it holds numbers, the ``levels``
        (different texts) and of each row the place of its text among them.
    """
    rules = load_schema(schema)["columns"]
    found = {}
    for name in columns or [name for name in rules if name in frame]:
        rule = rules[name]
        texts = [_cell(value, name, rule) for value in frame[name].tolist()]
        found[name] = coded(texts) | {
            "about": rule["Description"],
            "unit": rule.get("Units", ""),
            "number": rule["type"] in ("number", "integer"),
        }
    return {"n": len(frame), "columns": found}


def coded(texts: list[str]) -> dict:
    """Return texts as their different ones, in order of appearance, and the place of each among them."""
    levels = {text: place for place, text in enumerate(dict.fromkeys(texts))}
    return {"levels": list(levels), "codes": [levels[text] for text in texts]}


def _cell(value: Any, name: str, rule: dict) -> str:
    if value is None or pd.isna(value):
        return MISSING
    if rule["type"] == "boolean":
        return "yes" if value else "no"
    if rule["type"] == "integer":
        return decimal(value, 0)
    if rule["type"] == "string":
        return str(value)
    if name.endswith("p_value"):
        return p_value(value)
    return decimal(value, _OF_SECONDS if rule.get("Units") == "s" else _PLACES)


def written_results(plan: TrialPlan, ard: pd.DataFrame) -> list[Shown]:
    """Return every number of the ARD (schema ``ard``) as it is written, in its order."""
    columns = ["ard_id", "analysis", "outcome", "statistic", "value"]
    return [Shown(_written(plan, *row[1:]), (row[0],)) for row in ard[columns].itertuples(index=False)]


def _written(plan: TrialPlan, analysis: str, outcome: str, statistic: str, value: float) -> str:
    if pd.isna(value):
        return MISSING
    if statistic in _EXACT:
        return degrees_of_freedom(value)
    if statistic.startswith("n_"):
        return decimal(value, 0)
    is_p = statistic.startswith("p_") or statistic in ("p", "robust_p", "least_p", "largest_p")
    if is_p and statistic not in ("p_change", "p_standard_error"):
        return p_value(value)
    if statistic not in _IN_ITS_UNIT:
        return decimal(value, _PLACES)
    if analysis in plan.analyses:
        return decimal(value, scale_places(plan, plan.analyses[analysis]))
    return decimal(value, places(plan, outcome) if outcome in plan.outcomes else _PLACES)


def results_data(plan: TrialPlan, ard: pd.DataFrame) -> dict:
    """Return the ARD for the pages, its values as they are written (``text``) and in full (``value``)."""
    table = packed(ard.drop(columns="value"), "ard", [name for name in ard if name != "value"])
    table["columns"]["text"] = coded([shown.text for shown in written_results(plan, ard)])
    table["columns"]["text"] |= {"about": "The number as it is written", "unit": "", "number": True}
    full = [MISSING if pd.isna(value) else f"{value:.10g}".replace("-", MINUS) for value in ard["value"]]
    table["columns"]["value"] = coded(full) | {"about": "The number in full", "unit": "", "number": True}
    statistics = load_schema("ard")["columns"]["statistic"]["Levels"]
    labels = {one.name: one.label for one in plan.outcomes.values()}
    labels |= {one.name: one.label for one in plan.populations.values()}
    return table | {
        "labels": labels,
        "statistics": {name: statistics[name] for name in sorted(set(ard["statistic"]))},
    }


def analyses_data(plan: TrialPlan, entries: Mapping[str, dict], records: Mapping[str, dict]) -> dict:
    """Return what was planned (`entries` of the plan) and what was found (`records`) of every analysis."""
    found: dict[str, dict] = {
        name: {
            "planned": entries.get(name, {}),
            "record": records.get(name, {}),
            "population": analysis.population,
            "sequences": list(plan.sequences_of(analysis.experiment)),
        }
        for name, analysis in plan.analyses.items()
    }
    for experiment in [None, *plan.experiments]:
        found[descriptive_of(experiment)] = {
            "planned": {"description": "Counts, means and standard deviations; nothing is tested"},
            "record": {},
            "population": plan.everyone,
            "sequences": list(plan.sequences_of(experiment)),
        }
    return found


def outcome_data(plan: TrialPlan, outcomes: pd.DataFrame, outcome: str) -> dict:
    """Return the analysis rows of an outcome, with a column for every population that says who is in it."""
    rows = outcomes[outcomes["outcome"] == outcome]
    columns = ["participant", "session", "condition", "period", "sequence", "unit_id", "standard_error"]
    table = packed(rows, "outcomes", [*columns, "n_controls", "left_out_for"])
    rule = plan.outcomes[outcome]
    texts = [decimal(None if pd.isna(v) else v, rule.decimals) for v in rows["value"]]
    table["columns"]["value"] = coded(texts) | {"about": rule.label, "unit": rule.unit, "number": True}
    for name, population in plan.populations.items():
        inside = in_population(rows, population) & rows["value"].notna()
        table["columns"][f"in {name}"] = coded(["yes" if is_in else "no" for is_in in inside]) | {
            "about": population.definition,
            "unit": "",
            "number": False,
        }
    return table | {"label": rule.label, "measure": rule.measure}


def session_data(tables: Mapping[str, pd.DataFrame], events: pd.DataFrame) -> dict:
    """Return all that is known of one session: its tables by schema, and its motor units' discharges.

    Parameters
    ----------
    tables : mapping of str to DataFrame
        Schema and the rows of this session.
    events : DataFrame
        Schema ``events``; ``onset`` in s.
    """
    times = {
        str(unit): [round(float(onset), 4) for onset in rows["onset"]]
        for unit, rows in events.groupby("unit_id", sort=True)
    }
    return {name: _without_place(packed(rows, name)) for name, rows in tables.items()} | {"discharges": times}


def _without_place(table: dict) -> dict:
    columns = {k: v for k, v in table["columns"].items() if k not in ("participant", "session")}
    return table | {"columns": columns}
