"""The whole room on tables as the pipeline hands them over: written to files and read again."""

import numpy as np
import pandas as pd
import pytest
from trial_plans import SAMPLE, SINGLE

from pictrial.motor_units.aggregation import unit_delta_f
from pictrial.motor_units.delta_f import estimate_delta_f
from pictrial.motor_units.units import describe_units
from pictrial.seeds import random_generator
from pictrial.tables import read_table, write_table
from pictrial.trial.analysis_tables import (
    build_exclusions,
    build_outcomes,
    build_participants,
    build_periods,
)
from pictrial.trial.plan import load_plan, schedule


def discharges(participant, session):
    """Return units of a 20-s ramp, the later the recruitment the earlier the derecruitment."""
    random = random_generator(1, participant, session)
    units = {}
    for number in range(4):
        times = [4.0 + 1.5 * number]
        while times[-1] < 21.0 - number:
            rate = 8 + 0.5 * (10 - abs(times[-1] - 13))
            times.append(times[-1] + (1 + 0.08 * random.standard_normal()) / rate)
        units[f"mu{number}"] = np.array(times)
    return units | {"few": np.array([10.0, 10.1, 10.2])}


@pytest.mark.parametrize("source", [SAMPLE, SINGLE])
def test_from_discharges_to_the_analysis_tables(source, tmp_path):
    plan = load_plan(source)
    torque = np.zeros(30_000)
    units, pairs = [], []
    for planned in plan.sessions:
        where = {"participant": planned.participant, "session": planned.session}
        trains = discharges(planned.participant, planned.session)
        units.append(describe_units(trains, torque, 1000.0).assign(**where))
        pairs.append(estimate_delta_f(trains).assign(**where))
    write_table(pd.concat(units, ignore_index=True), tmp_path / "units.tsv", "units")
    write_table(pd.concat(pairs, ignore_index=True), tmp_path / "pairs.tsv", "pairs")
    units, pairs = read_table(tmp_path / "units.tsv", "units"), read_table(tmp_path / "pairs.tsv", "pairs")

    calendar = schedule(plan)
    quality = units[["participant", "session", "unit_id"]].assign(accepted=True, reason=pd.NA)
    channels = calendar[["participant", "session"]].assign(channel="E01", status="bad", reason="no signal")
    people = pd.DataFrame({"participant_id": [f"sub-{name}" for name in plan.participants]})
    outcomes = build_outcomes(
        plan, calendar, {"delta_f": unit_delta_f(pairs).rename(columns={"delta_f": "value"})}
    )
    tables = {
        "outcomes": outcomes,
        "analysis_periods": build_periods(calendar, quality, units, pairs, outcomes),
        "analysis_participants": build_participants(plan, calendar, people, outcomes),
        "exclusions": build_exclusions(plan, channels, quality, units, pairs, outcomes),
    }
    for name, table in tables.items():
        write_table(table, tmp_path / f"{name}.tsv", name)
    outcomes, periods, participants, exclusions = (
        read_table(tmp_path / f"{name}.tsv", name) for name in tables
    )

    n = len(plan.sessions)
    assert len(outcomes) == 3 * n and outcomes["matched"].all() and outcomes["value"].notna().all()
    assert periods["n_units"].tolist() == periods["n_units_tracked"].tolist() == [5] * n
    assert periods["n_test_units"].tolist() == [3] * n
    assert participants["analysed"].all() and len(participants) == len(plan.participants)
    counted = exclusions.groupby(["what", "reason"])["count"].sum()
    assert counted["channel", "no signal"] == n
    assert counted["motor unit", "too_few_discharges: 2 rates of 10"] == n
    assert counted["motor unit", "no_passing_control"] == n
    assert counted["pairs"].sum() == (~pairs["passed"].astype(bool)).sum()
