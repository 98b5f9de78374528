"""Plans and the ARD of made-up trials, for everything that is built from plan and ARD alone."""

from dataclasses import replace
from pathlib import Path

import pandas as pd
from made_up_trial import losing, made_up_tables

from pictrial.statistics.analysis import analyse_trial, join_results
from pictrial.statistics.trial_descriptives import describe_trial
from pictrial.trial.plan import TrialPlan, load_plan

REPOSITORY = Path(__file__).resolve().parents[2]

FOLDERS = {"sample": "", "single": "vastus_lateralis", "two": "two_experiments", "parallel": "spasticity"}
SHA = "ef" * 32
_OF_EACH_SEQUENCE = 4
#: Methods that answer quickly; of mixed models only the primary one is fitted.
_QUICK = (
    *("paired_comparison", "rank_comparison", "share", "correlation", "baseline_adjusted"),
    *("stratified_rank", "leave_one_out", "tipping_point"),
)


def shipped(name: str) -> TrialPlan:
    """Return a shipped plan with few people that loses sessions, and the analyses that take no time."""
    plan = load_plan(REPOSITORY / "config" / FOLDERS[name] / "trial.yaml")
    orders = {
        one: [p for p, sequence in plan.participants.items() if sequence == one] for one in plan.sequences
    }
    people = {person for names in orders.values() for person in names[:_OF_EACH_SEQUENCE]}
    plan = replace(
        plan,
        participants={person: plan.participants[person] for person in sorted(people)},
        sessions=tuple(session for session in plan.sessions if session.participant in people),
        missing_sessions=tuple(gone for gone in plan.missing_sessions if gone.planned.participant in people),
    )
    plan = losing(plan) if len(plan.participants) > 1 else plan
    few = {"imputations": 2, "deltas": (0.0, 1.0)}
    analyses = {
        one.name: replace(one, **few) if one.method == "tipping_point" else one
        for one in plan.analyses.values()
        if one.role == "primary" or one.method in _QUICK
    }
    families = {
        family.name: replace(family, analyses=tuple(one for one in family.analyses if one in analyses))
        for family in plan.families.values()
    }
    return replace(plan, analyses=analyses, families=families)


def made_up_ard(plan: TrialPlan, with_events: bool = True) -> pd.DataFrame:
    """Return the ARD of a made-up trial of the plan."""
    tables = made_up_tables(plan)
    outcomes = tables["outcomes"]
    # A share is one of events, which were there or not.
    of_events = (outcomes["outcome"] == "responder") & outcomes["value"].notna()
    outcomes.loc[of_events, "value"] = (outcomes.loc[of_events, "value"] > 3).astype(float)
    if not with_events:
        del tables["recorded_events"]
    described = describe_trial(plan, tables, dict.fromkeys([*tables, "recorded_events"], SHA))
    return join_results([described, *analyse_trial(plan, outcomes, SHA, 1)[:1]])


def text_of(caption) -> str:
    """Return the words of a caption's paragraphs."""
    return "\n\n".join(paragraph.text for paragraph in caption) + "\n"
