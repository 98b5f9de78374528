"""pictrial's own mixed models against dense formulas and balanced designs in closed form."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from scipy import stats

from pictrial.statistics import kenward_roger, satterthwaite
from pictrial.statistics.covariance_derivatives import covariance_derivatives, hessian_in_theta
from pictrial.statistics.linear_mixed_model import (
    OFF_THE_BOUNDARY,
    _off_the_boundary,
    fit_linear_mixed_model,
    minimise_deviance,
)
from pictrial.statistics.mixed_model_equations import MixedModelEquations
from pictrial.statistics.model_arrays import ModelMatrices, NotEstimable, RandomTerm


def term(group, codes, columns=("(Intercept)",), design=None):
    codes = np.asarray(codes)
    design = np.ones((len(codes), 1)) if design is None else design
    return RandomTerm(group, columns, design, codes, tuple(str(code) for code in range(codes.max() + 1)))


@cache
def crossed(weighted=False) -> ModelMatrices:
    """Slopes by uneven subjects and nested units, crossed with items; not centred."""
    rng = np.random.default_rng(7)
    subject = np.repeat(np.arange(9), [3, 4, 5, 6, 7, 8, 9, 10, 20])
    n = len(subject)
    unit = subject * 2 + rng.integers(0, 2, n)
    unit = np.unique(unit, return_inverse=True)[1]
    item = rng.integers(0, 5, n)
    x = 20 + rng.normal(size=n)
    fixed = np.column_stack([np.ones(n), x, rng.normal(size=n)])
    slopes = fixed[:, :2]
    y = 5 + rng.normal(size=9)[subject] * (x - 20) + 1.5 * rng.normal(size=9)[subject]
    y += rng.normal(size=unit.max() + 1)[unit] + rng.normal(size=5)[item] + rng.normal(size=n)
    terms = (
        term("subject:unit", unit),
        term("subject", subject, ("(Intercept)", "x"), slopes),
        term("item", item),
    )
    weights = rng.uniform(0.3, 3, n) if weighted else None
    return ModelMatrices(y, fixed, ("(Intercept)", "x", "w"), terms, weights)


def dense_parts(matrices: ModelMatrices):
    """G_i of every entry of T (per unit of sigma^2) and of the residual, n x n."""
    parts = []
    for random in matrices.random:
        same = random.codes[:, None] == random.codes
        k = len(random.columns)
        for column in range(k):
            for row in range(column, k):
                outer = np.outer(random.design[:, row], random.design[:, column])
                parts.append(same * (outer if row == column else outer + outer.T))
    weights = np.ones(len(matrices.response)) if matrices.weights is None else matrices.weights
    return [*parts, np.diag(1 / weights)]


def dense_g(equations: MixedModelEquations, theta, sigma):
    """The (co)variances that belong to theta of lme4, in the order of `dense_parts`."""
    g = []
    for factor in equations.factors(theta):
        column, row = np.triu_indices(len(factor))
        g.extend((sigma**2 * factor @ factor.T)[row, column])
    return np.array([*g, sigma**2])


def dense_deviance(matrices, g, reml):
    """-2 log likelihood at covariance parameters g, from the n x n covariance."""
    v = np.tensordot(g, dense_parts(matrices), axes=1)
    x, y = matrices.fixed, matrices.response
    information = x.T @ np.linalg.solve(v, x)
    beta = np.linalg.solve(information, x.T @ np.linalg.solve(v, y))
    residual = y - x @ beta
    deviance = np.linalg.slogdet(v)[1] + residual @ np.linalg.solve(v, residual)
    degrees = len(y)
    if reml:
        deviance += np.linalg.slogdet(information)[1]
        degrees -= x.shape[1]
    return deviance + degrees * np.log(2 * np.pi)


def some_theta(equations, zero=()):
    theta = np.random.default_rng(3).uniform(0.3, 1.2, len(equations.diagonal))
    theta[list(zero)] = 0
    return theta


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("reml", [False, True])
def test_deviance_is_the_likelihood_of_the_whole_covariance(weighted, reml):
    equations = MixedModelEquations(crossed(weighted))
    scaled = some_theta(equations)
    theta = equations.unscaled(scaled)
    assert equations.scaled(theta) == pytest.approx(scaled, rel=1e-12)
    sigma = equations.estimates(scaled, reml)[0]
    dense = dense_deviance(crossed(weighted), dense_g(equations, theta, sigma), reml)
    assert equations.deviance(scaled, reml)[0] == pytest.approx(dense, rel=1e-12)


@pytest.mark.parametrize("reml", [False, True])
@pytest.mark.parametrize("zero", [(), (1, 2)])
def test_gradient_and_hessian_are_those_of_finite_differences(reml, zero):
    matrices = crossed(weighted=True)
    equations = MixedModelEquations(matrices)
    theta, step = some_theta(equations, zero), 1e-5
    sigma = equations.estimates(theta, reml)[0]
    shifts = step * np.eye(len(theta))

    rises = [equations.deviance(theta + h, reml)[0] - equations.deviance(theta - h, reml)[0] for h in shifts]
    slopes = np.array(rises) / (2 * step)
    assert equations.deviance(theta, reml)[1] == pytest.approx(slopes, rel=1e-5, abs=1e-5)
    derivatives = covariance_derivatives(equations, theta, sigma)
    hessian = hessian_in_theta(equations, derivatives, theta, reml)[1]
    # Profiled over sigma, the Hessian is that of the exact gradient.
    profiled = hessian[:-1, :-1] - np.outer(hessian[:-1, -1], hessian[-1, :-1]) / hessian[-1, -1]
    numeric = [
        (equations.deviance(theta + h, reml)[1] - equations.deviance(theta - h, reml)[1]) / (2 * step)
        for h in shifts
    ]
    assert profiled == pytest.approx(np.array(numeric), rel=1e-5, abs=1e-5)


def test_inference_is_that_of_dense_formulas():
    matrices = crossed(weighted=True)
    model = fit_linear_mixed_model(matrices)
    parts, x = dense_parts(matrices), matrices.fixed
    w = np.linalg.inv(np.tensordot(dense_g(model.equations, model.theta, model.sigma), parts, axes=1))
    phi = np.linalg.inv(x.T @ w @ x)
    assert model.covariance == pytest.approx(phi, rel=1e-8)
    projection = w - w @ x @ phi @ x.T @ w
    a = 2 * np.linalg.inv([[np.sum((projection @ i) * (projection @ j).T) for j in parts] for i in parts])
    p_matrices = [x.T @ w @ i @ w @ x for i in parts]
    inside = sum(
        a[i, j] * (x.T @ w @ gi @ w @ gj @ w @ x - p_matrices[i] @ phi @ p_matrices[j])
        for i, gi in enumerate(parts)
        for j, gj in enumerate(parts)
    )
    assert kenward_roger.adjusted_covariance(model) == pytest.approx(phi + 2 * phi @ inside @ phi, rel=1e-6)
    residual = w @ (matrices.response - x @ model.beta)
    for random, effects, covariance in zip(
        matrices.random, model.random_effects, model.term_covariances, strict=True
    ):
        score = [
            random.design[random.codes == k].T @ residual[random.codes == k] for k in range(len(effects))
        ]
        assert effects == pytest.approx(np.array(score) @ covariance, rel=1e-6, abs=1e-9)


def test_optimum_is_flat_and_reached_from_seven_starts():
    model = fit_linear_mixed_model(crossed())
    assert len(model.start_deviances) == 7
    assert np.ptp(model.start_deviances) < 1e-8
    assert model.largest_gradient < 1e-8
    assert model.deviance <= min(model.start_deviances) + 1e-10


def test_a_start_on_the_boundary_is_left():
    equations = MixedModelEquations(crossed())
    theta, deviance = minimise_deviance(equations, np.zeros(len(equations.diagonal)), True)
    assert deviance == pytest.approx(fit_linear_mixed_model(crossed()).deviance, abs=1e-7)
    assert (theta[equations.diagonal] > 0.1).all()


def test_both_signs_below_a_zero_are_tried():
    equations = MixedModelEquations(crossed())
    theta = np.array([0.7, 0.0, 0.4, 1.0, 0.0])  # units; subjects: intercept, covariance, slope; items
    starts = _off_the_boundary(equations, theta)
    lifted = [0.7, OFF_THE_BOUNDARY, 0.4, 1.0, OFF_THE_BOUNDARY]
    assert [start.tolist() for start in starts] == [lifted, [*lifted[:2], -0.4, *lifted[3:]]]
    assert len(_off_the_boundary(equations, np.array([0.0, 1.0, 0.4, 1.0, 1.0]))) == 1
    assert _off_the_boundary(equations, np.ones(5)) == []


def inference(model):
    """What does not depend on units; the pooled df of Satterthwaite's joint test does."""
    rows = np.eye(len(model.beta))[1:]
    kr, fai = kenward_roger.joint_test(model, rows), satterthwaite.joint_test(model, rows)
    dfs = [satterthwaite.contrast_df(model, rows[0]), kenward_roger.contrast(model, rows[0])[1]]
    return [*dfs, kr.F, kr.df1, kr.df2, kr.p, fai.F, fai.df1]


def test_order_of_rows_changes_nothing():
    matrices = crossed(weighted=True)
    order = np.random.default_rng(1).permutation(len(matrices.response))
    shuffled = ModelMatrices(
        matrices.response[order],
        matrices.fixed[order],
        matrices.columns,
        tuple(replace(t, design=t.design[order], codes=t.codes[order]) for t in matrices.random),
        matrices.weights[order],
    )
    one, other = fit_linear_mixed_model(matrices), fit_linear_mixed_model(shuffled)
    assert other.theta == pytest.approx(one.theta, rel=1e-8)
    assert other.deviance == pytest.approx(one.deviance, rel=1e-12)
    assert inference(other) == pytest.approx(inference(one), rel=1e-8)


@pytest.mark.parametrize(("factor", "shift"), [(1e-6, 0.0), (1e6, 0.0), (1.0, 1e5)])
def test_units_of_the_response_change_only_units(factor, shift):
    matrices = crossed()
    one = fit_linear_mixed_model(matrices)
    other = fit_linear_mixed_model(replace(matrices, response=matrices.response * factor + shift))
    expected = one.beta * factor + np.array([shift, 0, 0])
    assert other.beta == pytest.approx(expected, rel=1e-9, abs=1e-9 * factor)
    assert other.sigma == pytest.approx(one.sigma * factor, rel=1e-8)
    assert other.theta == pytest.approx(one.theta, rel=1e-6)
    degrees = len(matrices.response) - 3
    assert other.deviance == pytest.approx(one.deviance + 2 * degrees * np.log(factor), rel=1e-10)
    assert inference(other) == pytest.approx(inference(one), rel=1e-6)


@pytest.mark.parametrize(("scale", "origin"), [(1.0, 1000.0), (1e-5, 0.0), (1e5, 0.0)])
def test_units_and_origin_of_a_covariate_change_only_units(scale, origin):
    matrices = crossed()
    fixed = matrices.fixed.copy()
    fixed[:, 1] = fixed[:, 1] * scale + origin
    terms = tuple(replace(t, design=fixed[:, :2]) if t.group == "subject" else t for t in matrices.random)
    one, other = (
        fit_linear_mixed_model(matrices),
        fit_linear_mixed_model(replace(matrices, fixed=fixed, random=terms)),
    )
    # REML depends on the units of X: log |X'X|
    assert other.deviance == pytest.approx(one.deviance + 2 * np.log(scale), abs=1e-7)
    assert other.term_covariances[1][1, 1] * scale**2 == pytest.approx(
        one.term_covariances[1][1, 1], rel=1e-6
    )
    assert inference(other) == pytest.approx(inference(one), rel=1e-5)


def test_one_weight_for_all_only_scales_sigma():
    matrices = crossed()
    one = fit_linear_mixed_model(matrices)
    other = fit_linear_mixed_model(replace(matrices, weights=np.full(len(matrices.response), 4.0)))
    assert other.sigma == pytest.approx(2 * one.sigma, rel=1e-9)
    assert other.covariance == pytest.approx(one.covariance, rel=1e-8)
    assert other.deviance == pytest.approx(one.deviance, rel=1e-12)
    assert inference(other) == pytest.approx(inference(one), rel=1e-8)


def one_way(between, seed=0, groups=6, size=5):
    """Balanced groups whose means and residuals have chosen spreads."""
    rng = np.random.default_rng(seed)
    codes = np.repeat(np.arange(groups), size)
    y = 10 + between * rng.normal(size=groups)[codes] + rng.normal(size=len(codes))
    return ModelMatrices(y, np.ones((len(y), 1)), ("(Intercept)",), (term("group", codes),))


def mean_squares(y, groups=6, size=5):
    table = y.reshape(groups, size)
    between = size * table.mean(axis=1).var(ddof=1)
    return between, table.var(axis=1, ddof=1).mean()


def test_balanced_one_way_is_the_analysis_of_variance():
    matrices = one_way(between=2.0)
    between, within = mean_squares(matrices.response)
    model = fit_linear_mixed_model(matrices)
    assert model.sigma**2 == pytest.approx(within, rel=1e-9)
    assert model.term_covariances[0][0, 0] == pytest.approx((between - within) / 5, rel=1e-9)
    assert model.beta[0] == pytest.approx(matrices.response.mean())
    assert model.covariance[0, 0] == pytest.approx(between / 30, rel=1e-9)
    assert satterthwaite.contrast_df(model, np.array([1.0])) == pytest.approx(5, rel=1e-8)
    error, df = kenward_roger.contrast(model, np.array([1.0]))
    assert (error**2, df) == (pytest.approx(between / 30, rel=1e-9), pytest.approx(5, rel=1e-8))
    assert not model.singular
    assert (model.npar, model.aic) == (3, pytest.approx(model.deviance + 6))
    assert model.bic == pytest.approx(model.deviance + 3 * np.log(30))
    full = fit_linear_mixed_model(matrices, reml=False)
    assert full.term_covariances[0][0, 0] == pytest.approx((between * 5 / 6 - within) / 5, rel=1e-9)


def test_no_spread_between_groups_is_a_singular_fit():
    y = np.tile([-2.0, -1, 0, 1, 2.5], 6)  # equal means: less between than within
    model = fit_linear_mixed_model(replace(one_way(0.0), response=y))
    assert model.singular
    assert model.zero_components == ("group.(Intercept)",)
    assert model.theta[0] == 0
    assert model.sigma**2 == pytest.approx(y.var(ddof=1), rel=1e-10)
    assert satterthwaite.contrast_df(model, np.array([1.0])) == pytest.approx(29, rel=1e-8)
    assert (model.random_effects[0] == 0).all()


def split_plot(seed=5, per_group=4, times=3):
    """Two groups of subjects, each measured at three times; treatment contrasts."""
    rng = np.random.default_rng(seed)
    subject = np.repeat(np.arange(2 * per_group), times)
    group, time = (subject >= per_group).astype(float), np.tile(np.arange(times), 2 * per_group)
    y = 3 + group + 0.5 * time + 1.5 * rng.normal(size=2 * per_group)[subject] + rng.normal(size=len(subject))
    dummies = [(time == level).astype(float) for level in range(1, times)]
    columns = [np.ones(len(y)), group - 0.5, *(d - 1 / times for d in dummies)]
    columns += [(group - 0.5) * (d - 1 / times) for d in dummies]
    names = ("(Intercept)", "group", "time1", "time2", "group:time1", "group:time2")
    return ModelMatrices(y, np.column_stack(columns), names, (term("subject", subject),))


def test_balanced_split_plot_has_the_exact_tests():
    matrices = split_plot()
    table = matrices.response.reshape(2, 4, 3)
    subjects = table.mean(axis=2)
    whole_error = 3 * subjects.var(axis=1, ddof=1).mean()
    group_square = 3 * 4 * subjects.mean(axis=1).var(ddof=1)
    residual = table - subjects[..., None] - (table.mean(axis=1) - subjects.mean(axis=1)[:, None])[:, None]
    error = np.sum(residual**2) / 12
    time_square = 8 * table.mean(axis=(0, 1)).var(ddof=1)
    model = fit_linear_mixed_model(matrices)
    assert whole_error > error  # else the fit would be singular
    assert model.sigma**2 == pytest.approx(error, rel=1e-9)
    assert model.term_covariances[0][0, 0] == pytest.approx((whole_error - error) / 3, rel=1e-9)
    rows = np.eye(6)
    for module in (kenward_roger, satterthwaite):
        group = module.joint_test(model, rows[1:2])
        assert (group.F, group.df1, group.df2) == pytest.approx((group_square / whole_error, 1, 6), rel=1e-7)
        time = module.joint_test(model, rows[2:4])
        assert (time.F, time.df1, time.df2) == pytest.approx((time_square / error, 2, 12), rel=1e-7)
        assert time.p == pytest.approx(stats.f.sf(time_square / error, 2, 12), rel=1e-6)
    assert satterthwaite.contrast_df(model, rows[1]) == pytest.approx(6, rel=1e-7)
    assert kenward_roger.contrast(model, rows[2])[1] == pytest.approx(12, rel=1e-7)
    assert kenward_roger.adjusted_covariance(model) == pytest.approx(model.covariance, rel=1e-6, abs=1e-10)


@pytest.mark.parametrize("subjects", [2, 3, 4, 6])
def test_complete_blocks_of_few_subjects_have_the_exact_test(subjects):
    """2 and 4 degrees of freedom are where Kenward and Roger's formulas divide zero by zero."""
    table = np.random.default_rng(2).normal(size=(subjects, 3)) + 3 * np.arange(subjects)[:, None]
    time = np.tile(np.arange(3), subjects)
    fixed = np.column_stack([np.ones(len(time)), time == 1, time == 2]).astype(float)
    codes = np.repeat(np.arange(subjects), 3)
    matrices = ModelMatrices(table.ravel(), fixed, ("(Intercept)", "t1", "t2"), (term("subject", codes),))
    model = fit_linear_mixed_model(matrices)
    residual = table - table.mean(axis=1)[:, None] - table.mean(axis=0) + table.mean()
    df = 2 * (subjects - 1)
    statistic = subjects * table.mean(axis=0).var(ddof=1) / (np.sum(residual**2) / df)
    rows = np.eye(3)[1:]
    for module in (kenward_roger, satterthwaite):
        test = module.joint_test(model, rows)
        assert (test.F, test.df1, test.df2) == pytest.approx((statistic, 2, df), rel=1e-6)
    assert kenward_roger.contrast(model, rows[0])[1] == pytest.approx(df, rel=1e-8)


def test_kenward_roger_asks_about_the_hypothesis_not_its_rows():
    model = fit_linear_mixed_model(crossed())
    rows = np.eye(3)[1:]
    mixed = np.array([[1.0, 2], [3, -1], [4, 1]]) @ rows
    one, other = kenward_roger.joint_test(model, rows), kenward_roger.joint_test(model, mixed)
    assert (other.F, other.df1, other.df2) == pytest.approx((one.F, 2, one.df2), rel=1e-9)


def test_a_group_that_is_also_fixed_does_not_count():
    matrices = split_plot()
    sides = term("side", np.repeat([0, 1], 12))
    model = fit_linear_mixed_model(replace(matrices, random=(*matrices.random, sides)))
    alone = fit_linear_mixed_model(matrices)
    row = np.eye(6)[2]
    assert kenward_roger.contrast(model, row) == pytest.approx(kenward_roger.contrast(alone, row), rel=1e-6)


def test_pooled_degrees_of_freedom():
    assert satterthwaite._pooled_df(np.array([7.0, 7.0])) == 7
    assert satterthwaite._pooled_df(np.array([2.0, 9.0])) == 2
    expectation = 4 / 2 + 6 / 4
    pooled = 2 * expectation / (expectation - 2)
    assert satterthwaite._pooled_df(np.array([4.0, 6.0])) == pytest.approx(pooled)


def test_what_cannot_be_estimated_is_refused():
    matrices = one_way(1.0)
    codes = np.arange(30)
    cases = {
        "one level": (term("group", codes * 0),),
        "too many": (term("group", codes),),
        "collinear": (term("group", codes // 5, ("a", "b"), np.ones((30, 2))),),
    }
    for message, terms in cases.items():
        with pytest.raises(NotEstimable, match=message):
            fit_linear_mixed_model(replace(matrices, random=terms))
    with pytest.raises(NotEstimable, match="exactly"):
        fit_linear_mixed_model(replace(matrices, response=np.full(30, 2.0)))
    with pytest.raises(NotEstimable, match="runs to zero"):
        fit_linear_mixed_model(replace(matrices, response=(codes // 5).astype(float)))
    with pytest.raises(NotEstimable, match="too few"):
        fit_linear_mixed_model(replace(matrices, fixed=np.eye(30)))
    with pytest.raises(ValueError, match="random term"):
        fit_linear_mixed_model(replace(matrices, random=()))
    full = fit_linear_mixed_model(matrices, reml=False)
    with pytest.raises(ValueError, match="REML"):
        kenward_roger.adjusted_covariance(full)
    for module in (kenward_roger, satterthwaite):
        with pytest.raises(ValueError, match="not zero"):
            module.joint_test(fit_linear_mixed_model(matrices), np.zeros((1, 1)))
