import dataclasses

import numpy as np
import pandas as pd
import pytest
from scipy.stats import studentized_range

from pictrial.errors import InputError
from pictrial.statistics.analysis import run_analysis
from pictrial.statistics.analysis_results import look_up
from pictrial.statistics.family_adjustment import adjust, adjustable
from pictrial.statistics.questions import ResultTable
from pictrial.trial.plan import Family

PAIRS = [("stimulation", "control"), ("relaxation", "control"), ("stimulation", "relaxation")]
NAMES = [" - ".join(pair) for pair in PAIRS]


def part(p, pairs=PAIRS, kind="contrast", **keys):
    table = pd.DataFrame(pairs, columns=["level", "minus"]).assign(p=p, warning="")
    return ResultTable(kind, table, "drawn", **keys)


def family(adjustment, contrasts=PAIRS, **graph):
    return Family("family", ("primary",), tuple(contrasts), adjustment, 0.05, **graph)


@pytest.mark.parametrize(
    ("adjustment", "expected"),
    [
        ("bonferroni", [0.03, 0.12, 0.06]),
        ("holm", [0.03, 0.04, 0.04]),
        ("hochberg", [0.03, 0.04, 0.04]),
        ("sidak", [1 - 0.99**3, 1 - 0.96**3, 1 - 0.98**3]),
        ("fixed_sequence", [0.01, 0.04, 0.04]),
    ],
)
def test_adjusted_p_by_hand(adjustment, expected):
    np.testing.assert_allclose(adjust(part([0.01, 0.04, 0.02]), family(adjustment)), expected)


def test_a_fixed_sequence_goes_by_the_order_of_the_family_and_not_of_the_table():
    backwards = family("fixed_sequence", PAIRS[::-1])
    np.testing.assert_allclose(adjust(part([0.01, 0.04, 0.02]), backwards), [0.04, 0.04, 0.02])
    np.testing.assert_allclose(adjust(part([0.001, 0.04, 0.3]), backwards), [0.3, 0.3, 0.3])


def test_a_graph_passes_its_weight_on():
    first, second, third = NAMES
    # Both doses against control at half of alpha; what is rejected passes all on to the third.
    graph = {
        "weights": {first: 0.5, second: 0.5},
        "transitions": {first: {third: 1.0}, second: {third: 1.0}, third: {first: 0.5, second: 0.5}},
    }
    adjusted = adjust(part([0.01, 0.04, 0.02]), family("graphical", **graph))
    # 0.01 / 0.5; then the third with the weight 0.5, 0.02 / 0.5; then the second with all.
    np.testing.assert_allclose(adjusted, [0.02, 0.04, 0.04])


@pytest.mark.parametrize("adjustment", ["holm", "fixed_sequence", "graphical"])
def test_what_is_not_estimable_stays_so_and_contrasts_of_others_do_not_count(adjustment):
    graph = {}
    if adjustment == "graphical":
        graph = {"weights": dict.fromkeys(NAMES[:2], 0.5), "transitions": {}}
    adjusted = adjust(part([0.01, np.nan, 0.02]), family(adjustment, PAIRS[:2], **graph))
    assert adjusted[0] == pytest.approx(0.02 if adjustment == "graphical" else 0.01)
    assert np.isnan(adjusted[1:]).all()
    nothing = adjust(part([np.nan] * 3), family(adjustment, PAIRS[:2], **graph))
    assert nothing.shape == (3,) and np.isnan(nothing).all()


@pytest.mark.parametrize("adjustment", ["tukey", "dunnettx", "mvt"])
def test_adjustments_by_t_need_a_mixed_model(adjustment):
    with pytest.raises(InputError, match=r"needs a mixed model\. Take one of bonferroni, holm"):
        adjust(part([0.01, 0.04, 0.02]), family(adjustment))
    # A mixed model that could not be fitted has no covariance, and is no mistake of the plan.
    assert np.isnan(adjust(part([np.nan] * 3), family(adjustment))).all()


def test_only_single_p_of_contrasts_are_adjusted():
    assert adjustable(part([0.1, 0.2, 0.3]), family("holm"))
    assert not adjustable(part([0.1, 0.2, 0.3]), family("none"))
    assert not adjustable(part([0.1, 0.2, 0.3], kind="mean"), family("holm"))
    several = part([0.1, 0.2, 0.3])
    assert not adjustable(dataclasses.replace(several, table=several.table.assign(detail="")), family("holm"))
    assert not adjustable(dataclasses.replace(several, table=several.table.drop(columns="p")), family("holm"))


def test_families_of_one_analysis_are_adjusted_by_themselves(quick_plan, trial):
    families = {
        "both": dataclasses.replace(family("tukey", PAIRS[:2]), name="both"),
        "between": dataclasses.replace(family("holm", PAIRS[2:]), name="between"),
    }
    plan = dataclasses.replace(
        quick_plan, families=families, analyses={"primary": quick_plan.analyses["primary"]}
    )
    ard = run_analysis(plan, "primary", trial, "ef" * 32, 1)[0]
    p = {
        name: (look_up(ard, "primary", name, "p"), look_up(ard, "primary", name, "p_adjusted"))
        for name in NAMES
    }
    assert p[NAMES[2]][1] == pytest.approx(p[NAMES[2]][0])

    for name in NAMES[:2]:
        t, df = look_up(ard, "primary", name, "t"), look_up(ard, "primary", name, "df")
        assert p[name][1] == pytest.approx(studentized_range.sf(np.sqrt(2) * abs(t), 3, df), rel=1e-6)
    rows = ard[ard["statistic"] == "p_adjusted"].set_index("contrast_or_level")
    assert rows.loc[NAMES, "family"].tolist() == ["both", "both", "between"]
    assert rows.loc[NAMES, "adjustment"].tolist() == ["tukey", "tukey", "holm"]
