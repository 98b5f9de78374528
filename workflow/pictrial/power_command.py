"""The body of `pictrial power`."""

import argparse
import math
from pathlib import Path
from typing import TYPE_CHECKING

from pictrial.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

    from pictrial.statistics.power import PlannedTest
    from pictrial.statistics.simulated_outcomes import StandardDeviations
    from pictrial.trial.plan import TrialPlan

USUAL_TARGET = 0.8
#: Names of --sd and the fields of `StandardDeviations`.
_PARTS = {
    "participant": "participant",
    "participant:condition": "participant_condition",
    "participant:unit": "participant_unit",
    "residual": "residual",
}


def add_power(commands) -> None:
    """Add the command to the parser's."""
    power = commands.add_parser("power", help="estimate the power of a crossover trial by simulation")
    power.add_argument("--participants", required=True, metavar="N,…", help="numbers of participants")
    power.add_argument("--units", default="10", metavar="N,…", help="motor units of each; default: 10")
    power.add_argument(
        "--effect",
        action="append",
        required=True,
        metavar="CONDITION=VALUE,…",
        help="differences from the mean of a condition without an effect; repeat it for another scenario",
    )
    power.add_argument(
        "--sd", metavar="PART=VALUE,…", help=f"standard deviations, all of {', '.join(_PARTS)}"
    )
    power.add_argument("--outcomes", type=Path, metavar="OUTCOMES.tsv", help="estimate them from these")
    power.add_argument("--plan", type=Path, metavar="TRIAL.yaml", help="take the primary analysis from it")
    power.add_argument(
        "--reference", default="control", help="without --plan: what the effects are compared with"
    )
    power.add_argument("--dropout", default="0", metavar="SHARE,…", help="of values lost; default: 0")
    power.add_argument("--target", type=float, default=USUAL_TARGET, help=f"default: {USUAL_TARGET}")
    power.add_argument("--trials", type=int, default=1000, help="drawn in each cell; default: 1000")
    power.add_argument("--seed", type=int, default=1)
    power.add_argument("--processes", type=int, default=1)
    power.add_argument("--output", type=Path, required=True, metavar="POWER.tsv", help="and its .pdf, …")
    power.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Simulate, print table and sentences, and write the table and the figure."""
    from pictrial.files import atomic_path
    from pictrial.reporting.figures import write_figure
    from pictrial.reporting.power_figure import draw_power
    from pictrial.statistics.power import (
        planned_test,
        power_curve,
        protocol_sentence,
        smallest_participants,
        usual_test,
    )
    from pictrial.statistics.simulated_outcomes import OutcomeModel
    from pictrial.trial.plan import load_plan

    effects = [_values("--effect", text) for text in options.effect]
    plan = load_plan(options.plan) if options.plan else None
    if plan:
        test = planned_test(plan)
    else:
        names = [name for planted in effects for name in planted if name != options.reference]
        test = usual_test(list(dict.fromkeys([options.reference, *names])))
    model = OutcomeModel(_standard_deviations(options, plan, test))
    curve = power_curve(
        test,
        model,
        _numbers("--participants", options.participants, int),
        _numbers("--units", options.units, int),
        _numbers("--dropout", options.dropout, float),
        effects,
        options.trials,
        options.seed,
        options.processes,
    )
    with atomic_path(options.output) as temporary:
        curve.to_csv(temporary, sep="\t", index=False, na_rep="n/a", lineterminator="\n")
    write_figure(draw_power(curve, options.target), options.output.with_suffix(""))
    print(curve.to_string(index=False, na_rep="", float_format="{:.3g}".format))
    for row in smallest_participants(curve, options.target).itertuples():
        contrast = f"{row.level} - {row.minus}" if row.minus else row.level
        number = "" if math.isnan(row.participants) else f"{row.participants:.0f} participants, "
        print(
            f"power {options.target:g} for {contrast} ({row.effects}; {row.units} units, "
            f"{row.lost_units:g} lost): {number}{row.warning}"
        )
    print(protocol_sentence(_design_to_describe(curve, options.target), test, model))


def _design_to_describe(curve: "pd.DataFrame", target: float) -> "pd.Series":
    """Return the first cell that reaches the target for all contrasts together, else the last."""
    together = curve.groupby(["participants", "units", "lost_units", "effects"], sort=False).tail(1)
    reached = together[together["power"] >= target]
    return reached.iloc[0] if len(reached) else together.iloc[-1]


def _standard_deviations(
    options: argparse.Namespace, plan: "TrialPlan | None", test: "PlannedTest"
) -> "StandardDeviations":
    """Return those that were given, or those of the outcomes."""
    from pictrial.statistics.fitted_model import fit_model, model_frame
    from pictrial.statistics.model_arrays import NotEstimable
    from pictrial.statistics.power import fitted_standard_deviations, primary_analyses
    from pictrial.statistics.simulated_outcomes import StandardDeviations
    from pictrial.tables import read_table

    if (options.sd is None) == (options.outcomes is None):
        raise InputError("--sd, --outcomes", "one of them is needed, not both", "Give one.")
    if options.sd:
        given = _values("--sd", options.sd)
        if set(given) != set(_PARTS):
            raise InputError(
                f"--sd {options.sd}", "a part is missing or unknown", f"Give {', '.join(_PARTS)}."
            )
        return StandardDeviations(**{_PARTS[name]: value for name, value in given.items()})
    if plan is None:
        raise InputError("--outcomes", "it needs --plan", "Name the plan of the trial they are from.")
    primary = primary_analyses(plan)[0]
    outcomes = read_table(options.outcomes, "outcomes")
    inside = outcomes["sequence"].isin(plan.sequences_of(primary.experiment))
    rows = outcomes[inside & (outcomes["outcome"] == primary.outcome) & outcomes["value"].notna()]
    try:
        fitted = fit_model(model_frame(rows), test.formula, {"condition": test.conditions})
    except NotEstimable as reason:
        raise InputError(options.outcomes, str(reason), "Give --sd instead.") from None
    for warning in fitted.warnings:
        print(f"{options.outcomes}: {warning}")
    return fitted_standard_deviations(fitted)


def _values(option: str, text: str) -> dict[str, float]:
    """Return what ``NAME=VALUE,…`` says."""
    values = {}
    for part in text.split(","):
        name, _, value = part.partition("=")
        try:
            values[name.strip()] = float(value)
        except ValueError:
            raise InputError(f"{option} {text}", f"{part!r} is not NAME=NUMBER", "Correct it.") from None
    return values


def _numbers(option: str, text: str, kind: type) -> list:
    try:
        return [kind(part) for part in text.split(",")]
    except ValueError:
        raise InputError(f"{option} {text}", "it is not a list of numbers", "Write it as 6,8,10.") from None
