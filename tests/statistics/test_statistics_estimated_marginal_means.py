"""Marginal means and contrasts as rows of coefficients."""

import numpy as np
import pandas as pd
import pytest

from pictrial.errors import InputError
from pictrial.statistics.estimated_marginal_means import (
    against_control,
    custom_contrasts,
    marginal_means,
    pairwise,
    parse_marginal_specification,
)
from pictrial.statistics.linear_mixed_model import fit_linear_mixed_model
from pictrial.statistics.model_inference import evaluate_functions, small_sample_inference
from pictrial.statistics.model_matrices import build_model

LEVELS = {"condition": ["control", "RI", "WBR"]}


@pytest.fixture
def frame() -> pd.DataFrame:
    """Unbalanced: two thirds of the participants are F, and cells have lost observations."""
    random = np.random.default_rng(3)
    cells = [
        (f"P{p}", "M" if p % 3 == 0 else "F", c, repeat)
        for p in range(12)
        for c in ("control", "RI", "WBR")
        for repeat in range(1 + (p + len(c)) % 3)
    ]
    frame = pd.DataFrame(cells, columns=["participant", "sex", "condition", "repeat"])
    of_participant = dict(zip(frame["participant"].unique(), random.normal(0, 1, 12), strict=True))
    y = frame["participant"].map(of_participant) + random.normal(0, 1, len(frame))
    return frame.assign(rt=random.normal(10, 2, len(frame)), y=y + (frame["condition"] == "RI"))


def test_means_weigh_the_levels_of_other_factors_equally(frame):
    design = build_model(frame, "y ~ condition + sex + rt + (1 | participant)", LEVELS)
    means = marginal_means(design, "~ condition")
    assert means.labels == ["control", "RI", "WBR"]
    rt = frame["rt"].mean()
    expected = [[1, 0, 0, 0.5, rt], [1, 1, 0, 0.5, rt], [1, 0, 1, 0.5, rt]]
    assert means.rows == pytest.approx(np.array(expected))


def test_factors_of_random_terms_only_are_not_averaged_over(frame):
    design = build_model(frame, "y ~ condition + (sex | participant)", LEVELS)
    assert marginal_means(design, "~ condition").rows.tolist() == [[1, 0, 0], [1, 1, 0], [1, 0, 1]]
    with pytest.raises(InputError, match="among the fixed effects"):
        marginal_means(design, "~ sex")


def test_groups_follow_one_another_and_the_first_factor_varies_fastest(frame):
    design = build_model(frame, "y ~ condition*sex + (1 | participant)", LEVELS)
    by = marginal_means(design, "~ condition | sex")
    assert by.labels == ["control", "RI", "WBR"] * 2
    assert by.groups == ["F"] * 3 + ["M"] * 3
    joint = marginal_means(design, "~ condition * sex")
    assert joint.labels[:4] == ["control F", "RI F", "WBR F", "control M"]
    assert joint.groups == [""] * 6
    assert np.array_equal(by.rows, joint.rows)
    assert len(pairwise(joint).labels) == 15 and len(pairwise(by).labels) == 6


def test_pairs_are_the_earlier_minus_the_later_and_controls_are_taken_away(frame):
    design = build_model(frame, "y ~ condition + (1 | participant)", LEVELS)
    means = marginal_means(design, "~ condition")
    pairs = pairwise(means)
    assert pairs.labels == ["control - RI", "control - WBR", "RI - WBR"]
    assert pairs.rows.tolist() == [[0, -1, 0], [0, 0, -1], [0, 1, -1]]
    assert against_control(means).labels == ["RI - control", "WBR - control"]
    assert against_control(means).rows.tolist() == [[0, 1, 0], [0, 0, 1]]
    assert against_control(means, "RI").labels == ["control - RI", "WBR - RI"]
    with pytest.raises(InputError, match="'sham'"):
        against_control(means, "sham")


def test_custom_contrasts_combine_means(frame):
    design = build_model(frame, "y ~ condition + (1 | participant)", LEVELS)
    means = marginal_means(design, "~ condition")
    both = custom_contrasts(means, {"stretched": {"RI": 0.5, "WBR": 0.5, "control": -1}})
    assert both.labels == ["stretched"] and both.rows.tolist() == [[0, 0.5, 0.5]]
    with pytest.raises(InputError, match="sum to 1"):
        custom_contrasts(means, {"bad": {"RI": 1}})


def test_an_empty_cell_leaves_only_its_own_means_without_estimate(frame):
    frame = frame[~((frame["sex"] == "M") & (frame["condition"] == "WBR"))]
    design = build_model(frame, "y ~ condition*sex + (1 | participant)", LEVELS)
    assert design.dropped == ["conditionWBR:sexM"]
    by = marginal_means(design, "~ condition | sex")
    assert by.estimable.tolist() == [True] * 5 + [False]
    assert marginal_means(design, "~ condition").estimable.tolist() == [True, True, False]
    assert pairwise(by).estimable.tolist() == [True, True, True, True, False, False]
    inference = small_sample_inference(fit_linear_mixed_model(design.matrices), "kr")
    table = evaluate_functions(by, inference, 0.95)
    assert table["estimate"].isna().tolist() == [False] * 5 + [True]
    assert table.loc[5, ["se", "df", "t", "p", "lower", "upper"]].isna().all()
    # The estimates of whole cells do not depend on which column is aliased.
    swapped = build_model(
        frame, "y ~ condition*sex + (1 | participant)", {"condition": ["WBR", "RI", "control"]}
    )
    swapped_table = evaluate_functions(
        marginal_means(swapped, "~ condition | sex"),
        small_sample_inference(fit_linear_mixed_model(swapped.matrices), "kr"),
        0.95,
    )
    wide = [frame.set_index(["label", "group"])["estimate"].sort_index() for frame in (table, swapped_table)]
    assert wide[0].to_numpy() == pytest.approx(wide[1].to_numpy(), nan_ok=True, rel=1e-6)


def test_contrasts_do_not_depend_on_the_order_of_the_levels(frame):
    found = []
    for order in (["control", "RI", "WBR"], ["WBR", "control", "RI"]):
        design = build_model(frame, "y ~ condition*sex + rt + (1 | participant)", {"condition": order})
        inference = small_sample_inference(fit_linear_mixed_model(design.matrices), "satt")
        means = marginal_means(design, "~ condition | sex")
        found.append(evaluate_functions(against_control(means, "control"), inference, 0.95))
    first, second = (table.sort_values(["label", "group"]).reset_index(drop=True) for table in found)
    numbers = ["estimate", "se", "df", "p", "lower"]
    assert first["label"].tolist() == second["label"].tolist()
    assert first[numbers].to_numpy() == pytest.approx(second[numbers].to_numpy(), rel=1e-5)


def test_balanced_paired_data_give_the_paired_t_test():
    from scipy.stats import ttest_rel

    random = np.random.default_rng(5)
    people = pd.DataFrame({"participant": [f"p{i}" for i in range(9)], "level": random.normal(0, 2, 9)})
    frame = pd.concat([people.assign(c=c) for c in "ab"], ignore_index=True)
    frame["y"] = frame["level"] + random.normal(0, 1, 18) + (frame["c"] == "b")
    design = build_model(frame, "y ~ c + (1 | participant)", {})
    fit = fit_linear_mixed_model(design.matrices)
    a, b = (frame.loc[frame["c"] == c, "y"].to_numpy() for c in "ab")
    paired = ttest_rel(a, b)
    for name in ("satt", "kr"):
        row = evaluate_functions(
            pairwise(marginal_means(design, "~c")), small_sample_inference(fit, name), 0.95
        ).iloc[0]
        assert row["df"] == pytest.approx(8, rel=1e-5)
        assert row["t"] == pytest.approx(paired.statistic, rel=1e-6)
        assert row["p"] == pytest.approx(paired.pvalue, rel=1e-5)
        assert (row["lower"], row["upper"]) == pytest.approx(tuple(paired.confidence_interval()), rel=1e-5)


@pytest.mark.parametrize("text", ["condition", "~", "~ a | ", "~ a | a", "y ~ a", "~ log(a)", "~ a ~ b"])
def test_other_texts_are_no_specification(text):
    with pytest.raises(InputError, match="marginal means"):
        parse_marginal_specification(text)
