"""Influence is the difference to a fit without the participant, whatever goes with them."""

import numpy as np
import pytest
import statsmodels.formula.api as smf

from pictrial.statistics.fitted_model import fit_model, model_frame, planned_contrasts
from pictrial.statistics.influence import cooks_distance, participant_influence, standard_deviations

LEVELS = {"condition": ["control", "stimulation", "relaxation"]}
PAIRS = [("stimulation", "control"), ("relaxation", "control")]
RANDOM = "(1 | participant) + (1 | participant:condition) + (1 | participant:unit)"
MODEL = f"value ~ condition + period + {RANDOM}"


@pytest.fixture(scope="module")
def frame(outcomes):
    return model_frame(outcomes)


@pytest.fixture(scope="module")
def influence(frame):
    return participant_influence(frame, MODEL, LEVELS, PAIRS, "kenward-roger")


def test_every_participant_and_contrast_has_its_own_fit(frame, influence):
    assert len(influence.contrasts) == 6 * 2
    rows = influence.contrasts[influence.contrasts["without"] == "03"].reset_index(drop=True)
    without = fit_model(frame[frame["participant"] != "03"], MODEL, LEVELS)
    expected = planned_contrasts(without, PAIRS, "kenward-roger")
    whole = planned_contrasts(fit_model(frame, MODEL, LEVELS), PAIRS, "kenward-roger")
    for name in ("estimate", "standard_error", "df", "p", "ci_lower", "ci_upper"):
        np.testing.assert_allclose(rows[name], expected[name], rtol=1e-10)
        np.testing.assert_allclose(influence.whole[name], whole[name], rtol=1e-10)
    change = expected["estimate"] - whole["estimate"]
    np.testing.assert_allclose(rows["estimate_change"], change)
    np.testing.assert_allclose(rows["standardised_change"], change / whole["standard_error"])
    np.testing.assert_allclose(rows["p_change"], expected["p"] - whole["p"])
    components = influence.components[influence.components["without"] == "03"]
    deviations = standard_deviations(without)
    assert components["component"].tolist() == deviations.index.tolist()
    np.testing.assert_allclose(components["standard_deviation"], deviations)
    np.testing.assert_allclose(
        components["standard_deviation_change"],
        deviations - standard_deviations(fit_model(frame, MODEL, LEVELS)),
        atol=1e-12,
    )
    assert influence.contrasts.columns[-1] == "warning"


def test_order_of_rows_changes_nothing(frame, influence):
    shuffled = frame.sample(frac=1, random_state=1).reset_index(drop=True)
    other = participant_influence(shuffled, MODEL, LEVELS, PAIRS, "kenward-roger").contrasts
    keys = ["without", "level"]
    one, two = (table.set_index(keys).sort_index() for table in (influence.contrasts, other))
    names = ["estimate", "p", "cooks_distance"]
    np.testing.assert_allclose(one[names].astype(float), two[names].astype(float), rtol=1e-5)


def test_cooks_distance_is_that_of_the_coefficients(frame, influence):
    model = fit_model(frame, MODEL, LEVELS)
    kept = (frame["participant"] != "02").to_numpy()
    without = fit_model(frame[kept], MODEL, LEVELS)
    change = model.fit.beta - without.fit.beta
    expected = change @ np.linalg.inv(model.fit.covariance) @ change / len(change)
    assert cooks_distance(model, without, kept) == pytest.approx(expected, rel=1e-9)
    rows = influence.contrasts[influence.contrasts["without"] == "02"]
    np.testing.assert_allclose(rows["cooks_distance"], expected, rtol=1e-9)


def test_cooks_distance_of_one_observation_is_that_of_regression(frame):
    """Where no variance is left between groups, leaving out one row is ordinary regression."""
    rng = np.random.default_rng(1)
    rows = frame[["participant"]].assign(x=rng.normal(size=len(frame)), row=frame.index.astype(str))
    rows["value"] = 1 + rows["x"] + rng.normal(size=len(rows))
    mean = rows.groupby("participant")["value"].transform("mean")
    rows["value"] -= mean
    rows["x"] -= rows.groupby("participant")["x"].transform("mean")
    kept = np.arange(len(rows)) != 7
    model = fit_model(rows, "value ~ x + (1 | participant)", {})
    without = fit_model(rows[kept], "value ~ x + (1 | participant)", {})
    assert model.fit.singular and without.fit.singular
    ordinary = smf.ols("value ~ x", rows).fit().get_influence().cooks_distance[0][7]
    assert cooks_distance(model, without, kept) == pytest.approx(ordinary, rel=1e-6)


def test_planted_outlier_has_the_greatest_influence(frame):
    shift = (frame["participant"] == "05") & (frame["condition"] == "stimulation")
    moved = participant_influence(
        frame.assign(value=frame["value"] + 4 * shift), MODEL, LEVELS, PAIRS, "satterthwaite"
    )
    stimulation = moved.contrasts[moved.contrasts["level"] == "stimulation"].set_index("without")
    assert stimulation["estimate_change"].abs().idxmax() == "05"
    assert stimulation["cooks_distance"].idxmax() == "05"
    assert stimulation.loc["05", "estimate_change"] < -0.4
    between = moved.components[moved.components["component"] == "participant:condition.(Intercept)"]
    assert between.set_index("without")["standard_deviation_change"].idxmin() == "05"


def test_sequence_of_one_participant_goes_with_them(frame):
    """Every sequence has one participant: the contrast stays, and so does Cook's distance of the rest."""
    formula = MODEL.replace("period", "period + sequence")
    found = participant_influence(frame, formula, LEVELS, PAIRS, "kenward-roger").contrasts
    assert found[["estimate", "p", "cooks_distance"]].notna().all(axis=None)
    # Without 01 the coefficient of their sequence, not the reference, is gone and the others mean the same.
    model = fit_model(frame, formula, LEVELS)
    without = fit_model(frame[frame["participant"] != "01"], formula, LEVELS)
    stay = [name != "sequenceCSR" for name in model.fit.matrices.columns]
    change = model.fit.beta[stay] - without.fit.beta
    expected = change @ np.linalg.solve(model.fit.covariance[np.ix_(stay, stay)], change) / len(change)
    distances = found.loc[found["without"] == "01", "cooks_distance"]
    np.testing.assert_allclose(distances, expected, rtol=1e-6)
    # The order of sequences, hence which is the reference, does not matter.
    turned = participant_influence(
        frame,
        MODEL.replace("period", "period + sequence"),
        {**LEVELS, "sequence": sorted(frame["sequence"].unique(), reverse=True)},
        PAIRS,
        "kenward-roger",
    ).contrasts
    np.testing.assert_allclose(found["cooks_distance"], turned["cooks_distance"], rtol=1e-5)


def test_reference_that_goes_with_a_participant_is_said(frame):
    """Participant 04 alone has control."""
    few = frame[(frame["condition"] != "control") | (frame["participant"] == "04")]
    found = participant_influence(few, MODEL, LEVELS, PAIRS, "satterthwaite")
    lost = found.contrasts[found.contrasts["without"] == "04"]
    assert lost["estimate"].isna().all() and lost["estimate_change"].isna().all()
    assert (lost["warning"] == "not estimable without 04: no planned contrast keeps both its levels").all()
    assert found.contrasts.loc[found.contrasts["without"] == "01", "estimate"].notna().all()
    pairs = [*PAIRS, ("stimulation", "relaxation")]
    found = participant_influence(few, MODEL, LEVELS, pairs, "satterthwaite")
    lost = found.contrasts[found.contrasts["without"] == "04"]
    assert lost["warning"].tolist()[:2] == ["not estimable: a level has no value"] * 2
    assert lost["estimate"].notna().tolist() == [False, False, True]


def test_model_that_cannot_be_fitted_without_one_says_why(frame):
    two = frame[frame["participant"].isin(["01", "02"])]
    formula = "value ~ condition + (1 | participant)"
    found = participant_influence(two, formula, LEVELS, PAIRS, "satterthwaite")
    assert found.contrasts["estimate"].isna().all() and found.contrasts["cooks_distance"].isna().all()
    assert found.contrasts["warning"][0] == (
        "not estimable without 01: no variance can be estimated (participant: the fixed part already has "
        "one parameter for each of its levels)"
    )
    assert found.components["standard_deviation"].isna().all()
    assert (found.components["warning"] != "").all()
    one_sequence = participant_influence(
        two, "value ~ condition + sequence + (1 | participant:unit)", LEVELS, PAIRS, "satterthwaite"
    )
    assert one_sequence.contrasts["warning"].str.startswith("not estimable without").all()


def test_variance_that_becomes_zero_is_warned_of(frame):
    model = fit_model(frame, MODEL.replace("period", "period + sequence"), LEVELS)
    found = participant_influence(
        frame, MODEL.replace("(1 | participant) + ", ""), LEVELS, PAIRS, "satterthwaite"
    ).contrasts
    assert not any("zero" in note for note in model.warnings)
    for name, rows in found.groupby("without"):
        without = fit_model(
            frame[frame["participant"] != name], MODEL.replace("(1 | participant) + ", ""), LEVELS
        )
        assert rows["warning"].str.contains("variance estimated as zero").all() == without.fit.singular
