"""pictrial's own mixed models against the reference fits by lme4, lmerTest and pbkrtest."""

import re
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from pictrial.statistics import kenward_roger, satterthwaite
from pictrial.statistics.linear_mixed_model import LinearMixedModel, fit_linear_mixed_model
from pictrial.statistics.model_arrays import ModelMatrices, RandomTerm

LEVELS = {"condition": ["control", "RI", "WBR"], "sex": ["F", "M"], "Machine": ["A", "B", "C"]}
CASES = [
    *("sleep_slope", "sleep_int", "sleep_indep", "penicillin", "pastes", "machines", "machines_slope"),
    *("homo_nested", "homo_slope", "homo_pxc", "homo_sexint", "small6_nested", "small6_slope"),
    *("singular_nested", "singular_slope"),
]
ONE_FACTOR = [case for case in CASES if case not in ("penicillin", "pastes", "homo_sexint")]

# The reference itself is the end of a search without gradients: it is off the optimum by 1e-7 or so.
RELATIVE = 5e-6


def columns_of(effects: str, table: pd.DataFrame) -> tuple[tuple[str, ...], np.ndarray]:
    """Columns as R names them; main effects first, then interactions."""
    effects = effects.replace(" ", "")
    columns = {} if effects.startswith("0+") else {"(Intercept)": np.ones(len(table))}

    def main(name):
        if name not in LEVELS:
            return {name: table[name].to_numpy(float)}
        return {name + level: (table[name] == level).to_numpy(float) for level in LEVELS[name][1:]}

    parts = [part for part in re.split(r"[+*]", effects) if part not in ("0", "1", "")]
    for part in parts:
        columns |= main(part)
    for one, other in re.findall(r"(\w+)\*(\w+)", effects):
        products = [(a, b) for b in main(other) for a in main(one)]
        columns |= {f"{a}:{b}": columns[a] * columns[b] for a, b in products}
    return tuple(columns), np.column_stack(list(columns.values()))


def matrices_of(folder: Path, case: str) -> ModelMatrices:
    row = pd.read_csv(folder / "cases.csv", sep=";").set_index("case").loc[case]
    table = pd.read_csv(folder / "data" / row["data"], dtype={"Subject": str, "Worker": str})
    response, right = row["formula"].split("~")
    terms = []
    for effects, group in re.findall(r"\(([^|]*)\|([^)]*)\)", right):
        keys = table[group.strip().split(":")].agg(":".join, axis=1)
        codes, names = pd.factorize(keys, sort=True)
        terms.append(RandomTerm(group.strip(), *columns_of(effects, table), codes, tuple(names)))
    terms.sort(key=lambda term: -term.n_levels)
    names, fixed = columns_of(re.sub(r"\([^)]*\)", "", right), table)
    return ModelMatrices(table[response.strip()].to_numpy(), fixed, names, tuple(terms))


@cache
def fitted(folder: Path, case: str, reml: bool = True) -> LinearMixedModel:
    return fit_linear_mixed_model(matrices_of(folder, case), reml)


@cache
def expected(folder: Path, case: str) -> pd.Series:
    table = pd.read_csv(folder / "expected" / f"{case}.csv", keep_default_na=False)
    return pd.to_numeric(table.set_index(["section", "term", "stat"])["value"], errors="coerce")  # NA


def covariances(model: LinearMixedModel) -> dict[str, float]:
    found, seen = {"Residual||": model.sigma**2}, []
    for term, matrix in zip(model.matrices.random, model.term_covariances, strict=True):
        name = term.group + (f".{seen.count(term.group)}" if term.group in seen else "")
        seen.append(term.group)
        for row, one in enumerate(term.columns):
            found[f"{name}|{one}|"] = matrix[row, row]
            for column, other in enumerate(term.columns[:row]):
                found[f"{name}|{other}|{one}"] = matrix[row, column]
    return found


def assert_close(found: dict[str, float], reference: pd.Series, relative=RELATIVE, floor=0.0):
    assert set(found) == set(reference.index)
    values = np.array([found[name] for name in reference.index])
    assert values == pytest.approx(reference.to_numpy(), rel=relative, abs=floor)


def square(matrix: np.ndarray, names: tuple[str, ...]) -> dict[str, float]:
    return {f"{a}~{b}": matrix[i, j] for i, a in enumerate(names) for j, b in enumerate(names)}


@pytest.mark.parametrize("case", CASES)
def test_fit(lme4, case):
    model, reference = fitted(lme4, case), expected(lme4, case)
    fit = reference["fit"].droplevel("term")
    assert model.deviance == pytest.approx(fit["reml_crit"], abs=1e-8)
    assert model.log_likelihood == pytest.approx(fit["logLik_reml"], abs=1e-8)
    assert (model.aic, model.bic) == pytest.approx((fit["AIC_reml"], fit["BIC_reml"]), abs=1e-8)
    assert model.npar == fit["npar"]
    assert model.sigma == pytest.approx(fit["sigma"], rel=RELATIVE)
    assert model.singular == bool(fit["is_singular"])
    values = dict(zip(model.theta_names, model.theta, strict=True))
    assert all(values[name] == 0 for name in model.zero_components)
    assert np.ptp(model.start_deviances) < 1e-8
    # A factor of zero is the root of a variance of zero: it is only known to the root of the precision.
    assert model.theta == pytest.approx(reference["theta"].to_numpy(), abs=3e-6)
    estimates = reference["fixef"].xs("estimate", level="stat")
    found = dict(zip(model.matrices.columns, model.beta, strict=True))
    assert_close(found, estimates, relative=0, floor=1e-6 * np.sqrt(np.diag(model.covariance)).min())
    assert_close(square(model.covariance, model.matrices.columns), reference["vcov_beta"].droplevel("stat"))
    largest = reference["vc"].abs().max()
    assert_close(covariances(model), reference["vc"].droplevel("stat"), floor=1e-7 * largest)


@pytest.mark.parametrize("case", CASES)
def test_fit_by_full_maximum_likelihood(lme4, case):
    model, reference = fitted(lme4, case, reml=False), expected(lme4, case)
    fit = reference["fit_ml"].droplevel("term")
    assert model.deviance == pytest.approx(fit["deviance"], abs=1e-8)
    assert (model.aic, model.bic) == pytest.approx((fit["AIC"], fit["BIC"]), abs=1e-8)
    assert model.sigma == pytest.approx(fit["sigma"], rel=RELATIVE)
    largest = reference["vc_ml"].abs().max()
    assert_close(covariances(model), reference["vc_ml"].droplevel("stat"), floor=1e-7 * largest)
    found = dict(zip(model.matrices.columns, model.beta, strict=True))
    assert_close(found, reference["fixef_ml"].droplevel("stat"))


@pytest.mark.parametrize(
    "case", [case for case in CASES if case.startswith(("homo", "sleep", "pen", "past"))]
)
def test_predicted_random_effects(lme4, case):
    model, reference = fitted(lme4, case), expected(lme4, case)
    found = {
        f"{term.group}|{level}|{column}": effects[row, place]
        for term, effects in zip(model.matrices.random, model.random_effects, strict=True)
        for row, level in enumerate(term.level_names)
        for place, column in enumerate(term.columns)
    }
    assert_close(found, reference["ranef"].droplevel("stat"), floor=2e-7 * model.sigma)


@pytest.mark.parametrize("case", CASES)
def test_single_coefficients(lme4, case):
    model, reference = fitted(lme4, case), expected(lme4, case)
    satt, kr = reference["fixef"], reference["fixef_kr"]
    for row, name, estimate in zip(np.eye(len(model.beta)), model.matrices.columns, model.beta, strict=True):
        df = satterthwaite.contrast_df(model, row)
        t = estimate / np.sqrt(row @ model.covariance @ row)
        found = (df, 2 * stats.t.sf(abs(t), df))
        assert found == pytest.approx(tuple(satt[name][["satt_df", "satt_p"]]), rel=2e-5)
        error, df = kenward_roger.contrast(model, row)
        found = (error, df, 2 * stats.t.sf(abs(estimate / error), df))
        assert found == pytest.approx(tuple(kr[name][["se", "df", "p"]]), rel=RELATIVE)
    adjusted = square(kenward_roger.adjusted_covariance(model), model.matrices.columns)
    assert_close(adjusted, reference["vcov_beta_kr"].droplevel("stat"))


@pytest.mark.parametrize("case", ONE_FACTOR)
def test_joint_test_of_the_one_factor(lme4, case):
    model, reference = fitted(lme4, case), expected(lme4, case)
    # lmerTest's rows: those of the upper triangle of X'X = LDL', which Satterthwaite's pooled df depends on.
    triangle = np.linalg.cholesky(model.matrices.fixed.T @ model.matrices.fixed).T
    rows = (triangle / np.diag(triangle)[:, None])[1:]
    for section, module in (("anova3_satt", satterthwaite), ("anova3_kr", kenward_roger)):
        test = module.joint_test(model, rows)
        anova = reference[section].droplevel("term")[["F", "numdf", "dendf", "p"]]
        assert (test.F, test.df1, test.df2, test.p) == pytest.approx(tuple(anova), rel=RELATIVE)
