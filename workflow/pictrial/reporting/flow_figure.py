"""The flow diagrams of a trial, of its participants and below them, and their captions, from the ARD."""

from __future__ import annotations

import pandas as pd

from pictrial.reporting.figures import COLOURS
from pictrial.reporting.flow_boxes import Box, FlowDiagram, flow_texts, listed
from pictrial.reporting.planned import lower
from pictrial.reporting.report_table import numbers_shown
from pictrial.reporting.shown import Results, Shown, joined
from pictrial.statistics.analysis_results import ALL
from pictrial.statistics.trial_flow import (
    ATTRITION,
    FLOW,
    MODEL,
    PARTICIPANTS,
    SESSIONS,
    analysis_of_delta_f,
    flow_populations,
    groups,
    level_name,
    of_part,
    period_name,
)
from pictrial.trial.plan import TrialPlan

#: What the stages of motor units and pairs keep, in the order of the flow. From usable units pairs are made.
_KEPT = {
    "accepted": "Accepted motor units",
    "tracking": "Motor units after tracking",
    "usable_rate": "With a smoothed rate",
    "passing_pairs": "Pairs that passed",
    "test_units": "Test units with a ΔF",
    MODEL: "In the analysis of ΔF",
}
#: What some stages begin with, in a box of its own.
_ENTERED = {"accepted": "Candidate motor units", "passing_pairs": "Ordered pairs of motor units"}

#: What is lost before a stage, where that word would mislead.
_LOST = {"accepted": "Rejected", "passing_pairs": "Failed", "test_units": "Motor units without a ΔF"}


def participant_flow(plan: TrialPlan, ard: pd.DataFrame) -> list[FlowDiagram]:
    """Return the flow of participants, a diagram for every experiment.

    Crossover: a column for every sequence with a box for every period (Dwan et al. 2019, BMJ 366:l4378);
    parallel groups: a column for every arm with its visits (CONSORT 2025, item 22a). Screening comes before
    the plan and is not in it.

    Parameters
    ----------
    plan : TrialPlan
    ard : DataFrame
        Schema ``ard``; every count is one of its rows.
    """
    counts = _Counts(plan, ard)
    diagrams = []
    for experiment in plan.experiments or [None]:
        name, outcome = of_part(FLOW, experiment), _outcome(plan, experiment)
        of_groups = groups(plan, experiment)
        n_periods = max(len(plan.sequences[one]) for one in of_groups[ALL])
        columns = {}
        for sequence in of_groups[ALL]:
            order = plan.sequences[sequence]
            boxes: list[Box | None] = [_allocated(plan, counts, name, sequence)]
            boxes += [_period(plan, counts, name, sequence, n, outcome) for n in range(1, len(order) + 1)]
            boxes += [None] * (n_periods - len(order))
            boxes.append(_analysed(plan, counts, experiment, sequence, outcome))
            columns[sequence] = tuple(boxes)
        top = Box("", ("Allocated: " + counts.n(name, PARTICIPANTS, ALL, "n_allocated"),))
        title = plan.experiments[experiment].label if experiment else ""
        diagrams.append(FlowDiagram(title, None if plan.design == "single_session" else top, columns))
    return diagrams


def motor_unit_flow(plan: TrialPlan, ard: pd.DataFrame) -> list[FlowDiagram]:
    """Return the flow from recordings to the analysis of ΔF by condition, a diagram for every experiment.

    An experiment without contractions has none.

    Parameters
    ----------
    plan, ard
        As `participant_flow`.
    """
    counts = _Counts(plan, ard)
    diagrams = []
    for experiment in plan.experiments or [None]:
        name = of_part(ATTRITION, experiment)
        if not counts.results.has(name, "recordings", ALL, "n_in"):
            continue
        columns = {
            condition: _column(plan, counts, experiment, condition)
            for condition in plan.conditions_of(experiment)
        }
        title = plan.experiments[experiment].label if experiment else ""
        diagrams.append(FlowDiagram(title, None, columns))
    return diagrams


def flow_caption(plan: TrialPlan, ard: pd.DataFrame, what: str) -> Shown:
    """Write the caption of a flow diagram in reStructuredText.

    Parameters
    ----------
    what : str
        ``"participants"`` or ``"motor_units"``.
    """
    if what == "motor_units":
        return Shown(
            f"**{plan.title}: from recordings to the analysis, by condition.** Boxes hold what is left after "
            "each stage, summed over sessions; beside the arrows stands what was lost or gained, and why. "
            "A candidate counts by its first reason, a pair by the first criterion that it fails. One order "
            "of each pair always fails, nearly always because the test unit is recruited first. A motor unit "
            "has no ΔF where no control passed; the reason is the criterion at which the "
            "control that came furthest failed.\n"
        )
    of_design = {
        "crossover": "A column is a sequence, a box a period of it",
        "parallel": "A column is an arm, a box a visit",
        "single_session": "There is one session and nothing to allocate",
    }
    results, parts = Results(ard), []
    for experiment in plan.experiments or [None]:
        label = f"{plan.experiments[experiment].label}: " if experiment else ""
        key = (of_part(FLOW, experiment), PARTICIPANTS, ALL, "n_allocated")
        parts.append(label + results.count(*key, noun="participant"))
    return (
        Shown(f"**{plan.title}: flow of participants.** ")
        + joined(parts, "; ")
        + f". {of_design[plan.design]}; n counts participants. Sessions not held stand beside the arrow with "
        "their reasons; below, who is analysed in each population. Screening is not part of the data.\n"
    )


def shown_in_flow(document: str, diagrams: list[FlowDiagram], caption: Shown) -> pd.DataFrame:
    """Return which rows of the ARD a diagram and its caption show where, schema ``numbers_shown``."""
    return numbers_shown(document, [*flow_texts(diagrams), ("caption", caption)])


class _Counts:
    """Counts of the ARD as texts."""

    def __init__(self, plan: TrialPlan, ard: pd.DataFrame):
        described = ard[ard["role"] == "descriptive"]
        self.plan, self.results = plan, Results(described)
        self._levels: dict[tuple[str, str, str], list[str]] = {}
        columns = ("analysis", "outcome", "statistic", "contrast_or_level")
        for *key, level in zip(*(described[name] for name in columns), strict=True):
            self._levels.setdefault((key[0], key[1], key[2]), []).append(level)

    def n(self, analysis: str, outcome: str, level: str, statistic: str) -> Shown:
        """Return ``n = 6``."""
        return "n = " + self.results.count(analysis, outcome, level, statistic)

    def reasons(self, analysis: str, outcome: str, level: str, statistic: str) -> list[Shown]:
        """Return every reason with its count, the most frequent first."""
        start = level_name(level, "")
        reasons = [
            (one.removeprefix(start), one)
            for one in self._levels.get((analysis, outcome, statistic), [])
            if one.startswith(start)
        ]
        of = {one: self.results.value(analysis, outcome, one, statistic) or 0 for _, one in reasons}
        reasons.sort(key=lambda reason: (-of[reason[1]], reason[0]))
        return [
            f"{self._word(why)} " + self.results.count(analysis, outcome, one, statistic)
            for why, one in reasons
        ]

    def _word(self, reason: str) -> str:
        events = self.plan.events
        codes = [events[one].label if one in events else one for one in reason.split(" and ")]
        return " and ".join(codes).replace("_", " ")


def _outcome(plan: TrialPlan, experiment: str | None) -> str:
    """Return the outcome that the flow follows: of the primary analysis, else the first that is recorded."""
    primary = [one for one in plan.analyses.values() if (one.role, one.experiment) == ("primary", experiment)]
    sequences = set(plan.sequences_of(experiment))
    measured = [name for name in plan.outcomes if sequences & set(plan.sequences_with(plan.task_of(name)))]
    return primary[0].outcome if primary else measured[0]


def _allocated(plan: TrialPlan, counts: _Counts, name: str, sequence: str) -> Box:
    n = counts.n(name, PARTICIPANTS, sequence, "n_allocated")
    if plan.design == "single_session":
        return Box("", ("Participants: " + n,))
    arm = f"Arm {sequence}: {plan.conditions[plan.sequences[sequence][-1]]}"
    return Box(arm if plan.baseline else f"Sequence {sequence}", ("Allocated: " + n,))


def _period(plan: TrialPlan, counts: _Counts, name: str, sequence: str, period: int, outcome: str) -> Box:
    level, condition = level_name(sequence, period_name(period)), plan.sequences[sequence][period - 1]
    missed = listed(
        "Not held: " + counts.n(name, SESSIONS, level, "n_not_delivered"),
        counts.reasons(name, SESSIONS, level, "n_not_delivered"),
    )
    lines = ["Held: " + counts.n(name, SESSIONS, level, "n_delivered")]
    if counts.results.value(name, SESSIONS, level, "n_other_condition"):
        lines.append("Other condition given: " + counts.n(name, SESSIONS, level, "n_other_condition"))
    label = lower(plan.outcomes[outcome].label)
    lines.append(f"With {label}: " + counts.n(name, outcome, level, "n_with_value"))
    if counts.results.value(name, outcome, level, "n_without_value"):
        lines.append("Without it: " + counts.n(name, outcome, level, "n_without_value"))
    kind = "Visit" if plan.baseline else "Period"
    heading = f"{kind} {period}: {plan.conditions[condition]}"
    return Box(heading, tuple(lines), (missed,), _colour(plan, condition))


def _analysed(plan: TrialPlan, counts: _Counts, experiment: str | None, sequence: str, outcome: str) -> Box:
    name = of_part(FLOW, experiment)
    level = level_name(sequence, plan.everyone)
    missed = listed(
        "Not analysed: " + counts.n(name, outcome, level, "n_not_analysed"),
        counts.reasons(name, outcome, level, "n_not_analysed"),
    )
    lines = []
    for population in flow_populations(plan, outcome, experiment):
        level = level_name(sequence, population)
        n_values = counts.results.count(name, outcome, level, "n_values", noun="value")
        n = counts.n(name, outcome, level, "n_analysed")
        lines.append(f"{plan.populations[population].label}: " + n + ", " + n_values)
    return Box(f"Analysed: {lower(plan.outcomes[outcome].label)}", tuple(lines), (missed,))


def _column(
    plan: TrialPlan, counts: _Counts, experiment: str | None, condition: str
) -> tuple[Box | None, ...]:
    name = of_part(ATTRITION, experiment)
    colour = _colour(plan, condition)

    def count(stage: str, statistic: str) -> Shown:
        return counts.results.count(name, stage, condition, statistic)

    def lost(stage: str) -> tuple[Shown, ...]:
        head = f"{_LOST.get(stage, 'Lost')}: "
        texts = [listed(head + count(stage, "n_lost"), counts.reasons(name, stage, condition, "n_lost"))]
        if counts.results.value(name, stage, condition, "n_gained"):
            reasons = counts.reasons(name, stage, condition, "n_gained")
            texts.append(listed("Gained: " + count(stage, "n_gained"), reasons))
        return tuple(texts)

    def box(text: Shown, on_the_way: tuple[Shown, ...] = (), heading: str = "") -> Box:
        return Box(heading, (text,), on_the_way, colour)

    not_held = listed(
        "Not held: " + count("recordings", "n_lost"),
        counts.reasons(name, "recordings", condition, "n_lost"),
    )
    boxes = [box("Sessions planned: " + count("recordings", "n_in"), heading=plan.conditions[condition])]
    boxes.append(box("Recordings: " + count("recordings", "n_kept"), (not_held,)))
    for stage, kept in _KEPT.items():
        if stage == MODEL and not analysis_of_delta_f(plan, experiment):
            continue
        if stage in _ENTERED:
            boxes.append(box(f"{_ENTERED[stage]}: " + count(stage, "n_in")))
        boxes.append(box(f"{kept}: " + count(stage, "n_kept"), lost(stage)))
    return tuple(boxes)


def _colour(plan: TrialPlan, condition: str) -> str:
    return COLOURS[list(plan.conditions).index(condition) % len(COLOURS)]
