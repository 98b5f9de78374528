"""Clinical scores, from the tables of the data set's phenotype folder.

``phenotype/<table>.tsv`` has participant_id, session_id and a column per score, ``phenotype/<table>.json``
describes the columns (BIDS: Phenotypic and assessment data). A score belongs to one session.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from pictrial.checked_json import read_json_object
from pictrial.checked_yaml import did_you_mean
from pictrial.errors import InputError
from pictrial.recordings.bids_sidecars import inside_data_set
from pictrial.tables import MISSING
from pictrial.trial.delivery import read_listed
from pictrial.trial.plan import TrialPlan

_KEY = ["participant_id", "session_id"]


def clinical_scores(plan: TrialPlan, bids_root: str | Path) -> dict[str, pd.DataFrame]:
    """Return the values of every outcome of the plan that is a clinical score, by its name.

    Parameters
    ----------
    plan : TrialPlan
        The measure ``scores.<table>.<column>`` is that column of ``phenotype/<table>.tsv``.
    bids_root : str or Path
        Folder of the data set.

    Returns
    -------
    dict of str to DataFrame
        participant, session, value; without the rows that are ``n/a``.

    Raises
    ------
    InputError
        Where table, data dictionary or column is missing, a row belongs to no session of the plan or two
        rows to one, a score is neither a number nor ``n/a``, is not one of the dictionary's levels, or comes
        from a session that did not take place.
    """
    scores = {}
    for outcome in plan.outcomes.values():
        source, _, names = outcome.measure.partition(".")
        if source == "scores":
            table, _, column = names.partition(".")
            scores[outcome.name] = _read_scores(plan, Path(bids_root) / "phenotype" / f"{table}.tsv", column)
    return scores


def _read_scores(plan: TrialPlan, path: Path, column: str) -> pd.DataFrame:
    rows = read_listed(path, _KEY, [column])
    levels = _levels(path.with_suffix(".json"), column)
    taken = {(f"sub-{row.participant}", f"ses-{row.session}") for row in plan.sessions}
    planned = taken | {
        (f"sub-{entry.planned.participant}", f"ses-{entry.planned.session}")
        for entry in plan.missing_sessions
    }
    values = pd.to_numeric(rows[column], errors="coerce")
    for row, (person, session, text) in enumerate(rows[[*_KEY, column]].itertuples(index=False)):
        where = f"{path}, line {row + 2}"
        if (person, session) not in planned:
            rule = f"{person}, {session} is no session of the plan {plan.path}"
            people = sorted({name for name, _ in planned})
            known = [name for other, name in sorted(planned) if other == person]
            remedy = did_you_mean(session, known) if known else did_you_mean(person, people)
            raise InputError(where, rule, remedy)
        if text == MISSING:
            continue
        if not np.isfinite(values[row]):
            rule = f"{column} {text!r} is not a number"
            raise InputError(where, rule, f"Code it as a number, or write {MISSING} where it is missing.")
        if levels and values[row] not in levels:
            rule = f"{column} {text!r} is not a level of {path.with_suffix('.json').name}"
            raise InputError(where, rule, f"Levels are: {', '.join(map('{:g}'.format, sorted(levels)))}.")
        if (person, session) not in taken:
            rule = f"{person}, {session} has a score, but is listed under missing_sessions of {plan.path}"
            raise InputError(where, rule, f"Write {MISSING}, or correct the plan.")
    return pd.DataFrame(
        {
            "participant": rows["participant_id"].str.removeprefix("sub-"),
            "session": rows["session_id"].str.removeprefix("ses-"),
            "value": values.astype(float),
        }
    )[rows[column] != MISSING]


def _levels(path: Path, column: str) -> set[float]:
    """Return the numbers that the data dictionary names as levels of `column`; empty where it names none."""
    if not path.is_file():
        raise InputError(path, "there is no such file", "Describe the columns of the table in it, see BIDS.")
    try:
        names = list(read_json_object(inside_data_set(path))[column].get("Levels", {}))
    except (KeyError, TypeError, AttributeError) as error:
        raise InputError(path, f"column {column!r} is not described", "Add it, see BIDS.") from error
    numbers = pd.to_numeric(pd.Series(names, dtype=str), errors="coerce")
    return set(numbers[np.isfinite(numbers)].astype(float))
