"""What the manuscript says of results: each function returns marked text for typst."""

from __future__ import annotations

import re

from pictrial.reporting.captions import drawn_contrasts
from pictrial.reporting.live_text import LiveText
from pictrial.reporting.planned import (
    axis_label,
    contrast_analysis,
    contrast_label,
    experiments_of,
    lower,
    of_experiment,
    panel_letters,
    planned_contrasts,
    scale,
    scale_places,
)
from pictrial.reporting.shown import Results, Shown, joined
from pictrial.statistics.analysis import descriptive_of
from pictrial.statistics.analysis_results import ALL, contrast_name
from pictrial.statistics.multiverse import delta_f_contrasts, measured_in
from pictrial.statistics.summary_results import MULTIVERSE
from pictrial.statistics.trial_flow import of_part
from pictrial.trial.plan import TrialPlan
from pictrial.trial.planned_analyses import Analysis

_SPECIAL = re.compile(r"([\\#*_$<>@\[\]`~/=+\-'\"])")
_SHARE = "share"
_DELTA_F = "delta_f"
_COMPONENTS = {
    "participant": "between participants",
    "participant:condition": "between the conditions of a participant, beyond their mean differences",
    "participant:unit": "between the motor units of a participant",
    "residual": "of the residual",
}


def typst_text(text: str) -> str:
    """Return a text that typst sets as it stands."""
    return _SPECIAL.sub(r"\\\1", text)


def listed(parts: list[Shown]) -> Shown:
    """Return texts as a list within a sentence: ``a, b and c``."""
    return joined([joined(parts[:-1], ", "), parts[-1]], " and ") if len(parts) > 1 else joined(parts)


class ManuscriptResults:
    """Sentences on what was found.

    Parameters
    ----------
    plan : TrialPlan
    results : Results
    live : LiveText
        Is told every number.
    """

    within = staticmethod(lower)

    def __init__(self, plan: TrialPlan, results: Results, live: LiveText):
        self._plan, self._results, self._live = plan, results, live
        aggregation = plan.outcomes[_DELTA_F].aggregation if _DELTA_F in plan.outcomes else ""
        self.multiverse_unit = measured_in(str(aggregation))
        self.primary = [a for a in plan.analyses.values() if a.role == "primary"]

    def contrast_name(self, level: str, minus: str) -> str:
        """Name a contrast."""
        return contrast_label(self._plan, level, minus)

    def contrasts_of(self, name: str) -> str:
        """Say what an analysis estimates and write every contrast of it that the ARD has."""
        analysis = self._plan.analyses[name]
        there = [
            f"{typst_text(lower(self.contrast_name(*pair)))}, "
            f"{self.estimate(name, *pair)}{self.test(name, *pair)}"
            for pair in planned_contrasts(self._plan, analysis)
            if self._results.has(name, analysis.outcome, contrast_name(*pair), "estimate")
        ]
        described = Shown(analysis.description, (f"plan:analyses.{name}.description",))
        return f"{self._live.show(described)}: {'; '.join(there)}." if there else ""

    def estimate(self, analysis: str, level: str, minus: str) -> str:
        """Write a contrast with its confidence interval."""
        planned = self._plan.analyses[analysis]
        outcome = self._plan.outcomes[planned.outcome]
        key = (analysis, outcome.name, contrast_name(level, minus))
        if self._results.value(*key, "estimate") is None:
            row = self._results.row(*key, "estimate")
            why = Shown(self._results.warning(*key, "estimate"), (f"code:{row['ard_id']}#warning",))
            return self._live.show("not estimable (" + why + ")")
        unit = outcome.unit if scale(self._plan, planned) == outcome.unit else ""
        places = scale_places(self._plan, planned)
        return self._live.show(self._results.estimate(*key, places=places, unit=unit))

    def test(self, analysis: str, level: str, minus: str) -> str:
        """Write degrees of freedom, P and adjusted P, as far as the analysis has them."""
        outcome = self._plan.analyses[analysis].outcome
        key = (analysis, outcome, contrast_name(level, minus))
        parts = [
            word + write(*key, statistic)
            for word, statistic, write in (
                ("df\u00a0=\u00a0", "df", self._results.df),
                ("P\u00a0=\u00a0", "p", self._results.p),
                ("adjusted P\u00a0=\u00a0", "p_adjusted", self._results.p),
            )
            if self._results.has(*key, statistic) and self._results.value(*key, statistic) is not None
        ]
        return self._live.show(joined(["", *parts], ", ")) if parts else ""

    def found(self, outcome: str) -> list[str]:
        """Return a paragraph on an outcome for each experiment: n, each condition, contrasts, components."""
        paragraphs = []
        for experiment in experiments_of(self._plan, self._results, outcome):
            primary = [a for a in self.primary if (a.outcome, a.experiment) == (outcome, experiment)]
            shown = contrast_analysis(self._plan, outcome, experiment)
            named = [a.name for a in primary or ([shown] if shown else [])]
            sentences = [self._described(outcome, experiment), *map(self.contrasts_of, named)]
            sentences += [self._components(one) for one in primary]
            paragraphs.append(" ".join(filter(None, sentences)))
        return paragraphs

    def panels(self, outcome: str) -> tuple[str, str, str]:
        """Return the letters of a figure's panels of conditions and of contrasts, and what these show."""
        experiments = experiments_of(self._plan, self._results, outcome)
        letters = [panel_letters(row) for row in range(max(len(experiments), 1))]
        conditions, contrasts = (", ".join(one) for one in zip(*letters, strict=True))
        analysis = contrast_analysis(self._plan, outcome, next(iter(experiments), None))
        drawn = drawn_contrasts(self._plan, analysis) if analysis else "no contrast"
        return conditions, contrasts, self._live.show(Shown(lower(drawn), ("code:confidence",)))

    def _described(self, outcome: str, experiment: str | None) -> str:
        """Write n at each level, and mean and SD of participants in every condition with their number."""
        planned, results, part = self._plan.outcomes[outcome], self._results, descriptive_of(experiment)
        share = planned.unit == _SHARE
        unit = "" if axis_label(planned) == planned.label else f" {planned.unit}"
        conditions = []
        for condition in self._plan.conditions:
            key = (part, outcome, condition)
            if results.has(*key, "mean"):
                mean = (
                    results.number(*key, "mean")
                    if share
                    else results.mean_sd(*key, places=planned.decimals) + unit
                )
                n = results.count(*key, "n_participants")
                conditions.append(f"{self._within(condition)}, " + mean + " (n\u00a0=\u00a0" + n + ")")
        what = "Shares of participants were" if share else "Means (SD) of participants were"
        said = of_experiment(self._plan, experiment) + self._n(outcome, experiment) + f" had values. {what}: "
        return self._live.show(said + joined(conditions, "; ") + ".") if conditions else ""

    def _components(self, analysis: Analysis) -> str:
        """Write the standard deviations of a primary model's random terms, as far as they are estimable."""
        statistic, results, outcome = (
            "standard_deviation",
            self._results,
            self._plan.outcomes[analysis.outcome],
        )
        parts = [
            results.number(analysis.name, outcome.name, level, statistic) + f" {outcome.unit} {name}"
            for level, name in _COMPONENTS.items()
            if results.has(analysis.name, outcome.name, level, statistic)
            and results.value(analysis.name, outcome.name, level, statistic) is not None
        ]
        if not parts or analysis.transformation:
            return ""
        return self._live.show("The model's standard deviations were " + listed(parts) + ".")

    def number(self, analysis: str, outcome: str, level: str, statistic: str, places: int = 2) -> str:
        """Write one number."""
        return self._live.show(self._results.number(analysis, outcome, level, statistic, places=places))

    def size(self, outcome: str, analysis: str = "") -> str:
        """Write n at each level that an outcome has, in the experiment of `analysis` where one is named."""
        experiment = self._plan.analyses[analysis].experiment if analysis else None
        there = experiments_of(self._plan, self._results, outcome)
        wanted = [one for one in there if experiment in (None, one)]
        return "; ".join(self._live.show(self._n(outcome, one)) for one in wanted)

    def _n(self, outcome: str, experiment: str | None) -> Shown:
        nouns = {"n_participants": "participant", "n_units": "motor unit", "n_pairs": "control–test pair"}
        part, results = descriptive_of(experiment), self._results
        return listed(
            [
                results.count(part, outcome, ALL, statistic, noun=noun)
                for statistic, noun in nouns.items()
                if results.has(part, outcome, ALL, statistic)
                and (noun == "participant" or results.value(part, outcome, ALL, statistic))
            ]
        )

    def people(self) -> list[str]:
        """Say for each experiment who was allocated and which sessions were held."""
        lines = []
        for experiment in self._experiments():
            name, results = of_part("flow", experiment), self._results
            people = results.count(name, "participants", ALL, "n_allocated", noun="participant")
            periods = range(
                1, 1 + max(len(self._plan.sequences[s]) for s in self._plan.sequences_of(experiment))
            )
            held = [
                results.count(name, "sessions", f"{ALL}, period {period}", "n_delivered")
                + " of "
                + results.count(name, "sessions", f"{ALL}, period {period}", "n_planned")
                + f" {'at visit' if self._plan.baseline else 'in period'} {period}"
                for period in periods
            ]
            said = (
                of_experiment(self._plan, experiment) + people + " were allocated. Of the planned sessions, "
            )
            lines.append(f"{self._live.show(said + listed(held))} were held.")
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
                + f" ({self._within(condition)})"
                for condition in there
                if results.value(name, "adverse_events", condition, "n_with_event") is not None
            ]
            if parts:
                said = of_experiment(self._plan, experiment) + "Adverse events were recorded in "
                lines.append(f"{self._live.show(said + listed(parts))}.")
            elif there:
                warning = results.warning(name, "adverse_events", there[0], "n_with_event")
                lines.append(typst_text(warning[:1].upper() + warning[1:]) + ".")
        return list(dict.fromkeys(lines))

    def multiverse(self) -> list[tuple[str, str, str]]:
        """Return (analysis and level of the ARD, how it is written) of the contrasts over all rules of ΔF."""
        named = [
            (
                of_part(MULTIVERSE, experiment),
                f"{contrast_name(*pair)}, {self.multiverse_unit}",
                typst_text(of_experiment(self._plan, experiment) + self.contrast_name(*pair)),
            )
            for experiment, *pair in delta_f_contrasts(self._plan)
        ]
        return [one for one in named if self._results.has(one[0], _DELTA_F, one[1], "lowest")]

    def _within(self, condition: str) -> str:
        return lower(self._plan.conditions[condition])

    def _experiments(self) -> list[str | None]:
        return [*self._plan.experiments] or [None]
