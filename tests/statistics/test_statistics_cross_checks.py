"""The fit of statsmodels beside ours: where they agree, where it misses, and what stops the job."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from pictrial.errors import InputError
from pictrial.seeds import random_generator
from pictrial.statistics.cross_checks import COLUMNS, cross_check, judge, require_agreement
from pictrial.statistics.fitted_model import FittedModel, fit_model

LEVELS = {"condition": ["control", "RI", "WBR"], "sex": ["F", "M"]}
#: Case, data and formula: slopes (correlated and not), crossed, nested, slopes and nested, singular.
CASES = [
    ("sleep_slope", "sleepstudy", "Reaction ~ Days + (Days|Subject)"),
    ("sleep_indep", "sleepstudy", "Reaction ~ Days + (1|Subject) + (0+Days|Subject)"),
    ("penicillin", "penicillin", "diameter ~ 1 + (1|plate) + (1|sample)"),
    (
        "homo_pxc",
        "trial_homo",
        "dF ~ condition + (1|participant) + (1|participant:condition) + (1|participant:unit)",
    ),
    ("homo_slope", "trial_homo", "dF ~ condition + (condition|participant) + (1|participant:unit)"),
    ("singular_nested", "trial_singular", "dF ~ condition + (1|participant) + (1|participant:unit)"),
]


def fitted(lme4, data: str, formula: str) -> FittedModel:
    frame = pd.read_csv(lme4 / "data" / f"{data}.csv")
    return fit_model(frame, formula, {name: levels for name, levels in LEVELS.items() if name in frame})


@pytest.fixture(scope="module")
def crossover() -> pd.DataFrame:
    """Twelve people, two units each, three conditions, twice; weights over two orders of magnitude."""
    rng = random_generator(5, "cross-checks")
    rows = [
        (f"p{person:02d}", f"u{unit}", condition)
        for person in range(12)
        for unit in range(2)
        for condition in LEVELS["condition"]
        for _ in range(2)
    ]
    frame = pd.DataFrame(rows, columns=["participant", "unit", "condition"])
    weights = 10 ** rng.uniform(-1, 1, len(frame))
    frame["value"] = rng.normal(0, 1, 12)[frame.groupby("participant").ngroup()]
    frame["value"] += rng.normal(0, 0.5, len(frame)) / np.sqrt(weights)
    return frame.assign(weight=weights, dose=rng.normal(0, 1, len(frame)))


@pytest.mark.parametrize(("case", "data", "formula"), CASES)
def test_statsmodels_finds_the_optimum_of_r(lme4, case, data, formula):
    expected = pd.read_csv(lme4 / "expected" / f"{case}.csv").set_index("stat")["value"]
    table = cross_check({case: fitted(lme4, data, formula)})
    assert list(table) == COLUMNS
    row = table.iloc[0]
    assert (row["analysis"], row["engine"], row["verdict"]) == (case, "statsmodels MixedLM", "agrees")
    assert row["deviance"] == pytest.approx(float(expected["reml_crit"]), abs=1e-5)
    assert abs(row["deviance_difference"]) < 1e-5
    assert row["sd_difference"] < 1e-3
    assert row["coefficient_difference"] < 1e-4
    assert row["optimiser"] in ("default", "powell")
    assert f"{row['optimiser']}: deviance {row['deviance']:.6f}" in row["note"]
    require_agreement(table)


def test_deviance_is_that_of_statsmodels_itself(lme4):
    from statsmodels.regression.mixed_linear_model import MixedLM

    case, data, formula = CASES[3]
    frame = pd.read_csv(lme4 / "data" / f"{data}.csv")
    frame["condition"] = pd.Categorical(frame["condition"], LEVELS["condition"])
    terms = {"unit": "0 + C(unit)", "condition": "0 + C(condition)"}
    own = MixedLM.from_formula(
        "dF ~ condition", frame, groups="participant", re_formula="1", vc_formula=terms
    ).fit()
    table = cross_check({case: fitted(lme4, data, formula)})
    assert table["deviance"].iloc[0] == pytest.approx(-2 * own.llf, abs=1e-4)


def test_a_worse_optimum_of_statsmodels_is_no_objection(lme4):
    formula = "dF ~ condition + (condition|participant) + (1|participant:unit)"
    table = cross_check({"slope": fitted(lme4, "trial_singular", formula)})
    assert table["verdict"].tolist() == ["worse optimum"]
    assert 0.001 < table["deviance_difference"].iloc[0] < 1
    require_agreement(table)


def test_a_fit_that_misses_the_optimum_stops_the_job(lme4):
    model = fitted(lme4, "trial_homo", CASES[3][2])
    theta = model.fit.theta * np.array([1.0, 0.5, 1.0])
    equations = model.fit.equations
    deviance = equations.deviance(equations.scaled(theta), True)[0]
    sigma, beta, covariance = equations.estimates(equations.scaled(theta), True)
    wrong = replace(model.fit, theta=theta, deviance=deviance, sigma=sigma, beta=beta, covariance=covariance)
    table = cross_check({"right": model, "wrong": replace(model, fit=wrong)})
    assert table["verdict"].tolist() == ["agrees", "better optimum"]
    row = table.iloc[1]
    assert row["deviance_difference"] == pytest.approx(model.fit.deviance - deviance, abs=1e-5)
    # Of the term whose theta was halved: its own SD is about twice as large at the optimum.
    assert row["sd_difference"] == pytest.approx(2 * model.fit.sigma / sigma - 1, rel=1e-3)
    assert row["coefficient_difference"] > 1e-4
    with pytest.raises(InputError, match=r"analysis wrong: .*\(\w+\) reaches a deviance lower by 2\.\d+"):
        require_agreement(table)


def test_prior_weights_are_weights_in_statsmodels_too(crossover):
    model = fit_model(
        crossover,
        "value ~ condition + (1 | participant) + (1 | participant:unit)",
        {"condition": LEVELS["condition"]},
        crossover["weight"].to_numpy(),
    )
    row = cross_check({"weights": model}).iloc[0]
    assert row["verdict"] == "agrees"
    assert row["sd_difference"] < 1e-2


def test_no_outer_term_is_needed(lme4):
    """The term of the participants may be absorbed: independent blocks are what counts."""
    frame = pd.read_csv(lme4 / "data" / "trial_homo.csv")
    model = fit_model(
        frame,
        "dF ~ condition + participant + (1|participant:condition) + (1|participant:unit)",
        {"condition": LEVELS["condition"]},
    )
    assert cross_check({"fixed participants": model})["verdict"].tolist() == ["agrees"]


@pytest.mark.parametrize(
    ("random", "why"),
    [
        ("(1 | participant) + (1 + dose | participant:unit)", "effects of participant:unit are correlated"),
        ("(1 + dose | participant) + (0 + condition | participant)", "several terms have correlated"),
    ],
)
def test_what_statsmodels_cannot_express_is_said(crossover, random, why):
    model = fit_model(crossover, f"value ~ condition + dose + {random}", {"condition": LEVELS["condition"]})
    table = cross_check({"slopes": model})
    assert table["verdict"].tolist() == ["cannot express"]
    assert table["note"].iloc[0].startswith(f"cannot express: {why}")
    assert table[["deviance", "deviance_difference", "sd_difference"]].isna().all(axis=None)
    require_agreement(table)


def test_an_optimiser_that_fails_leaves_the_other(lme4, monkeypatch):
    from statsmodels.regression.mixed_linear_model import MixedLM

    model, fit = fitted(lme4, "sleepstudy", CASES[0][2]), MixedLM.fit

    def only(*methods):
        def instead(self, *arguments, method=None, **named):
            if method in methods:
                return fit(self, *arguments, method=method, **named)
            raise np.linalg.LinAlgError("Singular matrix")

        return instead

    monkeypatch.setattr(MixedLM, "fit", only("powell"))
    row = cross_check({"sleep": model}).iloc[0]
    assert (row["verdict"], row["optimiser"]) == ("agrees", "powell")
    assert "default: no result (Singular matrix)" in row["note"]
    monkeypatch.setattr(MixedLM, "fit", only())
    table = cross_check({"sleep": model})
    assert table["verdict"].tolist() == ["no result"]
    require_agreement(table)


@pytest.mark.parametrize(
    ("difference", "errors", "verdict"),
    [
        (-0.0011, 0.0, "better optimum"),
        (-0.0009, np.nan, "agrees"),
        (0.0009, 0.0099, "agrees"),
        (0.0, 0.0101, "standard error differs"),
        (0.0011, 0.5, "worse optimum"),
    ],
)
def test_verdicts(difference, errors, verdict):
    assert judge(difference, errors) == verdict


def test_a_standard_error_that_differs_stops_the_job():
    row = {"analysis": "primary", "engine": "R lme4", "optimiser": "bobyqa", "deviance_difference": 0.0}
    row |= {"standard_error_difference": 0.02, "verdict": judge(0.0, 0.02)}
    with pytest.raises(InputError, match=r"analysis primary: a standard error of R lme4 differs by 2\.00%"):
        require_agreement(pd.DataFrame([row]))
