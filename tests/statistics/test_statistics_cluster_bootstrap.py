"""The cluster bootstrap: by hand, by closed forms, and against scipy's BCa interval."""

import numpy as np
import pandas as pd
import pytest
from drawn_trial import DrawnTrial, draw_outcomes

from pictrial.errors import InputError
from pictrial.seeds import random_generator
from pictrial.statistics.cluster_bootstrap import _refit, bca_interval, cluster_bootstrap
from pictrial.statistics.fitted_model import fit_model, model_frame, planned_contrasts

FORMULA = "value ~ condition + (1 | participant) + (1 | participant:condition)"
LEVELS = {"condition": ["control", "stimulation", "relaxation"]}
PAIRS = [("stimulation", "control"), ("relaxation", "control")]
NUMBERS = ["estimate", "standard_error", "bias", "ci_lower", "ci_upper", "bca_lower", "bca_upper"]


@pytest.fixture(scope="module")
def frame(outcomes):
    return model_frame(outcomes)


@pytest.fixture(scope="module")
def balanced(plan):
    return model_frame(draw_outcomes(plan.sessions, DrawnTrial(units=3, matched=1.0), seed=2))


def paired_frame(differences):
    n = len(differences)
    names = [f"{number:03d}" for number in range(n)]
    values = np.concatenate([np.zeros(n), differences])
    conditions = ["control"] * n + ["stimulation"] * n
    return pd.DataFrame({"participant": names * 2, "condition": conditions, "value": values})


def test_resampled_means_by_hand():
    differences = np.array([-1.2, -0.4, -0.9, -2.4, -0.7, 0.3])
    row = cluster_bootstrap(paired_frame(differences), None, {}, PAIRS[:1], seed=3).iloc[0]
    drawn = random_generator(3, "cluster bootstrap").integers(6, size=(1000, 6))
    means = differences[drawn].mean(axis=1)
    assert row["estimate"] == pytest.approx(differences.mean())
    assert row["standard_error"] == pytest.approx(means.std(ddof=1))
    assert row["bias"] == pytest.approx(means.mean() - differences.mean())
    assert (row["ci_lower"], row["ci_upper"]) == pytest.approx(tuple(np.quantile(means, [0.025, 0.975])))
    # Over all 6^6 samples the variance of the mean is sum (d - mean)^2 / n^2.
    assert row["standard_error"] == pytest.approx(np.sqrt(differences.var() / 6), rel=0.08)
    assert "6 participants: bootstrap intervals are too short" in row["warning"]


def test_bca_interval_is_that_of_scipy():
    from scipy.stats import bootstrap

    values = random_generator(4, "bca").exponential(1, 25)
    found = bootstrap((values,), np.mean, n_resamples=4000, method="BCa", random_state=1)
    left_out = (values.sum() - values) / 24
    interval = bca_interval(values.mean(), found.bootstrap_distribution, left_out)
    assert interval == pytest.approx(tuple(found.confidence_interval))
    assert np.isnan(bca_interval(99.0, found.bootstrap_distribution, left_out)).all()
    assert np.isnan(bca_interval(1.0, found.bootstrap_distribution, np.ones(25))).all()


def test_refitted_model_of_a_balanced_trial_is_that_of_the_means(balanced):
    by_model = cluster_bootstrap(balanced, FORMULA, LEVELS, PAIRS, seed=1, replicates=50)
    by_means = cluster_bootstrap(balanced, None, LEVELS, PAIRS, seed=1, replicates=50)
    np.testing.assert_allclose(by_model[NUMBERS], by_means[NUMBERS], atol=1e-8)
    assert by_model["warning"].str.contains("too short").all()


def test_a_participant_drawn_twice_is_two(frame):
    names = ["01", "01", "02", "04", "05", "06"]
    copies = pd.concat(
        [frame[frame["participant"] == name].assign(participant=f"p{n}") for n, name in enumerate(names)]
    )
    expected = planned_contrasts(fit_model(copies, FORMULA, LEVELS), PAIRS, "satterthwaite")["estimate"]
    of_people = [frame[frame["participant"] == name] for name in sorted(set(frame["participant"]))]
    found = _refit(of_people, FORMULA, LEVELS, PAIRS, "nonnegative", np.array([0, 0, 1, 3, 4, 5]))
    np.testing.assert_allclose(found, expected, atol=1e-8)
    merged = pd.concat([frame[frame["participant"] == name] for name in names])
    other = planned_contrasts(fit_model(merged, FORMULA, LEVELS), PAIRS, "satterthwaite")["estimate"]
    assert np.abs(found - other).max() > 1e-4


def test_processes_change_nothing(frame):
    one, two = (
        cluster_bootstrap(frame, FORMULA, LEVELS, PAIRS, 1, replicates=40, processes=count)
        for count in (1, 2)
    )
    pd.testing.assert_frame_equal(one, two)
    other = cluster_bootstrap(frame, None, LEVELS, PAIRS, 2)
    assert (
        other["standard_error"] != cluster_bootstrap(frame, None, LEVELS, PAIRS, 1)["standard_error"]
    ).all()


def test_samples_that_tell_nothing_are_counted():
    """Two sequences: where all participants drawn had the same one, condition and period are one."""
    rng = random_generator(5, "two sequences")
    rows = [
        (f"{n:02d}", "AB"[n % 2], str(1 + (n + (name == "stimulation")) % 2), name, rng.normal(n))
        for n in range(4)
        for name in ("control", "stimulation")
        for _ in range(3)
    ]
    frame = pd.DataFrame(rows, columns=["participant", "sequence", "period", "condition", "value"])
    formula = "value ~ condition + period + (1 | participant)"
    row = cluster_bootstrap(frame, formula, LEVELS, PAIRS[:1], seed=1, replicates=60).iloc[0]
    drawn = random_generator(1, "cluster bootstrap").integers(4, size=(60, 4)) % 2
    aliased = int((drawn == drawn[:, :1]).all(axis=1).sum())
    assert aliased > 3 and row["n_not_estimable"] == aliased
    assert f"not estimable in {aliased} of 60 replicates" in row["warning"]
    assert np.isfinite(row["standard_error"])
    # With the sequence in the model, such samples have a factor of one level: no error either.
    again = cluster_bootstrap(
        frame, formula.replace("period", "period + sequence"), LEVELS, PAIRS[:1], seed=1, replicates=60
    ).iloc[0]
    assert again["n_not_estimable"] == aliased


def test_what_is_not_there(frame):
    rows = frame[frame["condition"] != "relaxation"]
    table = cluster_bootstrap(rows, None, LEVELS, PAIRS, 1)
    assert np.isfinite(table.loc[0, NUMBERS].astype(float)).all()
    assert table.loc[1, NUMBERS].isna().all() and table.loc[1, "n_not_estimable"] == 1000
    assert table.loc[1, "warning"] == "not estimable from all participants"
    with pytest.raises(InputError, match="39 replicates are too few"):
        cluster_bootstrap(frame, None, LEVELS, PAIRS, 1, replicates=39)


@pytest.mark.slow
@pytest.mark.parametrize(("people", "covered"), [(6, 0.86), (20, 0.93)])
def test_intervals_are_too_short_by_as_much_as_is_documented(people, covered):
    hit = []
    for seed in range(500):
        differences = random_generator(seed, "cov", people).normal(0, 1, people)
        row = cluster_bootstrap(paired_frame(differences), None, {}, PAIRS[:1], seed).iloc[0]
        hit.append(row["ci_lower"] <= 0 <= row["ci_upper"])
    assert np.mean(hit) == pytest.approx(covered, abs=0.04)
