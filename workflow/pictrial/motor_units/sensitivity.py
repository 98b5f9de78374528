"""The multiverse of ΔF: every combination of rules that a reasonable laboratory might have used."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import product

import numpy as np
import pandas as pd

from pictrial.motor_units.aggregation import every_unit_delta_f
from pictrial.motor_units.delta_f import PairCriteria, judge_pairs
from pictrial.motor_units.pair_measures import measure_pairs
from pictrial.motor_units.smoothing import RateSettings
from pictrial.tables import load_schema

#: The rule of the main analysis.
MAIN = "main"


@dataclass(frozen=True)
class SensitivitySettings:
    """What is varied; every combination is a rule.

    Attributes
    ----------
    smoothers : tuple of mapping
        Each names a ``smoother`` and those of its constants that differ from the configured ones.
    correlation_rule : tuple of str
        See :class:`pictrial.motor_units.delta_f.PairCriteria`, as for the next two.
    recruitment_gap : tuple of float
        s.
    derecruitment_gap : tuple of float or None
        s.
    """

    smoothers: tuple[Mapping, ...] = (
        {"smoother": "spline"},
        {"smoother": "polynomial"},
        {"smoother": "polynomial", "interval_share": 1.0},
        {"smoother": "polynomial", "order": 4, "interval_share": 1.0},
        {"smoother": "svr"},
        {"smoother": "hanning"},
    )
    correlation_rule: tuple[str, ...] = ("r", "r2")
    recruitment_gap: tuple[float, ...] = (0.5, 1.0, 2.0)
    derecruitment_gap: tuple[float | None, ...] = (None, 1.0)

    def __post_init__(self):
        # Lists from a configuration are as good as tuples.
        for name, values in vars(self).items():
            object.__setattr__(self, name, tuple(values))


@dataclass(frozen=True)
class Rule:
    """One way to estimate ΔF of pairs."""

    name: str
    rates: RateSettings
    criteria: PairCriteria


def rules_of(motor_units: Mapping) -> list[Rule]:
    """Return the main rule of a section ``motor_units`` of the configuration, and all that vary it.

    What the grid does not vary is as in the main rule.
    """
    main = Rule(MAIN, RateSettings.configured(motor_units), PairCriteria(**motor_units.get("criteria", {})))
    varied = SensitivitySettings(**motor_units.get("sensitivity", {}))
    rules = [main]
    grid = product(
        varied.smoothers, varied.correlation_rule, varied.recruitment_gap, varied.derecruitment_gap
    )
    for number, (smoother, correlation, recruitment, derecruitment) in enumerate(grid, start=1):
        name = smoother["smoother"]
        constants = {key: value for key, value in smoother.items() if key != "smoother"}
        configured = {**main.rates.smoothers, name: {**main.rates.smoothers.get(name, {}), **constants}}
        criteria = replace(
            main.criteria,
            correlation_rule=correlation,
            recruitment_gap=recruitment,
            derecruitment_gap=derecruitment,
        )
        rates = replace(main.rates, smoother=name, smoothers=configured)
        rules.append(Rule(f"rule{number:03d}", rates, criteria))
    return rules


def rules_table(rules: list[Rule]) -> pd.DataFrame:
    """Return what each rule is, schema ``delta_f_rules``."""
    rows = []
    for rule in rules:
        constants = rule.rates.constants
        rows.append(
            {
                "rule": rule.name,
                "smoother": rule.rates.smoother,
                "constants": "; ".join(f"{name} = {value:g}" for name, value in constants.items()),
                "isi_min": rule.rates.limits.isi_min,
                "isi_max": rule.rates.limits.isi_max,
                **vars(rule.criteria),
            }
        )
    return pd.DataFrame(rows)[list(load_schema("delta_f_rules")["columns"])]


def vary_delta_f(
    sessions: Mapping[tuple[str, str], dict[str, np.ndarray]], rules: list[Rule]
) -> pd.DataFrame:
    """Estimate ΔF of one participant's motor units by every rule.

    Parameters
    ----------
    sessions : mapping of (participant, session) to dict of str to ndarray
        The discharge times in s of each motor unit.
    rules : list of Rule
        Those with the same smoother stand next to each other; rates are smoothed once for them.

    Returns
    -------
    DataFrame
        Schema ``delta_f_multiverse``: one row per rule, aggregation, session and test unit with a value.
    """
    tables, smoothed, measured = [], None, []
    for rule in rules:
        how = rule.rates.smoother, rule.rates.constants, rule.rates.limits
        if how != smoothed:
            smoothed = how
            measured = [measure_pairs(discharges, rule.rates) for discharges in sessions.values()]
        ledgers = [
            judge_pairs(pairs, rule.criteria).assign(participant=participant, session=session)
            for pairs, (participant, session) in zip(measured, sessions, strict=True)
        ]
        tables.append(every_unit_delta_f(measured, ledgers).assign(rule=rule.name))
    return pd.concat(tables, ignore_index=True)[list(load_schema("delta_f_multiverse")["columns"])]
