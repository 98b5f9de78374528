"""Flow diagrams show the counts of the ARD, each at its place, and fit their page."""

import hashlib
import re
from dataclasses import replace
from pathlib import Path

import pytest
from made_up_trial import losing, made_up_tables
from matplotlib.backends.backend_agg import FigureCanvasAgg

from pictrial.reporting.figures import write_figure
from pictrial.reporting.flow_boxes import Box, FlowDiagram, _wrap, draw_flow, flow_texts
from pictrial.reporting.flow_figure import (
    flow_caption,
    motor_unit_flow,
    participant_flow,
    shown_in_flow,
)
from pictrial.reporting.numbers import decimal
from pictrial.reporting.planned import lower
from pictrial.reporting.shown import Shown
from pictrial.statistics.trial_descriptives import describe_trial
from pictrial.tables import check_table
from pictrial.trial.plan import PlannedSession, load_plan

REPOSITORY = Path(__file__).resolve().parents[2]

CONFIG = REPOSITORY / "config"
TRIALS = {
    "crossover": (CONFIG / "trial.yaml", 3),
    "parallel": (CONFIG / "spasticity" / "trial.yaml", 4),
    "experiments": (CONFIG / "two_experiments" / "trial.yaml", 4),
    "single": (CONFIG / "vastus_lateralis" / "trial.yaml", 0),
}


def described(plan):
    tables = made_up_tables(plan)
    return tables, describe_trial(plan, tables, dict.fromkeys(tables, "ab" * 32))


def of_the_primary(plan):
    """Return the plan with its primary analyses alone: the diagrams need no more."""
    analyses = {name: one for name, one in plan.analyses.items() if one.role == "primary"}
    outcomes = {"delta_f", *(one.outcome for one in analyses.values())}
    return replace(plan, analyses=analyses, outcomes={name: plan.outcomes[name] for name in outcomes})


@pytest.fixture(scope="module", params=TRIALS)
def trial(request):
    path, n_missing = TRIALS[request.param]
    plan = losing(of_the_primary(load_plan(path)), n_missing)
    return plan, *described(plan)


def hundred():
    """A crossover of a hundred people in nine sequences, with many reasons for missing sessions."""
    plan = of_the_primary(load_plan(CONFIG / "trial.yaml"))
    orders = {f"{name}{n}": order for n in (1, 2) for name, order in plan.sequences.items()}
    orders = dict(list(orders.items())[:9])
    people = {f"{n:03}": list(orders)[n % 9] for n in range(1, 101)}
    sessions = tuple(
        PlannedSession(person, sequence, str(period), period, condition)
        for person, sequence in people.items()
        for period, condition in enumerate(orders[sequence], start=1)
    )
    return losing(replace(plan, sequences=orders, participants=people, sessions=sessions), 40)


def boxes_of(diagrams):
    return [box for one in diagrams for column in one.columns.values() for box in column if box]


def number(texts, start):
    """Return the count in the one text that begins with `start`."""
    found = [text.text for text in texts if text.text.startswith(start)]
    assert len(found) == 1, (start, texts)
    return int(re.findall(r"\d+", found[0].removeprefix(start))[0])


def test_every_number_is_a_row_of_the_ard(trial):
    plan, _, ard = trial
    values = ard.set_index("ard_id")["value"]
    for flow in (participant_flow, motor_unit_flow):
        diagrams = flow(plan, ard)
        texts = flow_texts(diagrams)
        assert len(texts) >= 5
        for place, shown in texts:
            written = [decimal(values[source], 0) for source in shown.sources]
            # Labels of outcomes and reasons are the plan's own; what is left are the counts, in order.
            assert re.findall(r"(?<=[=:( ])\d+(?=[,;) ]|$)", shown.text) == written, place
        table = check_table(shown_in_flow("figures/x", diagrams, Shown("")), "numbers_shown", "test")
        assert set(table["source"]) <= set(values.index)
        assert len(table) == sum(len(shown.sources) for _, shown in texts)


def test_boxes_of_participants_count_the_tables(trial):
    plan, tables, ard = trial
    experiments = list(plan.experiments) or [None]
    diagrams = participant_flow(plan, ard)
    assert len(diagrams) == len(experiments)
    for experiment, diagram in zip(experiments, diagrams, strict=True):
        people = {p for p, sequence in plan.participants.items() if sequence in plan.sequences_of(experiment)}
        if diagram.top:
            assert number(diagram.top.lines, "Allocated: n = ") == len(people)
        assert set(diagram.columns) == {plan.participants[one] for one in people}
        for sequence, column in diagram.columns.items():
            allocated = {one for one in people if plan.participants[one] == sequence}
            start = "Participants: n = " if plan.design == "single_session" else "Allocated: n = "
            assert number(column[0].lines, start) == len(allocated)
            for period, box in enumerate(column[1:-1], start=1):
                held = {s.participant for s in plan.sessions if s.period == period} & allocated
                assert number(box.lines, "Held: n = ") == len(held)
                lost = number(box.lost, "Not held: n = ")
                assert lost == len(allocated) - len(held)
                reasons = re.findall(r"(\d+)(?=[;)])", box.lost[0].text)
                assert sum(map(int, reasons)) == lost
            outcome = next(
                o for o in plan.outcomes.values() if column[-1].heading == f"Analysed: {lower(o.label)}"
            ).name
            rows = tables["outcomes"].dropna(subset=["value"])
            rows = rows[(rows["outcome"] == outcome) & rows["participant"].isin(allocated)]
            everyone = plan.populations[plan.everyone].label
            assert number(column[-1].lines, f"{everyone}: n = ") == rows["participant"].nunique()
            assert f", {len(rows)} value" in column[-1].lines[0].text
            assert (
                number(column[-1].lost, "Not analysed: n = ")
                == len(allocated) - rows["participant"].nunique()
            )


def test_boxes_of_motor_units_count_the_tables_and_lose_nothing_unsaid(trial):
    plan, tables, ard = trial
    experiments = [e for e in plan.experiments or [None] if not e or plan.task in plan.experiments[e].tasks]
    diagrams = motor_unit_flow(plan, ard)
    assert len(diagrams) == len(experiments)
    attrition = tables["attrition"]
    for experiment, diagram in zip(experiments, diagrams, strict=True):
        sequences = attrition["participant"].map(plan.participants)
        here = attrition[sequences.isin(plan.sequences_of(experiment))]
        assert list(diagram.columns) == plan.conditions_of(experiment)
        for condition, column in diagram.columns.items():
            counts = [int(re.findall(r"\d+$", box.lines[0].text)[0]) for box in column]
            lost = [
                number([box.lost[0]], box.lost[0].text.split(": ")[0] + ": ") if box.lost else None
                for box in column
            ]
            gained = [number(box.lost[1:], "Gained: ") if box.lost[1:] else 0 for box in column]
            # Planned, recordings, candidates, accepted, tracked, with a rate, pairs, passed, tested, model.
            for step in (1, 3, 4, 5, 7, 9)[: 6 if len(counts) == 10 else 5]:
                assert counts[step - 1] - lost[step] + gained[step] == counts[step]
            assert counts[5] - lost[8] == counts[8]
            of = here[here["condition"] == condition].drop_duplicates(["participant", "session", "stage"])
            stage = of.groupby("stage")[["n_in", "n_kept"]].sum()
            assert counts[2:4] == list(stage.loc["accepted"])
            assert counts[6:8] == list(stage.loc["passing_pairs"])
            for box, n in zip(column, lost, strict=True):
                reasons = re.findall(r"(\d+)(?=[;)])", box.lost[0].text) if box.lost else []
                assert not n or sum(map(int, reasons)) == n


def test_texts_stay_in_their_boxes_and_on_the_page(trial):
    plan, _, ard = trial
    for flow in (participant_flow, motor_unit_flow):
        _check_page(draw_flow(flow(plan, ard)))


def _check_page(figure):
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    renderer, axes = canvas.get_renderer(), figure.axes[0]
    page = figure.bbox
    boxes = [patch.get_window_extent(renderer) for patch in axes.patches]
    assert figure.get_size_inches()[0] * 25.4 == pytest.approx(174)
    for number, first in enumerate(boxes):
        assert not any(first.overlaps(second) for second in boxes[number + 1 :])
    for text in axes.texts:
        if text.get_text():
            place = text.get_window_extent(renderer)
            assert text.get_fontsize() >= 7
            assert page.x0 <= place.x0 and place.x1 <= page.x1 and page.y0 <= place.y0
            around = [box for box in boxes if box.overlaps(place)]
            for box in around:  # Within one box, with a pixel for the rounding of the renderer.
                assert box.x0 - 1 <= place.x0 and place.x1 <= box.x1 + 1
                assert box.y0 - 1 <= place.y0 and place.y1 <= box.y1 + 1


def test_a_hundred_people_are_counts_without_names():
    plan = hundred()
    _, ard = described(plan)
    diagrams = participant_flow(plan, ard)
    assert len(diagrams[0].columns) == 9
    shown = " ".join(shown.text for _, shown in flow_texts(diagrams))
    assert "ill" in shown and not any(
        re.search(rf"\b{one}\b", shown) for one in plan.participants if one < "100"
    )
    figure = draw_flow(diagrams)
    _check_page(figure)
    assert sum(text.get_text() == "Sequence CSR2" for text in figure.axes[0].texts) == 1


def test_caption_counts_and_says_what_it_cannot_know(trial):
    plan, _, ard = trial
    caption = flow_caption(plan, ard, "participants")
    counted = re.findall(r"(\d+) participants?\b", caption.text)
    assert sum(map(int, counted)) == len(plan.participants) and len(caption.sources) == len(counted)
    assert "Screening" in caption.text
    assert flow_caption(plan, ard, "motor_units").sources == ()


def test_same_bytes_twice(tmp_path):
    plan = of_the_primary(load_plan(TRIALS["parallel"][0]))
    _, ard = described(plan)
    digests = []
    for run in ("a", "b"):
        (tmp_path / run).mkdir()
        _wrap.cache_clear()
        paths = write_figure(draw_flow(participant_flow(plan, ard)), tmp_path / run / "flow")
        digests.append([hashlib.sha256(path.read_bytes()).hexdigest() for path in paths])
    assert digests[0] == digests[1]


def test_lines_are_broken_at_spaces_and_numbers_stay_with_their_word():
    text = "Not held: n = 12 (a very long reason that needs lines 3; ill 9)"
    lines = _wrap(text, 30.0)
    assert " ".join(lines) == text and len(lines) > 2
    assert not any(re.match(r"\d|=", line) for line in lines)
    assert (
        "".join(_wrap("Unbreakablewordthatistoolongforthebox", 15.0))
        == "Unbreakablewordthatistoolongforthebox"
    )


def test_reasons_of_events_have_the_words_of_the_plan():
    plan = of_the_primary(load_plan(TRIALS["crossover"][0]))
    tables = made_up_tables(plan)
    out = (tables["populations"]["participant"] == "01") & (
        tables["populations"]["population"] == plan.everyone
    )
    codes = tables["populations"]["session"].map({"1": "drug_taken"}).fillna("no_value")
    changed = tables["populations"].assign(
        included=tables["populations"]["included"] & ~out,
        reason_code=tables["populations"]["reason_code"].mask(out, codes),
    )
    ard = describe_trial(plan, tables | {"populations": changed}, dict.fromkeys(tables, "ab" * 32))
    (column,) = (boxes for name, boxes in participant_flow(plan, ard)[0].columns.items() if name == "CSR")
    told = f"{plan.events['drug_taken'].label} and no value 1"
    assert column[-1].lost[0].text == f"Not analysed: n = 1 ({told})"


def test_columns_without_a_box_are_joined_over_the_gap():
    box = Box("", (Shown("n = 1"),))
    figure = draw_flow([FlowDiagram("", None, {"a": (box, box, box), "b": (box, None, box)})])
    arrows = [text for text in figure.axes[0].texts if not text.get_text()]
    lengths = sorted(abs(arrow.xy[1] - arrow.xyann[1]) for arrow in arrows)
    assert len(lengths) == 3
    assert lengths[2] > 2 * lengths[0]
