"""What the manuscript says of plan, configuration and tables: each function returns marked text for typst."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib.metadata import version as version_of

from pictrial.motor_units.aggregation import AGGREGATIONS
from pictrial.reporting.live_text import LiveText
from pictrial.reporting.manuscript_results import ManuscriptResults, typst_text
from pictrial.reporting.numbers import decimal
from pictrial.reporting.planned import analysis_label, experiments_of, lower
from pictrial.reporting.report_table import ReportTable
from pictrial.reporting.shown import Results, Shown
from pictrial.statistics.fitted_model import CONFIDENCE
from pictrial.trial.plan import TrialPlan
from pictrial.trial.planned_analyses import Analysis, Family
from pictrial.trial.planned_estimands import Estimand

_DF_NAMES = {"kenward-roger": "Kenward and Roger", "satterthwaite": "Satterthwaite"}
_SMOOTHERS = {
    "spline": "a penalised cubic spline",
    "polynomial": "a polynomial",
    "svr": "support-vector regression",
    "hanning": "a Hanning window",
}
_DESIGNS = {"crossover": "crossover", "parallel": "parallel-group trial", "single_session": "single session"}
_PROCEDURES = {
    "dunnettx": "Dunnett's procedure (approximated)",
    "mvt": "the multivariate t distribution",
    "fixed_sequence": "a fixed sequence of tests",
    "graphical": "a graphical procedure",
    **{
        name: f"{name.capitalize()}'s procedure"
        for name in ("bonferroni", "holm", "hochberg", "hommel", "tukey")
    },
    "sidak": "Šidák's procedure",
}
_ENDINGS = {1: "st", 2: "nd", 3: "rd"}


class ManuscriptWords(ManuscriptResults):
    """The vocabulary of the manuscript's template.

    Parameters
    ----------
    plan : TrialPlan
    results : Results
    settings : mapping
        The configuration with every default filled in.
    live : LiveText
        Is told every number.
    """

    def __init__(self, plan: TrialPlan, results: Results, settings: Mapping, live: LiveText):
        super().__init__(plan, results, live)
        self._settings = settings
        self.design_name = _DESIGNS[plan.design]
        self.arms = "arm" if plan.design == "parallel" else "sequence"
        self.title = json.dumps(plan.title, ensure_ascii=False)
        self.ramps = any(o.measure.split(".")[0] in ("delta_f", "units") for o in plan.outcomes.values())
        self.estimands = list(plan.estimands.values())
        of_primary = [analysis.outcome for analysis in self.primary]
        self.shown_outcomes = [
            name
            for name in dict.fromkeys((*of_primary, *plan.outcomes))
            if experiments_of(plan, results, name)
        ]
        roles = dict.fromkeys(a.role for a in plan.analyses.values())
        self.roles = {role: [a for a in plan.analyses.values() if a.role == role] for role in roles}
        self.confidence = live.show(Shown(decimal(100 * CONFIDENCE, 0), ("code:CONFIDENCE",)))
        self.version = live.show(Shown(version_of("pictrial"), ("code:version",)))

    # Configuration and plan

    def value(self, key: str):
        """Return a setting as it is, for the template's conditions."""
        found = self._settings
        for name in key.split("."):
            found = found[name]
        return found

    def setting(self, key: str) -> str:
        """Write a setting."""
        return self._live.show(_of_settings(key, self.value(key)))

    def ordinal(self, key: str) -> str:
        """Write a setting as an ordinal number: ``2nd``."""
        number = int(self.value(key))
        ending = _ENDINGS.get(number % 10, "th") if number % 100 not in (11, 12, 13) else "th"
        return self._live.show(Shown(f"{number}{ending}", (f"config:{key}",)))

    def window(self, name: str) -> str:
        """Write when a window of VibStim begins and ends."""
        key = f"vibstim.windows.{name}"
        window = self.value(key)
        anchor = window["anchor"].replace("_", " ")
        text = f"{window['start']:g} to {window['end']:g} s relative to {_instant(anchor)}".replace("-", "−")
        return self._live.show(Shown(text, (f"config:{key}",)))

    def smoother(self) -> str:
        """Name how rates are smoothed."""
        return _SMOOTHERS[self.value("motor_units.smoother")]

    def planned(self, key: str, text: object) -> str:
        """Write what the plan says."""
        return self._live.show(Shown(str(text), (f"plan:{key}",)))

    def how_many(self, key: str, number: int, noun: str) -> str:
        """Write how many entries a part of the plan has."""
        return self._live.show(Shown(f"{number} {noun}{'' if number == 1 else 's'}", (f"plan:{key}",)))

    def aggregation(self, outcome: str) -> str:
        """Say how a motor unit's ΔF comes from its pairs, empty where the outcome has no pairs."""
        return AGGREGATIONS.get(str(self._plan.outcomes[outcome].aggregation), "")

    def correlation(self) -> str:
        """Write the criterion of correlation."""
        criteria = self.value("motor_units.criteria")
        rule = "r²" if criteria["correlation_rule"] == "r2" else "r"
        return f"{rule} ≥ {self.setting('motor_units.criteria.correlation')}"

    def model(self, analysis: Analysis) -> str:
        """Write a model's formula, how it is fitted and its degrees of freedom, if an analysis has them."""
        if not analysis.formula:
            return ""
        raw = LiveText(lambda text: f"#raw({json.dumps(text, ensure_ascii=False)})", self._live.shown)
        formula = raw.show(Shown(analysis.formula, (f"plan:analyses.{analysis.name}.formula",)))
        fitted = " fitted by restricted maximum likelihood" if analysis.reml else ""
        df_name = _DF_NAMES.get(str(analysis.df_method), "")
        df = f", with degrees of freedom after {df_name}" if df_name else ""
        return f" The model was {formula}{fitted}{df}."

    def sequences(self) -> str:
        """Name each sequence and its conditions in their order."""
        return ", ".join(
            self.planned(f"design.sequences.{name}", f"{name} ({', then '.join(map(self._within, order))})")
            for name, order in self._plan.sequences.items()
        )

    def experiments(self) -> str:
        """Name each experiment and its sequences."""
        return "; ".join(
            self.planned(f"experiments.{e.name}", f"{lower(e.label)} ({', '.join(e.sequences)})")
            for e in self._plan.experiments.values()
        )

    def events(self, estimand: Estimand) -> list[str]:
        """Name each intercurrent event of an estimand, its strategy and how it is handled."""
        key = f"estimands.{estimand.name}.intercurrent_events"
        return [
            self.planned(
                key,
                f"{self._plan.events[e.event].label}: {e.strategy.replace('_', ' ')}; {lower(e.handling)}.",
            )
            for e in estimand.intercurrent_events
        ]

    def same_events(self, estimand: Estimand) -> str:
        """Name the earlier estimand that treats the same intercurrent events alike, empty without one."""
        earlier = self.estimands[: self.estimands.index(estimand)]
        same = [one for one in earlier if one.intercurrent_events == estimand.intercurrent_events]
        return self.planned(f"estimands.{same[0].name}.label", lower(same[0].label)) if same else ""

    def families(self) -> list[str]:
        """Say how P of each family is adjusted; alike families are said once."""
        said = {typst_text(self._adjusted(one)): one for one in self._plan.families.values()}
        return [f"{text} (α = {self._alpha(one)})." for text, one in said.items()]

    def _adjusted(self, family: Family) -> str:
        named = " and ".join(lower(self.contrast_name(*pair)) for pair in family.contrasts)
        if family.adjustment == "none":
            return f"P of {named} is not adjusted" + (": one contrast" if len(family.contrasts) == 1 else "")
        return f"P of {named} is adjusted by {_PROCEDURES[family.adjustment]} within each analysis"

    def _alpha(self, family: Family) -> str:
        return self.planned(f"families.{family.name}.alpha", family.alpha)

    def name_of(self, analysis: Analysis) -> str:
        """Name an analysis as the figures do."""
        return self.planned(f"analyses.{analysis.name}", analysis_label(self._plan, analysis.name))

    # Tables

    def table_notes(self, table: ReportTable) -> str:
        """Write the notes below a table."""
        return " ".join(self.table_text(table, note) for note in table.notes)

    def heads(self, table: ReportTable) -> str:
        """Return the headings of a table as the style's ``results_table`` takes them."""
        names = [f"{one.group}: {one.heading}" if one.group else one.heading for one in table.columns]
        return ", ".join(f"[{self.table_text(table, name)}]" for name in (table.label_heading, *names))

    def cells(self, table: ReportTable) -> list[str]:
        """Return the rows of a table as the style's ``results_table`` takes them."""
        rows, section = [], ""
        for row in table.rows:
            if row.section != section:
                section = row.section
                rows.append(f"(section: [{self.table_text(table, section)}])")
            cells = [self.table_text(table, cell) for cell in (Shown(row.label), *row.cells)]
            rows.append(f"({', '.join(f'[{cell}]' for cell in cells)},)")
        return rows

    def table_text(self, table: ReportTable, shown: Shown | str) -> str:
        """Write a text of a table; what has no source are the table's own words (``period 1``)."""
        text = Shown(shown) if isinstance(shown, str) else shown
        return self._live.show(text if text.sources else Shown(text.text, (f"table:{table.name}",)))


def _instant(anchor: str) -> str:
    """Return an anchor as it stands within a sentence: ``the end of vibration``."""
    what, _, end = anchor.rpartition(" ")
    return f"the {end} of {what}" if end in ("onset", "end") else f"the {anchor}"


def _of_settings(key: str, value: object) -> Shown:
    text = f"{value:g}" if isinstance(value, float) else str(value)
    return Shown(text.replace("-", "−"), (f"config:{key}",))
