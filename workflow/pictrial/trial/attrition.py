"""Attrition: how many recordings, motor units and pairs enter each stage, leave it, and why.

In every stage of every session ``n_in − Σ n_lost + Σ n_gained = n_kept``, summed over its reasons.
"""

import numpy as np
import pandas as pd

from pictrial.decomposition.agreement import rate_of_agreement
from pictrial.errors import InputError
from pictrial.motor_units.delta_f import CRITERIA
from pictrial.tables import load_schema
from pictrial.trial.plan import TrialPlan, schedule

_SESSION = ["participant", "session"]
_UNIT = [*_SESSION, "unit_id"]
_COUNTS = ("n_in", "n_lost", "n_gained", "n_kept")
#: Columns of reasons in the table of motor units.
_WHY = ("absent", "only_tracked", "elsewhere", "excluded", "no_delta_f")
#: Discharge times (s) are compared on this grid (Hz).
_GRID = 10_000.0
#: Part of the first reason in ``quality_units``, without its numbers, and what it is called here.
_CLASSES = {
    "removed in editing": "removed_in_editing",
    "duplicate": "duplicate",
    "not recruited": "not_recruited_or_hidden",
    "no match": "no_matching_potential",
    "potentials differ": "potentials_differ",
    "silhouette": "silhouette",
    "intervals below": "short_intervals",
    "fewer than three intervals": "too_few_discharges",
    "discharges,": "too_few_discharges",
    "probability": "probability",
}


def compare_before_and_after(
    before: dict[str, np.ndarray], after: dict[str, np.ndarray], limit: float
) -> pd.DataFrame:
    """Say what became of the motor units of one recording's own decomposition in tracking.

    Names change in tracking, so units are told by their discharges: pairs of trains are matched one to one,
    the best agreement first.

    Parameters
    ----------
    before, after : dict of str to ndarray
        Discharge times (s) of the motor units accepted before and after tracking.
    limit : float
        Rate of agreement above which two trains are one unit.

    Returns
    -------
    DataFrame
        Columns before, after, reason: a row for every unit of either. `after` is missing where a unit was
        lost (`duplicate`: it shares its discharges with a unit that is another's match; else
        `not_confirmed`), `before` where one was gained (`found_by_tracking`).
    """
    ticks = [
        {name: np.rint(t * _GRID).astype(np.int64) for name, t in side.items()} for side in (before, after)
    ]
    agreement = {
        (a, b): rate
        for a, first in ticks[0].items()
        for b, second in ticks[1].items()
        if (rate := rate_of_agreement(first, second, _GRID)) > limit
    }
    match: dict[str, str] = {}
    for a, b in sorted(agreement, key=lambda pair: (-agreement[pair], pair)):
        if a not in match and b not in match.values():
            match[a] = b
    shared = {a for a, _ in agreement}
    rows: list[tuple[str | None, str | None, str | None]] = [
        (a, match.get(a), None if a in match else "duplicate" if a in shared else "not_confirmed")
        for a in before
    ]
    rows += [(None, b, "found_by_tracking") for b in after if b not in match.values()]
    return pd.DataFrame(rows, columns=["before", "after", "reason"], dtype="object")


def count_attrition(
    plan: TrialPlan,
    candidates: pd.DataFrame,
    matches: pd.DataFrame,
    tracked: pd.DataFrame,
    units: pd.DataFrame,
    pairs: pd.DataFrame,
) -> pd.DataFrame:
    """Count what each stage of each planned session with a ramp took in, lost, gained and kept.

    Parameters
    ----------
    plan : TrialPlan
    candidates, tracked : DataFrame
        Schema ``quality_units`` before and after tracking, with participant and session.
    matches : DataFrame
        From `compare_before_and_after`, with participant and session.
    units, pairs : DataFrame
        Schemas ``units`` and ``pairs``.

    Returns
    -------
    DataFrame
        Schema ``attrition``: one row per session, stage and reason; where nothing was lost or gained, one
        row without a reason. A missing session has the stage ``recordings`` only.
    """
    with_ramps = plan.sequences_with(plan.task)
    sessions = schedule(plan)
    sessions = sessions[sessions["sequence"].isin(with_ramps)].reset_index(drop=True)
    not_held = [entry for entry in plan.missing_sessions if entry.planned.sequence in with_ramps]
    for frame in (candidates, matches, tracked, units, pairs):
        _refuse_unscheduled(frame, sessions)
    flow = _flow(sessions, tracked, matches, units, pairs)
    found = flow[flow["found"]]
    usable = found[found["excluded"].isna()]
    everywhere = found[found["elsewhere"].isna()]
    accepted = matches[matches["before"].notna()]
    gained = matches[matches["before"].isna()]
    missing = pd.DataFrame(
        [(*entry.planned[:1], entry.planned.session, entry.reason) for entry in not_held],
        columns=[*_SESSION, "reason"],
    )
    planned = pd.concat([sessions, pd.DataFrame([entry.planned for entry in not_held])])
    why = flow["absent"].fillna(flow["excluded"]).fillna(flow["no_delta_f"])
    has_value = why.isna().groupby([flow["participant"], flow["unit_id"]]).transform("any")
    tested = flow[has_value]
    stages = {
        "recordings": (planned, missing),
        "accepted": (candidates, _lost(candidates, candidates["reason"].map(_class, na_action="ignore"))),
        "tracking": (accepted, _lost(accepted, accepted["reason"]), gained),
        "usable_rate": (found, _lost(found, found["excluded"])),
        "test_units": (usable, _lost(usable, usable["no_delta_f"])),
        "passing_pairs": (pairs, _lost(pairs, pairs["reason"].str.split(";").str[0])),
        "decomposed": (flow, _lost(flow, flow["absent"].fillna(flow["only_tracked"]))),
        "found": (flow, _lost(flow, flow["absent"])),
        "delta_f": (tested, _lost(tested, why[tested.index])),
        "every_session": (found, _lost(found, found["elsewhere"])),
        "test_units_of_every_session": (everywhere, _lost(everywhere, why[everywhere.index])),
    }
    parts = [
        _stage(name, planned if name == "recordings" else sessions, *frames)
        for name, frames in stages.items()
    ]
    table = pd.concat(parts, ignore_index=True)
    table["stage"] = pd.Categorical(table["stage"], list(stages))
    table = table.sort_values(["participant", "period", "stage", "reason"], kind="stable", ignore_index=True)
    table["stage"] = table["stage"].astype(str)
    return table[list(load_schema("attrition")["columns"])]


def stage_counts(attrition: pd.DataFrame, stage: str) -> pd.DataFrame:
    """Return `n_in` and `n_kept` of one stage, one row per session.

    Parameters
    ----------
    attrition : DataFrame
        Schema ``attrition``.

    Returns
    -------
    DataFrame
        Columns participant, session, period, condition, n_in, n_kept.
    """
    rows = attrition[attrition["stage"] == stage].drop_duplicates(_SESSION)
    return rows[[*_SESSION, "period", "condition", "n_in", "n_kept"]].reset_index(drop=True)


def _refuse_unscheduled(frame: pd.DataFrame, sessions: pd.DataFrame) -> None:
    """Raise where a row belongs to no session of the schedule: it would be in no count."""
    known = pd.MultiIndex.from_frame(sessions[_SESSION])
    for participant, session in pd.MultiIndex.from_frame(frame[_SESSION]).difference(known)[:1]:
        raise InputError(
            "attrition",
            f"participant {participant}, session {session} is not in the schedule",
            "Correct the plan, or remove the results of an earlier plan.",
        )


def _flow(
    sessions: pd.DataFrame,
    tracked: pd.DataFrame,
    matches: pd.DataFrame,
    units: pd.DataFrame,
    pairs: pd.DataFrame,
) -> pd.DataFrame:
    """Return every motor unit of a participant in every session, and why it got no further.

    Columns: participant, session, unit_id, found; reasons, missing where they do not apply: `absent` (not
    found here), `only_tracked` (not found by the session's own decomposition), `elsewhere` (not found in
    another session), `excluded` (no smoothed rate), `no_delta_f` (no control passed).
    """
    names = units[["participant", "unit_id"]].drop_duplicates()
    flow = sessions[_SESSION].merge(names, on="participant")
    flow = flow.merge(units[[*_UNIT, "excluded"]], how="left", on=_UNIT, indicator=True)
    flow["found"] = flow.pop("_merge") == "both"
    flow = flow.merge(tracked[[*_UNIT, "reason"]], how="left", on=_UNIT)
    flow["absent"] = (
        flow.pop("reason").map(_class, na_action="ignore").fillna("not_found").mask(flow["found"])
    )
    by_tracking = matches[matches["before"].isna()].rename(columns={"after": "unit_id"})
    only = _is_in(flow, by_tracking[_UNIT])
    flow["only_tracked"] = pd.Series("found_by_tracking", flow.index).where(only)
    n_found = flow.groupby(["participant", "unit_id"])["found"].transform("sum")
    n_sessions = flow["participant"].map(sessions.groupby("participant").size())
    elsewhere = pd.Series("not_in_every_session", flow.index).mask(n_found == 1, "in_this_session_only")
    flow["elsewhere"] = elsewhere.mask(n_found == n_sessions)
    flow["excluded"] = flow["excluded"].astype("string").str.split(":").str[0]
    flow = flow.merge(_why_no_control(pairs), how="left", on=_UNIT)
    passing = pairs[pairs["passed"].astype(bool)].rename(columns={"test_unit": "unit_id"})
    flow["no_delta_f"] = flow["no_delta_f"].fillna("no_other_unit").mask(_is_in(flow, passing[_UNIT]))
    return flow.astype({name: "string" for name in _WHY})


def _why_no_control(pairs: pd.DataFrame) -> pd.DataFrame:
    """Return for each test unit the criterion at which the control that came furthest failed."""
    order = list(CRITERIA)
    first = pairs["reason"].str.split(";").str[0]
    furthest = pairs.assign(step=first.map(order.index, na_action="ignore")).dropna(subset=["step"])
    steps = furthest.groupby([*_SESSION, "test_unit"])["step"].max().astype(int)
    return steps.map(order.__getitem__).rename("no_delta_f").rename_axis(_UNIT).reset_index()


def _class(reason: str) -> str:
    """Return what a reason of ``quality_units`` is called without its numbers; an unknown one as it is."""
    first = reason.split(";")[0]
    return next((name for part, name in _CLASSES.items() if part in first), first)


def _is_in(frame: pd.DataFrame, keys: pd.DataFrame) -> np.ndarray:
    return pd.MultiIndex.from_frame(frame[_UNIT]).isin(pd.MultiIndex.from_frame(keys))


def _lost(frame: pd.DataFrame, reason: pd.Series) -> pd.DataFrame:
    return frame[_SESSION].assign(reason=reason).dropna(subset=["reason"])


def _stage(
    name: str,
    sessions: pd.DataFrame,
    entered: pd.DataFrame,
    lost: pd.DataFrame,
    gained: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Return the rows of one stage; every frame has a row for each thing counted, and its session."""
    where = sessions[[*_SESSION, "period", "condition"]]
    columns = {"n_lost": lost, "n_gained": lost.iloc[:0] if gained is None else gained}
    reasons = pd.DataFrame(
        {key: frame.groupby([*_SESSION, "reason"]).size() for key, frame in columns.items()}
    )
    reasons = reasons.fillna(0).rename_axis([*_SESSION, "reason"]).reset_index()
    rows = where.merge(reasons, how="left", on=_SESSION).fillna({"n_lost": 0, "n_gained": 0})
    counted = entered.groupby(_SESSION).size()
    rows["n_in"] = counted.reindex(pd.MultiIndex.from_frame(rows[_SESSION]), fill_value=0).to_numpy()
    change = (rows["n_gained"] - rows["n_lost"]).groupby([rows[key] for key in _SESSION]).transform("sum")
    return rows.assign(stage=name, n_kept=rows["n_in"] + change).astype(dict.fromkeys(_COUNTS, "int64"))
