"""Outcomes, analyses and families of the plan: what a method needs, what it refuses, what it takes over."""

import pytest
from trial_plans import SAMPLE, changed

from pictrial.errors import InputError
from pictrial.trial.plan import load_plan

CONTRASTS = ["stimulation - control", "relaxation - control"]
ODDS = "value ~ condition + (1 | participant)"


def put(name, **keys):
    """Return a change of the plan: keys of an analysis set, or removed where they are None."""

    def change(content):
        entry = content["analyses"][name] | keys
        content["analyses"][name] = {key: value for key, value in entry.items() if value is not None}

    return change


def put_outcome(name, **keys):
    def change(content):
        entry = content["outcomes"][name] | keys
        content["outcomes"][name] = {key: value for key, value in entry.items() if value is not None}

    return change


def put_family(**keys):
    return lambda content: content["families"]["delta_f_from_control"].update(keys)


def test_an_analysis_takes_from_its_model_what_it_does_not_say_itself():
    analyses = load_plan(SAMPLE).analyses
    primary = analyses["primary"]
    taken = ("outcome", "population", "formula", "reml", "df_method")
    for name, said in {
        "weighted": (),
        "cluster_robust": (),
        "tipping_point": (),
        "random_slopes": ("formula",),
        "matched_units": ("population",),
        "same_pairs": ("outcome",),
    }.items():
        for key in taken:
            same = getattr(analyses[name], key) == getattr(primary, key)
            assert same is (key not in said), (name, key)
    assert analyses["matched_units"].population == "matched_units"
    assert analyses["same_pairs"].outcome == "delta_f_same_pairs"
    # Neither its place in the plan nor what it does beside the formula.
    assert analyses["cluster_robust"].role == "sensitivity" and analyses["weighted"].weights
    assert analyses["tipping_point"].deltas == (-8.0, -4.0, -2.0, -1.0, 0.0, 1.0, 2.0, 4.0, 8.0)


def test_a_model_gives_away_neither_weights_nor_transformation(tmp_path):
    of_torque = {"model": "torque_vibration", "outcome": None, "population": None}
    plan = load_plan(changed(tmp_path, put("random_slopes", formula=None, **of_torque)))
    assert plan.analyses["random_slopes"].transformation is None
    assert plan.analyses["random_slopes"].outcome == "torque_vibration"
    with pytest.raises(InputError, match="would neither weigh nor transform the values, as torque_vibration"):
        load_plan(changed(tmp_path, put("leave_one_out", **of_torque)))
    with pytest.raises(InputError, match="neither weigh nor transform the values, as primary does"):
        load_plan(changed(tmp_path, put("primary", weights="standard_error")))


@pytest.mark.parametrize(
    "change",
    [
        put("participant_means", method="win_probability"),
        put("participant_means", method="reliability"),
        put("participant_means", method="cumulative_link", formula=ODDS),
        put("responders", outcome="torque_sustained", floor=2.0),
        put("weighted", df_method="satterthwaite"),
        put("torque_vibration", transformation={"method": "log", "offset": 1.5}),
        put("torque_vibration", transformation={"method": "inverse_normal_ranks"}),
        put("tipping_point", deltas=[0]),
        put_outcome("delta_f", aggregation="composite_control"),
        put_outcome("peak_rate", measure="units.recruitment_threshold"),
        put_family(adjustment="tukey", analyses=["primary", "random_slopes"]),
        put_family(adjustment="fixed_sequence"),
        put_family(
            adjustment="graphical",
            weights={CONTRASTS[0]: 0.5, CONTRASTS[1]: 0.5},
            transitions={CONTRASTS[0]: {CONTRASTS[1]: 1.0}},
        ),
    ],
)
def test_what_a_plan_may_say(tmp_path, change):
    load_plan(changed(tmp_path, change))


OF_MIXED_MODELS_ONLY = {
    "model": "primary",
    "reml": True,
    "df_method": "satterthwaite",
    "weights": "standard_error",
    "transformation": {"method": "asinh"},
}
OF_ONE_METHOD = {
    "formula": ODDS,
    "resamples": 100,
    "imputations": 5,
    "deltas": [0.0],
    "floor": 1.0,
    "baseline": "control",
    "other": "peak_rate",
}
NEEDED = {
    "primary": ["outcome", "population", "formula", "reml", "df_method"],
    "participant_means": ["outcome", "population", "role", "method", "description", "source"],
    "cluster_robust": ["model"],
    "residual_variance": ["model"],
    "leave_one_out": ["model"],
    "cluster_bootstrap": ["model", "resamples"],
    "parametric_bootstrap": ["model", "resamples"],
    "tipping_point": ["model", "imputations", "deltas"],
    "delta_f_with_torque": ["other"],
}


@pytest.mark.parametrize("key", [*OF_MIXED_MODELS_ONLY, *OF_ONE_METHOD])
def test_a_key_that_the_method_does_not_use_is_refused(tmp_path, key):
    value = (OF_MIXED_MODELS_ONLY | OF_ONE_METHOD)[key]
    with pytest.raises(InputError, match="the key has no meaning here") as caught:
        load_plan(changed(tmp_path, put("participant_means", **{key: value})))
    assert caught.value.where.endswith(f"key analyses.participant_means.{key}")


@pytest.mark.parametrize(
    ("name", "key", "value"),
    [
        ("cluster_robust", "formula", ODDS),
        ("cluster_robust", "df_method", "satterthwaite"),
        ("cluster_robust", "reml", True),
        ("leave_one_out", "weights", "standard_error"),
        ("parametric_bootstrap", "transformation", {"method": "sqrt"}),
        ("tipping_point", "resamples", 100),
        ("cluster_bootstrap", "imputations", 5),
        ("primary", "floor", 0.0),
        ("primary", "resamples", 100),
    ],
)
def test_a_key_of_another_method_is_refused(tmp_path, name, key, value):
    with pytest.raises(InputError, match="the key has no meaning here") as caught:
        load_plan(changed(tmp_path, put(name, **{key: value})))
    assert caught.value.where.endswith(f"key analyses.{name}.{key}")


@pytest.mark.parametrize(("name", "key"), [(name, key) for name, keys in NEEDED.items() for key in keys])
def test_a_key_that_the_method_needs_is_missed(tmp_path, name, key):
    with pytest.raises(InputError, match=f"key '{key}' is missing|'outcome' is missing") as caught:
        load_plan(changed(tmp_path, put(name, **{key: None})))
    assert caught.value.where.endswith(f"key analyses.{name}")


@pytest.mark.parametrize(
    ("method", "missing"), [("cumulative_link", "formula"), ("baseline_adjusted", "baseline")]
)
def test_methods_that_the_sample_plan_does_not_use_need_their_keys_too(tmp_path, method, missing):
    with pytest.raises(InputError, match=f"key '{missing}' is missing"):
        load_plan(changed(tmp_path, put("participant_means", method=method)))


@pytest.mark.parametrize(
    ("change", "key", "message"),
    [
        (put("primary", method="mixed_modell"), "primary.method", "must be one of"),
        (put("primary", role="main"), "primary.role", "must be one of"),
        (put("primary", population="everyone"), "primary.population", "population 'everyone' is unknown"),
        (put("primary", reml=False), "primary.reml", "True|true"),
        (put("primary", df_method="z"), "primary.df_method", "must be one of"),
        (put("weighted", weights="n_controls"), "weighted.weights", "standard_error"),
        (put("cluster_bootstrap", resamples=39), "cluster_bootstrap.resamples", "40"),
        (put("tipping_point", imputations=1), "tipping_point.imputations", "2"),
        (put("tipping_point", deltas=[]), "tipping_point.deltas", "1 item"),
        (put("tipping_point", deltas=[1.0, 2.0]), "tipping_point.deltas", "contain"),
        (put("tipping_point", deltas=[0.0, 1.0, 1.0]), "tipping_point.deltas", "unique"),
        (
            put("torque_vibration", transformation={"method": "asinh", "offset": 1}),
            "torque_vibration.transformation.offset",
            "no meaning here",
        ),
        (
            put("torque_vibration", transformation={"method": "log", "scale": 2}),
            "torque_vibration.transformation.scale",
            "no meaning here",
        ),
        (
            put("torque_vibration", transformation={"method": "asinh", "scale": 0}),
            "torque_vibration.transformation.scale",
            "bigger than 0",
        ),
        (
            put("torque_vibration", transformation={}),
            "torque_vibration.transformation",
            "'method' is missing",
        ),
        (put("weighted", transformation={"method": "sqrt"}), "weighted", "before its transformation"),
        (put("weighted", outcome="peak_rate"), "weighted", "only values of ΔF have standard errors"),
        (put("cluster_robust", model="primry"), "cluster_robust.model", "Did you mean 'primary'"),
        (
            put("cluster_robust", model="participant_means"),
            "cluster_robust.model",
            "participant_means is no mixed model with a formula of its own",
        ),
        (put("cluster_robust", model="weighted"), "cluster_robust.model", "weighted is no mixed model with"),
        (put("weighted", model="weighted"), "weighted.model", "weighted is no mixed model with"),
        (put("delta_f_with_torque", other="torque"), "delta_f_with_torque.other", "other' 'torque'|'torque'"),
        (put("delta_f_with_torque", method="agreement"), "delta_f_with_torque", "have different units"),
        (put("participant_means", method="stratified_rank"), "participant_means.method", "parallel groups"),
        (put("participant_means", role="primary"), "analyses", "1 analysis with the role primary, not 2"),
    ],
)
def test_a_mistake_in_an_analysis_is_named(tmp_path, change, key, message):
    with pytest.raises(InputError, match=message) as caught:
        load_plan(changed(tmp_path, change))
    assert caught.value.where.endswith(key)


@pytest.mark.parametrize(
    ("change", "key", "message"),
    [
        (put_outcome("delta_f", aggregation=None), "delta_f", "'aggregation' is missing"),
        (put_outcome("delta_f", aggregation="mean"), "delta_f.aggregation", "must be one of"),
        (put_outcome("delta_f", unit="Hz"), "delta_f.unit", "pps"),
        (put_outcome("delta_f", level="participant"), "delta_f.level", "motor_unit"),
        (
            put_outcome("peak_rate", aggregation="mean_over_passing_controls"),
            "peak_rate.aggregation",
            "no meaning here",
        ),
        (put_outcome("peak_rate", level="participant"), "peak_rate", "has the level motor_unit"),
        (
            put_outcome("torque_sustained", level="motor_unit"),
            "torque_sustained",
            "has the level participant",
        ),
        (put_outcome("peak_rate", measure="peak_rate"), "peak_rate.measure", "pattern"),
        (put_outcome("peak_rate", measure="units.Peak"), "peak_rate.measure", "pattern"),
        (lambda c: c["outcomes"].pop("delta_f"), "outcomes", "'delta_f' is missing"),
        (
            lambda c: c["contractions"].pop("vibstim_task"),
            "outcomes.torque_vibration",
            "vibstim.torque_vibration is not measured",
        ),
    ],
)
def test_a_mistake_in_an_outcome_is_named(tmp_path, change, key, message):
    with pytest.raises(InputError, match=message) as caught:
        load_plan(changed(tmp_path, change))
    assert caught.value.where.endswith(key)


HALVES = dict.fromkeys(CONTRASTS, 0.5)


@pytest.mark.parametrize(
    ("keys", "key", "message"),
    [
        ({"adjustment": "holmes"}, "adjustment", "must be one of"),
        ({"adjustment": "graphical"}, "delta_f_from_control", "'weights' is missing"),
        ({"adjustment": "graphical", "weights": HALVES}, "delta_f_from_control", "'transitions' is missing"),
        ({"weights": HALVES}, "weights", "no meaning here"),
        ({"transitions": {}}, "transitions", "no meaning here"),
        (
            {"adjustment": "graphical", "weights": {CONTRASTS[0]: 1.1}, "transitions": {}},
            f"weights.{CONTRASTS[0]}",
            "smaller than or equal to 1",
        ),
        (
            {"adjustment": "graphical", "weights": {"relaxation - contrl": 1.0}, "transitions": {}},
            "delta_f_from_control",
            "contrast 'relaxation - contrl' is unknown to the plan. Did you mean 'relaxation - control'",
        ),
        (
            {"adjustment": "graphical", "weights": HALVES, "transitions": {CONTRASTS[0]: {"a - b": 1.0}}},
            "delta_f_from_control",
            "contrast 'a - b' is unknown",
        ),
        (
            {"adjustment": "graphical", "weights": {"stimulation": 1.0}, "transitions": {}},
            "weights",
            "'stimulation' does not match",
        ),
        ({"adjustment": "mvt"}, "adjustment", "mvt needs mixed models, and participant_means is a paired"),
        ({"adjustment": "dunnettx"}, "adjustment", "dunnettx needs mixed models"),
        ({"contrasts": ["stimulation minus control"]}, "contrasts[0]|contrasts.0", "pattern"),
        ({"contrasts": CONTRASTS[:1] * 2}, "contrasts", "unique"),
        ({"contrasts": []}, "contrasts", "1 item"),
        ({"analyses": []}, "analyses", "1 item"),
        ({"alpha": 0}, "alpha", "bigger than 0"),
    ],
)
def test_a_mistake_in_a_family_is_named(tmp_path, keys, key, message):
    with pytest.raises(InputError, match=message) as caught:
        load_plan(changed(tmp_path, put_family(**keys)))
    assert any(caught.value.where.endswith(end) for end in key.split("|"))


def test_a_graph_is_read_as_written(tmp_path):
    graph = {"weights": {CONTRASTS[0]: 1.0}, "transitions": {CONTRASTS[0]: {CONTRASTS[1]: 1.0}}}
    path = changed(tmp_path, put_family(adjustment="graphical", **graph))
    family = load_plan(path).families["delta_f_from_control"]
    assert family.weights == graph["weights"] and family.transitions == graph["transitions"]
