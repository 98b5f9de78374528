"""What is planted comes from the configuration, and covers the plan; the defaults are the sample trial's."""

import copy
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from pictrial.errors import InputError
from pictrial.simulation.contractions import (
    SampleTrialSettings,
    SimulatedParticipant,
    simulate_maximal_contraction,
)
from pictrial.simulation.recorded_events import TABLES, draw_events
from pictrial.simulation.scores import ScoreSettings, draw_scores
from pictrial.simulation.truth import true_effects
from pictrial.simulation.vibstim_response import draw_vibstim_levels
from pictrial.tables import check_table

PROJECT = Path(__file__).resolve().parents[2]
SCHEMA = json.loads((PROJECT / "workflow" / "schemas" / "config.schema.json").read_text())
CONDITIONS = ["control", "stimulation", "relaxation"]
ARMS = ["control", "stimulation", "before"]
ASHWORTH = "scores.spasticity.modified_ashworth"


def simulation_of(name: str) -> dict:
    return yaml.safe_load((PROJECT / "config" / name / "config.yaml").read_text())["simulation"]


@pytest.fixture
def spasticity():
    return copy.deepcopy(simulation_of("spasticity"))


def of_arms(simulation, conditions=ARMS, measures=("delta_f", ASHWORTH)):
    return SampleTrialSettings.configured(simulation, conditions, measures, with_vibstim=False)


def sessions(people, condition="before"):
    names = [f"{number:04d}" for number in range(people)]
    return pd.DataFrame({"participant": names, "session": "1", "condition": condition})


def test_the_shown_values_are_the_defaults():
    shown = simulation_of(".")
    assert SampleTrialSettings.configured(shown, CONDITIONS) == SampleTrialSettings()
    assert SampleTrialSettings.configured({}, CONDITIONS) == SampleTrialSettings()
    assert set(shown) == set(SCHEMA["properties"]["simulation"]["properties"])
    assert "times 2.5" in SampleTrialSettings().source and shown["hysteresis"]["effect_scale"] == 2.5


def test_the_sample_trial_has_stayed_the_same():
    """Values of the first run with seed 3: what is drawn must not depend on where the settings come from."""
    settings = SampleTrialSettings.configured(simulation_of("."), CONDITIONS)
    person = SimulatedParticipant(settings, 3, "01")
    units = person.contraction("2", "stimulation").units.set_index("unit_id")
    assert units.loc[["true01", "true11"], "n_discharges"].tolist() == [215, 135]
    np.testing.assert_allclose(units.loc[["true01", "true11"], "hysteresis"], [3.45534613, 0.8303783738])
    assert person.maximal_torque == pytest.approx(107.3946386) and person.vibstim.responder
    levels = draw_vibstim_levels(
        person.vibstim, settings.vibstim.response, "relaxation", person.random("3", "vibstim response")
    )
    assert levels.vibration == pytest.approx(9.06991781, rel=1e-6)


def test_every_score_and_event_of_the_schema_is_a_setting():
    parts = SCHEMA["properties"]["simulation"]["properties"]
    score = next(iter(parts["scores"]["patternProperties"].values()))
    assert set(score["properties"]) == set(ScoreSettings.__dataclass_fields__) == set(score["required"])
    tables = parts["recorded_events"]["properties"]
    assert set(tables) == set(TABLES)
    for name, table in tables.items():
        assert set(table["items"]["properties"]) == {*TABLES[name], "probability"}
        for column, value in table["items"]["properties"].items():
            if "enum" in value:
                assert value["enum"] == list(TABLES[name][column]["Levels"])


@pytest.mark.parametrize(
    ("change", "key", "message"),
    [
        (lambda s: s["hysteresis"]["effects"].pop("before"), "hysteresis.effects", "'before' has no effect"),
        (lambda s: s.update(stimulated=["stimulaton"]), "stimulated", "Did you mean 'stimulation'"),
        (lambda s: s["scores"].clear(), "scores", "score 'spasticity.modified_ashworth' is not described"),
        (
            lambda s: s["scores"].update({"spasticity.tardieu": s["scores"]["spasticity.modified_ashworth"]}),
            "scores",
            "no outcome of the plan has the measure scores.spasticity.tardieu",
        ),
        (
            lambda s: s["scores"]["spasticity.modified_ashworth"]["effects"].pop("control"),
            "scores.spasticity.modified_ashworth.effects",
            "'control' has no effect",
        ),
        (
            lambda s: s["scores"]["spasticity.modified_ashworth"]["thresholds"].pop(),
            "scores",
            "6 levels have 5 thresholds, not 4",
        ),
        (
            lambda s: s["scores"]["spasticity.modified_ashworth"]["thresholds"].reverse(),
            "scores",
            "thresholds do not ascend: 6.7, 3.3",
        ),
        (
            lambda s: s["recorded_events"]["adverse_events"][2]["probability"].pop("before"),
            "recorded_events.adverse_events.Fall at home.probability",
            "'before' has no effect",
        ),
    ],
)
def test_what_is_planted_covers_the_plan(spasticity, change, key, message):
    of_arms(spasticity)
    change(spasticity)
    with pytest.raises(InputError, match=message) as caught:
        of_arms(spasticity)
    assert caught.value.where == f"config, key simulation.{key}"


def test_only_what_is_recorded_needs_an_effect():
    """A plan without VibStim needs no ratios, one without ramps no hysteresis."""
    effects = {"hysteresis": {"effects": {"control": 0, "sham": 0.1}}}
    ratios = {"vibstim_response": {"ratios": {"control": 1, "sham": 0.5}}}
    for planted, other in ((effects, "with_vibstim"), (ratios, "with_ramp")):
        SampleTrialSettings.configured(planted, ["control", "sham"], **{other: False})
        with pytest.raises(InputError, match="condition 'sham' has no effect"):
            SampleTrialSettings.configured(planted, ["control", "sham"])


def test_effects_are_differences_from_the_reference_of_the_plan(spasticity):
    settings = of_arms(spasticity)
    for reference, stimulation, score in (("control", -1.125, -1.5), ("stimulation", None, None)):
        order = [reference, *(name for name in ARMS if name != reference)]
        table = check_table(true_effects(settings, order), "true_effects", "effects")
        effects = table.set_index(["outcome", "condition"])["effect"]
        assert set(effects.index.get_level_values("outcome")) == {"delta_f", "modified_ashworth"}
        if reference == "control":
            assert effects["delta_f", "stimulation"] == stimulation
            assert effects["modified_ashworth", "stimulation"] == score
            assert effects["delta_f", "before"] == 0
        else:
            assert effects["delta_f", "before"] == 1.125 and effects["modified_ashworth", "control"] == 1.5


def test_the_two_experiments_have_no_factor():
    settings = SampleTrialSettings.configured(simulation_of("two_experiments"), CONDITIONS)
    effects = true_effects(settings, CONDITIONS).set_index(["outcome", "condition"])["effect"]
    assert effects["delta_f", "stimulation"] == -0.45 and effects["delta_f", "relaxation"] == -0.40
    assert effects["torque_vibration", "relaxation"] == pytest.approx(-0.25 * 9.94)
    assert effects["torque_vibration", "stimulation"] == 0
    assert "scaled to Orssatto et al. 2022" in settings.source


@pytest.mark.parametrize(("condition", "shift"), [("before", 0.0), ("stimulation", -1.5)])
def test_scores_have_proportional_odds(spasticity, condition, shift):
    """Of people who do not differ, the share up to a level is the logistic of threshold less shift."""
    entry = spasticity["scores"]["spasticity.modified_ashworth"] | {"participant_sd": 0.0}
    entry["thresholds"] = [-2.0, -1.0, 0.0, 1.0, 2.0]
    drawn = draw_scores("spasticity.modified_ashworth", ScoreSettings(**entry), sessions(4000, condition), 1)
    assert set(drawn) == {0, 1, 1.5, 2, 3, 4}
    below = [(drawn <= level).mean() for level in (0, 1, 1.5, 2, 3)]
    expected = 1 / (1 + np.exp(-(np.array(entry["thresholds"]) - shift)))
    np.testing.assert_allclose(below, expected, atol=0.025)


def test_people_keep_their_severity(spasticity):
    score = of_arms(spasticity).scores["spasticity.modified_ashworth"]
    first = sessions(600)
    scores = [draw_scores("s.m", score, first.assign(session=session), 1) for session in ("1", "2")]
    assert 0.5 < np.corrcoef(scores)[0, 1] < 0.85
    shares = [(scores[0] == level).mean() for level in map(float, score.levels)]
    np.testing.assert_allclose(shares, [0.05, 0.25, 0.30, 0.25, 0.12, 0.03], atol=0.04)
    np.testing.assert_array_equal(draw_scores("s.m", score, first[5:], 1), scores[0][5:])
    assert (draw_scores("s.m", score, first, 2) != scores[0]).any()


def test_events_happen_as_often_as_set(spasticity):
    for entry in spasticity["recorded_events"]["adverse_events"]:
        entry["probability"] = {"control": 0.0, "stimulation": 0.2, "before": 1.0}
    events = of_arms(spasticity).recorded_events["adverse_events"]
    assert draw_events("adverse_events", events, sessions(50, "control"), 1).empty
    always = draw_events("adverse_events", events, sessions(50), 1)
    assert always["term"].value_counts().tolist() == [50, 50, 50]
    assert list(always.columns) == ["participant_id", "session_id", *TABLES["adverse_events"]]
    assert always["participant_id"].is_monotonic_increasing
    sometimes = draw_events("adverse_events", events, sessions(1000, "stimulation"), 1)
    assert sometimes["term"].value_counts().between(160, 240).all()
    both = sometimes.groupby("participant_id").size()
    assert (both == 3).sum() < 25, "events of one session do not depend on each other"


def test_without_ramps_only_soleus_is_in_the_maximal_contraction():
    whole, part = (
        simulate_maximal_contraction(
            SimulatedParticipant(SampleTrialSettings(with_ramp=with_ramp), 3, "02"), "1"
        )
        for with_ramp in (True, False)
    )
    assert part.channel_names == ("SOL",) and part.groups == ("soleus",) and part.positions.shape == (1, 2)
    np.testing.assert_array_equal(part.emg, whole.emg[-1:])
    np.testing.assert_array_equal(part.torque, whole.torque)
