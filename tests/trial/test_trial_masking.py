"""Masked and dummy plans: valid, one to one, silent about the truth, and without effect by chance only."""

import re
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from test_trial_parallel import parallel
from trial_plans import CONFIG, SAMPLE, changed, two_experiments, write_delivered

from pictrial.checked_yaml import check_content, read_checked_yaml
from pictrial.errors import InputError
from pictrial.tables import check_table
from pictrial.trial.delivery import analysed_schedule, check_delivered
from pictrial.trial.masked_words import WITHHELD
from pictrial.trial.masking import dummy_trial, masked_trial
from pictrial.trial.plan import SCHEMA, load_plan, read_plan, schedule

KEY = b"a key of the tests, 32 bytes long"
SHIPPED = sorted(CONFIG.rglob("trial.yaml"))
#: Words that stand nowhere else.
WORDS = {"control": "quokka", "stimulation": "wombat", "relaxation": "numbat_rest", "before": "echidna"}
ORDERS = {
    "CSR": "Dingo",
    "SRC": "Cassowary",
    "RCS": "Potoroo",
    "CRS": "Bilby",
    "SCR": "Koala",
    "RSC": "Galah",
}
TELLING = re.compile("quokka|wombat|numbat|echidna|dingo|cassowary|potoroo|bilby|koala|galah", re.IGNORECASE)


@cache
def content_of(path):
    return read_checked_yaml(path, SCHEMA)


def plan_of(staged):
    """Return the staged plan as a file of it is read."""
    text = yaml.safe_dump(staged.content, sort_keys=False, allow_unicode=True)
    return read_plan(Path("staged.yaml"), check_content(yaml.safe_load(text), SCHEMA, "staged.yaml"))


def renamed(path):
    """Return a shipped plan whose conditions and sequences are called by unmistakable words."""
    text = path.read_text(encoding="utf-8")
    used = [level["name"] for level in yaml.safe_load(text)["conditions"]["levels"]]
    for old, new in ({name: WORDS[name] for name in used} | ORDERS).items():
        text = re.sub(rf"(?<![A-Za-z0-9]){old}(?![A-Za-z0-9])", new, text)
        text = re.sub(rf"(?<![A-Za-z0-9]){old.capitalize()}(?![A-Za-z0-9])", new.capitalize(), text)
    content = yaml.safe_load(text)
    for level in content["conditions"]["levels"]:
        content["trial"]["title"] += f" {level['name'].upper().replace('_', '-')}S"
    return check_content(content, SCHEMA, path)


def people(content, n, sequences):
    """Allocate n people to sequences in turn, in place."""
    content["participants"] = {f"{i:02d}": sequences[i % len(sequences)] for i in range(n)}


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.parent.name)
def test_staged_plans_are_valid_and_have_the_same_sessions(path):
    content, truth = content_of(path), load_plan(path)
    for staged in (masked_trial(content, KEY), dummy_trial(content, KEY, 3)):
        plan = plan_of(staged)
        assert [row[:1] + row[2:4] for row in plan.sessions] == [row[:1] + row[2:4] for row in truth.sessions]
        assert len(plan.analyses) == len(truth.analyses)
        relabelled = staged.relabel(schedule(truth))
        pd.testing.assert_frame_equal(relabelled, schedule(plan))


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.parent.name)
def test_masked_plan_tells_no_condition_or_sequence(path):
    content = renamed(path)
    assert TELLING.search(yaml.safe_dump(content))
    text = yaml.safe_dump(masked_trial(content, KEY).content, allow_unicode=True)
    assert not TELLING.search(text), TELLING.search(text)


def test_no_word_of_a_masked_plan_depends_on_who_had_what():
    """Besides the allocation, plans masked by different keys are the same: nothing there tells the draw."""
    content, plans = content_of(SAMPLE), []
    for number in range(8):
        plan = masked_trial(content, KEY + bytes([number])).content
        allocation = (plan.pop("participants"), plan["design"].pop("sequences"))
        plans.append((yaml.safe_dump(plan), str(allocation)))
    assert len({plan for plan, _ in plans}) == 1
    assert len({allocation for _, allocation in plans}) > 4


def test_masked_reference_may_be_any_condition():
    content = content_of(SAMPLE)
    letters = [masked_trial(content, KEY + bytes([n])).labels["01"]["control"] for n in range(200)]
    counts = [letters.count(letter) for letter in "xyz"]
    assert min(counts) > 45 and max(counts) < 90, "a third each, ± 3.5 standard deviations"


def test_baseline_keeps_its_place(tmp_path):
    content = content_of(changed(tmp_path, parallel))
    drawn = [masked_trial(content, KEY + bytes([n])).labels["01"] for n in range(40)]
    assert {one["before"] for one in drawn} == {"z"}
    assert {one["control"] for one in drawn} == {"x", "y"}


def test_experiments_are_masked_apart(tmp_path):
    """What both experiments share would be known as the control if both had one mapping."""
    content = content_of(changed(tmp_path, two_experiments))
    drawn = [masked_trial(content, KEY + bytes([n])).labels for n in range(40)]
    assert {(one["01"]["control"], one["03"]["control"]) for one in drawn} == {
        ("x", "x"),
        ("x", "z"),
        ("y", "x"),
        ("y", "z"),
    }


@settings(max_examples=60, deadline=None)
@given(st.binary(min_size=16, max_size=40), st.integers(0, 2**31), st.sampled_from(SHIPPED))
def test_labels_are_one_to_one_by_any_key(key, seed, path):
    content = content_of(path)
    conditions = {level["name"] for level in content["conditions"]["levels"]}
    masked, dummy = masked_trial(content, key), dummy_trial(content, key, seed)
    letters = {level["name"] for level in masked.content["conditions"]["levels"]}
    for person in content["participants"]:
        for staged, labels in ((masked, letters), (dummy, conditions)):
            assert set(staged.labels[person]) == conditions
            assert set(staged.labels[person].values()) == labels and len(labels) == len(conditions)
    read_plan(path, masked.content), read_plan(path, dummy.content)


def test_key_and_seed_decide():
    content = content_of(SAMPLE)
    assert masked_trial(content, KEY).content == masked_trial(content, KEY).content
    masked = [masked_trial(content, bytes([n]) * 32).content["participants"] for n in range(6)]
    assert len({str(one) for one in masked}) > 3, "another key, other labels"
    dummy = {str(dummy_trial(content, KEY, seed).content["participants"]) for seed in range(6)}
    assert len(dummy) > 3, "another seed, other labels"
    assert dummy_trial(content, KEY, 3).content == dummy_trial(content, KEY, 3).content


def test_delivery_is_relabelled_with_swaps_and_missing_sessions(tmp_path):
    entry = {"participant": "02", "session": "2", "reason": "the stimulator broke"}
    path = changed(tmp_path, lambda content: content.update(missing_sessions=[entry]))
    plan, content = load_plan(path), content_of(path)
    table = check_delivered(plan, write_delivered(plan, tmp_path / "bids"))
    table.loc[0, "delivered_condition"] = table.loc[1, "planned_condition"]  # as if swapped
    for staged in (masked_trial(content, KEY), dummy_trial(content, KEY, 1)):
        shown = check_table(staged.relabel(table), "delivery", "delivery")
        assert shown.loc[0, "delivered_condition"] == shown.loc[1, "planned_condition"]
        assert set(shown["reason"].dropna()) == {WITHHELD}
        assert [one["reason"] for one in staged.content["missing_sessions"]] == [WITHHELD]
        pd.testing.assert_frame_equal(
            analysed_schedule(shown).astype(str), schedule(plan_of(staged)).astype(str), check_dtype=False
        )


def test_texts_of_recorded_events_are_withheld():
    events = pd.DataFrame(
        {"code": ["stopped", "pain under stimulation"], "label": ["Stimulation stopped", None]}
    ).assign(text=["relaxed instead", None])
    for staged in (masked_trial(content_of(SAMPLE), KEY), dummy_trial(content_of(SAMPLE), KEY, 1)):
        hidden = staged.hide_texts(events)
        assert hidden["code"].tolist() == ["stopped", "pain under [condition]"]
        assert hidden["label"].fillna("-").tolist() == ["[condition] stopped", "-"]
        assert hidden["text"].fillna("-").tolist() == [WITHHELD, "-"]


@pytest.mark.parametrize(
    "change",
    [
        lambda c: c["outcomes"]["responder"].update(measure="scores.relaxation.depth"),
        lambda c: c["events"].update(relaxation_refused=c["events"]["unit_lost"]),
    ],
)
def test_names_of_the_data_set_that_tell_a_condition_are_refused(tmp_path, change):
    content = content_of(changed(tmp_path, change))
    with pytest.raises(InputError, match=r"tells the condition 'relaxation'.*Rename it in the data set"):
        masked_trial(content, KEY)


def test_names_that_would_become_one_are_refused(tmp_path):
    def change(content):
        content["analyses"] |= {"x_only": content["analyses"]["peak_rate"]}
        content["analyses"] |= {"control_only": content["analyses"]["peak_rate"]}

    with pytest.raises(InputError, match="would be called 'x_only' as another"):
        masked_trial(content_of(changed(tmp_path, change)), KEY)


def one_sequence(content):
    content["design"]["sequences"] = {"CSR": ["control", "stimulation", "relaxation"]}
    people(content, 12, ["CSR"])


def two_sequences(content):
    content["design"]["sequences"] = {"CS": ["control", "stimulation"], "SC": ["stimulation", "control"]}
    content["conditions"]["levels"].pop()
    content["families"]["delta_f_from_control"]["contrasts"].pop()
    people(content, 12, ["CS", "CS", "CS", "SC"])


def all_sequences(content):
    people(content, 12, list(content["design"]["sequences"]))


def paired(values):
    table = values.pivot_table(index="participant", columns="label", values="value")
    difference = (table["stimulation"] - table["control"]).to_numpy()
    return difference.mean(), stats.ttest_1samp(difference, 0).pvalue


def between_arms(values):
    later = values[values["label"] != "before"]
    arms = [later.loc[later["label"] == name, "value"] for name in ("stimulation", "control")]
    return arms[0].mean() - arms[1].mean(), stats.ttest_ind(*arms).pvalue


@pytest.mark.parametrize(
    ("design", "compare"),
    [
        (all_sequences, paired),
        (one_sequence, paired),
        (two_sequences, paired),
        (lambda content: parallel(content, 10), between_arms),
    ],
    ids=["all sequences", "one sequence", "unequal sequences", "parallel"],
)
def test_dummy_shows_no_effect_beyond_chance(tmp_path, design, compare):
    """A large effect is there; under dummy labels it is gone, and P values are those of chance."""
    content = content_of(changed(tmp_path, design))
    truth = schedule(read_plan(Path("plan"), content))
    random, found = np.random.default_rng(1), []
    effect = truth["condition"].map({"stimulation": -2.0}).fillna(0.0) + 0.3 * truth["period"]
    for seed in range(300):
        level = dict(
            zip(content["participants"], random.normal(0, 1, len(content["participants"])), strict=True)
        )
        value = effect + truth["participant"].map(level) + random.normal(0, 0.5, len(truth))
        labels = dummy_trial(content, KEY, seed).relabel(truth)["condition"]
        found.append(compare(truth.assign(value=value, label=labels)))
    contrasts, p_values = np.array(found).T
    true_contrast = compare(truth.assign(value=value, label=truth["condition"]))[0]
    assert true_contrast < -1.2
    assert abs(contrasts.mean()) < 4 * contrasts.std() / np.sqrt(300)
    assert abs(contrasts.mean()) < 0.1
    assert 0.02 <= (p_values < 0.05).mean() <= 0.09
    assert 0.4 <= (p_values < 0.5).mean() <= 0.6
