"""What the manuscript's template says with numbers in it: each function returns marked text for typst."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from importlib.metadata import version as version_of

from pictrial.reporting.live_text import LiveText
from pictrial.reporting.numbers import decimal
from pictrial.reporting.planned import (
    contrast_label,
    experiments_of,
    main_analysis,
    of_experiment,
    planned_contrasts,
)
from pictrial.reporting.report_table import ReportTable
from pictrial.reporting.shown import Results, Shown, joined
from pictrial.statistics.analysis import descriptive_of
from pictrial.statistics.analysis_results import ALL, contrast_name
from pictrial.statistics.fitted_model import CONFIDENCE
from pictrial.statistics.trial_flow import of_part
from pictrial.trial.plan import TrialPlan
from pictrial.trial.planned_analyses import Analysis, Family
from pictrial.trial.planned_estimands import Estimand

_SPECIAL = re.compile(r"([\\#*_$<>@\[\]`~/=+\-'\"])")
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


def typst_text(text: str) -> str:
    """Return a text that typst sets as it stands."""
    return _SPECIAL.sub(r"\\\1", text)


class ManuscriptWords:
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
        self._plan, self._results, self._settings, self._live = plan, results, settings, live
        self.design_name = _DESIGNS[plan.design]
        self.arms = "arm" if plan.design == "parallel" else "sequence"
        self.title = json.dumps(plan.title, ensure_ascii=False)
        self.ramps = any(o.measure.split(".")[0] in ("delta_f", "units") for o in plan.outcomes.values())
        self.estimands = list(plan.estimands.values())
        self.shown_outcomes = [name for name in plan.outcomes if experiments_of(plan, results, name)]
        self.primary = [a for a in plan.analyses.values() if a.role == "primary"]
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
        text = f"{window['start']:g} to {window['end']:g} s from the {anchor}".replace("-", "−")
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

    def correlation(self) -> str:
        """Write the criterion of correlation."""
        criteria = self.value("motor_units.criteria")
        rule = "r²" if criteria["correlation_rule"] == "r2" else "r"
        return f"{rule} ≥ {self.setting('motor_units.criteria.correlation')}"

    def formula(self, analysis: Analysis) -> str:
        """Write a model's formula and degrees of freedom, as far as an analysis has them."""
        if not analysis.formula:
            return ""
        raw = LiveText(lambda text: f"#raw({json.dumps(text, ensure_ascii=False)})", self._live.shown)
        formula = raw.show(Shown(analysis.formula, (f"plan:analyses.{analysis.name}.formula",)))
        df_name = _DF_NAMES.get(str(analysis.df_method), "")
        return f" ({formula}{f'; degrees of freedom after {df_name}' if df_name else ''})"

    def sequences(self) -> str:
        """Name each sequence and its conditions in their order."""
        return ", ".join(
            self.planned(f"design.sequences.{name}", f"{name} ({', then '.join(map(self._within, order))})")
            for name, order in self._plan.sequences.items()
        )

    def experiments(self) -> str:
        """Name each experiment and its sequences."""
        return "; ".join(
            self.planned(f"experiments.{e.name}", f"{e.label} ({', '.join(e.sequences)})")
            for e in self._plan.experiments.values()
        )

    def events(self, estimand: Estimand) -> str:
        """Name each intercurrent event of an estimand and its strategy."""
        key = f"estimands.{estimand.name}.intercurrent_events"
        return "; ".join(
            self.planned(
                key, f"{self._plan.events[e.event].label}: {e.strategy.replace('_', ' ')}, {e.handling}"
            )
            for e in estimand.intercurrent_events
        )

    def contrasts_named(self, family: Family) -> str:
        """Name the contrasts of a family."""
        return " and ".join(self.contrast_name(*pair) for pair in family.contrasts)

    def adjusted(self, family: Family) -> str:
        """Say how P of a family is adjusted."""
        name = family.adjustment
        return "not adjusted" if name == "none" else f"adjusted by {_PROCEDURES[name]}"

    def analyses_named(self, analyses: list[Analysis]) -> str:
        """Name analyses and say what each estimates."""
        return "; ".join(
            f"_{typst_text(a.name.replace('_', ' '))}_ "
            f"({self.planned(f'analyses.{a.name}.description', _lower(a.description))})"
            for a in analyses
        )

    def _within(self, condition: str) -> str:
        label = self._plan.conditions[condition]
        return _lower(label)

    def contrast_name(self, level: str, minus: str) -> str:
        """Name a contrast."""
        return contrast_label(self._plan, level, minus)

    # Results

    def contrasts_of(self, name: str) -> str:
        """Write every contrast of an analysis."""
        analysis = self._plan.analyses[name]
        there = [
            pair
            for pair in planned_contrasts(self._plan, analysis)
            if self._results.has(name, analysis.outcome, contrast_name(*pair), "estimate")
        ]
        return " ".join(
            f"{typst_text(self.contrast_name(*pair))}: {self.estimate(name, *pair)}{self.test(name, *pair)}."
            for pair in there
        )

    def main_contrasts(self, outcome: str) -> str:
        """Write the contrasts of every primary analysis of an outcome, else of its main one."""
        main = main_analysis(self._plan, outcome)
        names = [analysis.name for analysis in self.primary if analysis.outcome == outcome]
        return " ".join(map(self.contrasts_of, names or ([main.name] if main else [])))

    def estimate(self, analysis: str, level: str, minus: str) -> str:
        """Write a contrast with its confidence interval."""
        outcome = self._plan.outcomes[self._plan.analyses[analysis].outcome]
        key = (analysis, outcome.name, contrast_name(level, minus))
        if self._results.value(*key, "estimate") is None:
            return self._why_missing(*key, "estimate")
        shown = self._results.estimate(*key, places=outcome.decimals, unit=outcome.unit)
        return self._live.show(shown)

    def test(self, analysis: str, level: str, minus: str) -> str:
        """Write degrees of freedom, P and adjusted P, as far as the analysis has them."""
        outcome = self._plan.analyses[analysis].outcome
        key = (analysis, outcome, contrast_name(level, minus))
        parts = [
            word + write(*key, statistic)
            for word, statistic, write in (
                ("df = ", "df", self._results.df),
                ("P = ", "p", self._results.p),
                ("adjusted P = ", "p_adjusted", self._results.p),
            )
            if self._results.has(*key, statistic) and self._results.value(*key, statistic) is not None
        ]
        return self._live.show(joined(["", *parts], ", ")) if parts else ""

    def conditions(self, outcome: str) -> str:
        """Write the mean and SD of participants in every condition, with their number."""
        planned, results = self._plan.outcomes[outcome], self._results
        parts = []
        for experiment in experiments_of(self._plan, results, outcome):
            part = descriptive_of(experiment)
            for condition, label in self._plan.conditions.items():
                if not results.has(part, outcome, condition, "mean"):
                    continue
                mean = results.mean_sd(part, outcome, condition, places=planned.decimals)
                people = results.count(part, outcome, condition, "n_participants", noun="participant")
                parts.append(self._live.show(f"{label} " + mean + f" {planned.unit} (" + people + ")"))
        return ", ".join(parts)

    def number(self, analysis: str, outcome: str, level: str, statistic: str, places: int = 2) -> str:
        """Write one number."""
        return self._live.show(self._results.number(analysis, outcome, level, statistic, places=places))

    def size(self, outcome: str, analysis: str = "") -> str:
        """Write n at each level that an outcome has, in the experiment of `analysis` where one is named."""
        experiment = self._plan.analyses[analysis].experiment if analysis else None
        nouns = {"n_participants": "participant", "n_units": "motor unit", "n_pairs": "control–test pair"}
        written = []
        there = experiments_of(self._plan, self._results, outcome)
        for part in (descriptive_of(one) for one in there if experiment in (None, one)):
            shown = [
                self._results.count(part, outcome, ALL, statistic, noun=noun)
                for statistic, noun in nouns.items()
                if self._results.has(part, outcome, ALL, statistic)
                and (noun == "participant" or self._results.value(part, outcome, ALL, statistic))
            ]
            written.append(self._live.show(joined(shown, ", ")))
        return "; ".join(written)

    def people(self) -> list[str]:
        """Say for each experiment who was allocated and which sessions were held."""
        lines = []
        for experiment in self._experiments():
            name, results = of_part("flow", experiment), self._results
            people = results.count(name, "participants", ALL, "n_allocated", noun="participant")
            periods = range(
                1, 1 + max(len(self._plan.sequences[s]) for s in self._plan.sequences_of(experiment))
            )
            held = (
                results.count(name, "sessions", f"{ALL}, period {period}", "n_delivered")
                + " of "
                + results.count(name, "sessions", f"{ALL}, period {period}", "n_planned")
                + f" in period {period}"
                for period in periods
            )
            said = (
                of_experiment(self._plan, experiment)
                + people
                + " allocated; sessions held: "
                + joined(held, ", ")
            )
            lines.append(f"{self._live.show(said)}.")
        return lines

    def harms(self) -> list[str]:
        """Say for each experiment how many participants had an adverse event in which condition."""
        lines = []
        for experiment in self._experiments():
            name, results = of_part("harms", experiment), self._results
            there = [
                condition
                for condition in self._plan.conditions_of(experiment)
                if results.has(name, "adverse_events", condition, "n_with_event")
            ]
            parts = [
                results.count(name, "adverse_events", condition, "n_with_event")
                + " of "
                + results.count(name, "adverse_events", condition, "n_exposed", noun="participant")
                + f" under {self._within(condition)}"
                for condition in there
                if results.value(name, "adverse_events", condition, "n_with_event") is not None
            ]
            if parts:
                said = of_experiment(self._plan, experiment) + joined(parts, ", ") + " had an adverse event"
                lines.append(f"{self._live.show(said)}.")
            elif there:
                lines.append(
                    typst_text(results.warning(name, "adverse_events", there[0], "n_with_event")) + "."
                )
        return lines

    def _why_missing(self, *key: str) -> str:
        """Write the warning of a row without a value."""
        row = self._results.row(*key)
        return self._live.show(Shown(self._results.warning(*key), (f"code:{row['ard_id']}#warning",)))

    def _experiments(self) -> list[str | None]:
        return [*self._plan.experiments] or [None]

    def multiverse(self) -> list[tuple[str, str, str]]:
        """Return (level of the ARD, condition, minus condition) of the contrasts over all rules of ΔF."""
        pairs = dict.fromkeys(
            pair for analysis in self.primary for pair in planned_contrasts(self._plan, analysis)
        )
        named = [(f"{contrast_name(*pair)}, pps", *pair) for pair in pairs]
        return [entry for entry in named if self._results.has("multiverse", "delta_f", entry[0], "lowest")]

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


def _of_settings(key: str, value: object) -> Shown:
    text = f"{value:g}" if isinstance(value, float) else str(value)
    return Shown(text.replace("-", "−"), (f"config:{key}",))


def _lower(text: str) -> str:
    """Return a text as it stands within a sentence; abbreviations keep their capitals."""
    return text[0].lower() + text[1:] if text[1:2].islower() else text
