"""The figure of the multiverse draws every analysis in its place, and its caption says what they came to."""

import hashlib
from itertools import pairwise

import matplotlib.text
import numpy as np
import pandas as pd
import pytest

from pictrial.motor_units.sensitivity import rules_of, rules_table
from pictrial.reporting.figures import write_figure
from pictrial.reporting.multiverse_figure import choices, draw_multiverse, multiverse_caption
from pictrial.reporting.number_audit import audit_numbers
from pictrial.reporting.report_table import numbers_shown
from pictrial.statistics.multiverse import compare_rules, summarise_rules
from pictrial.statistics.summary_results import multiverse_results
from pictrial.tables import check_table

RULES = check_table(
    rules_table(
        rules_of(
            {
                "sensitivity": {
                    "smoothers": [{"smoother": "polynomial"}, {"smoother": "polynomial", "order": 4}],
                    "correlation_rule": ["r2"],
                    "recruitment_gap": [2.0, 1.0],
                }
            }
        )
    ),
    "delta_f_rules",
    "test",
)
MEAN = "mean_over_passing_controls"


def contrasts_of(plan, outcomes, rules=RULES):
    """Return the contrasts where each rule adds more to stimulation; the last one has no values."""
    tables = []
    for number, rule in enumerate(rules["rule"][:-1]):
        # The main rule is as the third of the grid.
        moved = outcomes["value"] + 0.2 * (number or 3) * (outcomes["condition"] == "stimulation")
        values = outcomes.assign(rule=rule, delta_f=moved)
        tables += [values.assign(aggregation=name) for name in (MEAN, "composite_control", "normalised_mean")]
    values = pd.concat(tables, ignore_index=True).drop(columns="condition")
    return check_table(compare_rules(plan, rules, values), "multiverse_contrasts", "test")


@pytest.fixture(scope="module")
def contrasts(plan, outcomes):
    return contrasts_of(plan, outcomes)


@pytest.fixture(scope="module")
def figure(plan, contrasts):
    figure = draw_multiverse(plan, RULES, contrasts)
    figure.draw_without_rendering()
    return figure


def caption_of(*arguments):
    return "\n\n".join(paragraph.text for paragraph in multiverse_caption(*arguments))


def points(axes):
    return next(line for line in axes.lines if line.get_marker() == "o" and len(line.get_xdata()))


def test_choices_are_called_so_that_rules_can_be_told_apart():
    called = choices(RULES)
    assert list(called["Smoother"].cat.categories) == [
        "spline",
        "polynomial, order 5, share 0.5",
        "polynomial, order 4, share 0.5",
    ]
    assert list(called["Recruitment gap"].cat.categories) == ["1 s", "2 s"]
    assert list(called["Derecruitment gap"].cat.categories) == ["no rule", "1 s"]
    assert list(called["Correlation"].cat.categories) == ["r ≥ 0.7", "r² ≥ 0.7"]
    assert called.loc["main"].tolist() == ["spline", "r ≥ 0.7", "1 s", "no rule"]
    assert not called.drop("main").duplicated().any()


def test_estimates_are_sorted_and_have_their_intervals(figure, contrasts):
    rows = contrasts[
        (contrasts["contrast_or_level"] == "stimulation - control")
        & (contrasts["measured_in"] == "pps")
        & (contrasts["rule"] != "main")
    ].dropna(subset=["estimate"])
    axes = figure.axes[0]
    assert points(axes).get_ydata().tolist() == sorted(rows["estimate"])
    # 8 rules of the grid less the one without values, two aggregations on the scale of the main one.
    assert len(rows) == 7 * 2
    ends = sorted(tuple(segment[:, 1]) for segment in axes.collections[0].get_segments())
    assert ends == sorted(zip(rows["ci_lower"], rows["ci_upper"], strict=True))


def test_main_analysis_stands_in_its_place(figure, contrasts):
    main = contrasts.set_index(["rule", "aggregation", "contrast_or_level"]).loc[
        ("main", MEAN, "stimulation - control")
    ]
    diamonds = [line for line in figure.axes[0].lines if line.get_marker() == "D" and len(line.get_xdata())]
    assert [line.get_ydata().tolist() for line in diamonds] == [[main["estimate"]]]
    # Two rules of the grid are lower, in two aggregations.
    assert diamonds[0].get_xdata().tolist() == [4]
    assert points(figure.axes[0]).get_ydata()[4] == main["estimate"]


def strokes(axes):
    """Return the places of the strokes of each choice, by the label of its line; headings have none."""
    labels = [label.get_text() for label in axes.get_yticklabels()]
    found = {label: [] for label in labels}
    for collection in axes.collections:
        for segment in collection.get_segments():
            found[labels[round(segment[:, 1].mean())]].append(segment[0, 0])
    return found


def test_each_analysis_has_one_stroke_in_each_kind_of_choice(figure):
    found = strokes(figure.axes[2])
    headings = ["Smoother", "Correlation", "Recruitment gap", "Derecruitment gap", "Unit's ΔF"]
    assert [label for label in found if not found[label] and label in headings] == headings
    kinds = {
        "Smoother": ["spline", "polynomial, order 5, share 0.5", "polynomial, order 4, share 0.5"],
        "Unit's ΔF": ["mean of controls", "median of controls", "mean over same pairs", "composite control"],
    }
    for names in kinds.values():
        places = sorted(place for name in names for place in found[name])
        # All 32 analyses, and the main one once more in its place.
        assert len(places) == 8 * 4 + 1
        assert len(set(places)) == 8 * 4
    # Those without an estimate stand apart on the right.
    assert sorted(found["median of controls"])[0] > 14
    assert max(found["mean of controls"]) > 14 + 3


def test_strokes_are_those_of_the_sorted_analyses(figure, contrasts):
    called = choices(RULES)["Smoother"].astype(str)
    rows = contrasts[
        (contrasts["contrast_or_level"] == "relaxation - control")
        & (contrasts["measured_in"] == "pps")
        & (contrasts["rule"] != "main")
    ].dropna(subset=["estimate"])
    rows = rows.sort_values("estimate", kind="stable")
    expected = np.flatnonzero(called[rows["rule"]] == "polynomial, order 4, share 0.5")
    # Labels are on the left panel only; the lines are shared.
    line = [label.get_text() for label in figure.axes[2].get_yticklabels()].index(
        "polynomial, order 4, share 0.5"
    )
    places = [
        segment[0, 0]
        for collection in figure.axes[3].collections
        for segment in collection.get_segments()
        if round(segment[:, 1].mean()) == line
    ]
    assert sorted(place for place in places if place < len(rows)) == expected.tolist()


def test_text_is_large_enough_and_inside(figure):
    texts = [text for text in figure.findobj(matplotlib.text.Text) if text.get_text().strip()]
    assert min(text.get_fontsize() for text in texts) >= 7
    assert figure.get_figwidth() * 25.4 == pytest.approx(174)
    box = figure.get_tightbbox()
    assert box.x0 >= 0 and box.x1 <= figure.get_figwidth()
    assert box.y0 >= 0 and box.y1 <= figure.get_figheight()
    labels = [label.get_window_extent() for label in figure.axes[2].get_yticklabels()]
    for upper, lower in pairwise(labels):
        assert upper.y0 >= lower.y0 + 0.6 * lower.height


def test_files_are_the_same_bytes_twice(plan, contrasts, tmp_path):
    digests = [
        [
            hashlib.sha256(path.read_bytes()).hexdigest()
            for path in write_figure(draw_multiverse(plan, RULES, contrasts), tmp_path / name)
        ]
        for name in "ab"
    ]
    assert digests[0] == digests[1]


def test_caption_has_the_numbers_of_the_summary(plan, contrasts, outcomes):
    summary = check_table(summarise_rules(plan, contrasts), "multiverse_summary", "test")
    caption = caption_of(plan, contrasts, summary)
    ard = multiverse_results(plan, summary, outcomes, "cd" * 32)
    shown = numbers_shown(
        "figures/multiverse", [("1", t) for t in multiverse_caption(plan, contrasts, summary)]
    )
    assert audit_numbers(shown[~shown["source"].str.startswith("table:")], ard) == 14
    assert "8 rules times 4 ways" in caption
    assert "P is not adjusted" in caption
    assert "Stimulation − control: estimates of 14 of 32 analyses, from at least 6 participants" in caption
    assert "main analysis" in caption and "4 estimates lower" in caption
    none = summary.assign(n_estimated=0)
    assert "no estimate in 32 analyses." in caption_of(plan, contrasts, none)


def triangles(axes):
    return {
        line.get_marker(): line.get_xdata().tolist() for line in axes.lines if line.get_marker() in ("^", "v")
    }


def test_an_interval_that_hides_the_others_is_cut_and_marked(plan, contrasts, figure):
    assert triangles(figure.axes[0]) == {"^": [], "v": []}
    widest = contrasts["ci_upper"].max()
    wide = (
        (contrasts["rule"] == "rule006")
        & (contrasts["aggregation"] == MEAN)
        & (contrasts["contrast_or_level"] == "stimulation - control")
    )
    cut = draw_multiverse(plan, RULES, contrasts.assign(ci_upper=contrasts["ci_upper"].mask(wide, 100.0)))
    # Five rules are lower, in two aggregations.
    assert triangles(cut.axes[0]) == {"^": [10], "v": []}
    assert triangles(cut.axes[1]) == {"^": [], "v": []}
    assert widest <= cut.axes[0].get_ylim()[1] < 10
    for axes in (*figure.axes[:2], *cut.axes[:2]):
        low, high = axes.get_ylim()
        assert low < min(points(axes).get_ydata()) and max(points(axes).get_ydata()) < high
        assert low < 0 < high


def test_main_analysis_without_an_estimate_is_said(plan, contrasts):
    main = (contrasts["rule"] == "main") & (contrasts["aggregation"] == MEAN)
    without = contrasts.assign(estimate=contrasts["estimate"].mask(main))
    summary = check_table(summarise_rules(plan, without), "multiverse_summary", "test")
    assert "main analysis not estimable." in caption_of(plan, without, summary)
    figure = draw_multiverse(plan, RULES, without)
    assert not [line for line in figure.axes[0].lines if line.get_marker() == "D" and len(line.get_xdata())]


def test_trial_without_contrasts_shows_its_means(single):
    plan, outcomes, _ = single
    participant, _, session, *_ = plan.sessions[0]
    contrasts = contrasts_of(plan, outcomes.assign(participant=participant, session=session))
    figure = draw_multiverse(plan, RULES, contrasts)
    figure.draw_without_rendering()
    assert figure.axes[0].get_ylabel() == "Mean ΔF (pps)"
    assert points(figure.axes[0]).get_ydata()[0] == pytest.approx(outcomes["value"].mean())
    caption = caption_of(plan, contrasts, summarise_rules(plan, contrasts))
    assert "The plan has one condition" in caption


def test_nothing_estimable_can_be_drawn(plan, outcomes):
    few = contrasts_of(plan, outcomes[outcomes["participant"] == "01"])
    figure = draw_multiverse(plan, RULES, few)
    figure.draw_without_rendering()
    assert "Not estimable" in [text.get_text() for text in figure.axes[0].texts]
    assert "no estimate in 32 analyses." in caption_of(plan, few, summarise_rules(plan, few))
