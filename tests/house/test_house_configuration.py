"""The configuration: unknown keys are refused, and its values are the defaults of the stages' settings."""

import dataclasses
import json
from pathlib import Path

import pytest
import yaml

from pictrial.checked_yaml import check_content, read_checked_yaml
from pictrial.decomposition.candidates import DecompositionSettings
from pictrial.decomposition.tracking import TrackingSettings
from pictrial.errors import InputError
from pictrial.motor_units.delta_f import PairCriteria
from pictrial.motor_units.discharge_trains import DischargeLimits
from pictrial.motor_units.sensitivity import SensitivitySettings
from pictrial.motor_units.smoothing import SMOOTHERS, RateSettings, constants_of
from pictrial.motor_units.stimulus_locking import LockingSettings
from pictrial.recordings.conditioning import ConditioningSettings
from pictrial.recordings.quality import QualitySettings
from pictrial.simulation import vibstim_response
from pictrial.simulation.motoneurones import HysteresisSettings
from pictrial.vibstim.settings import CleaningSettings, ResponseSettings, WindowSettings

PROJECT = Path(__file__).resolve().parents[2]
CONFIG = PROJECT / "config"
SCHEMA = PROJECT / "workflow" / "schemas" / "config.schema.json"
FILES = [CONFIG / "config.yaml", *sorted(CONFIG.glob("*/config.yaml"))]
STAGES = {
    ("simulation", "hysteresis"): HysteresisSettings,
    ("simulation", "vibstim_response"): vibstim_response.ResponseSettings,
    ("conditioning",): ConditioningSettings,
    ("channel_quality",): QualitySettings,
    ("decomposition",): DecompositionSettings,
    ("tracking",): TrackingSettings,
    ("motor_units", "limits"): DischargeLimits,
    ("motor_units", "criteria"): PairCriteria,
    ("motor_units", "sensitivity"): SensitivitySettings,
    ("motor_units", "locking"): LockingSettings,
    ("vibstim", "windows"): WindowSettings,
    ("vibstim", "cleaning"): CleaningSettings,
    ("vibstim", "response"): ResponseSettings,
}


def section(tree: dict, path: tuple[str, ...], step: str | None = None) -> dict:
    for name in path:
        tree = tree[step][name] if step else tree[name]
    return tree


@pytest.fixture
def sample() -> dict:
    return yaml.safe_load(FILES[0].read_text())


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.parent.name)
def test_shipped_configurations_are_valid(path):
    assert read_checked_yaml(path, SCHEMA)["results"].startswith("results/")


@pytest.mark.parametrize("path", STAGES, ids=".".join)
def test_values_are_the_defaults_of_the_settings(path, sample):
    settings = STAGES[path]
    assert settings(**section(sample, path)) == settings()
    # A setting that is itself settings of another stage is taken from there.
    names = {
        field.name
        for field in dataclasses.fields(settings)
        if not dataclasses.is_dataclass(field.default_factory)
    }
    assert set(section(sample, path)) == names, "every setting is shown in config.yaml"
    schema = json.loads(SCHEMA.read_text())
    assert set(section(schema, path, "properties")["properties"]) == names


def test_the_configured_rates_are_the_defaults(sample):
    configured = RateSettings.configured(sample["motor_units"])
    assert (configured.smoother, configured.limits) == (RateSettings().smoother, RateSettings().limits)
    schema = section(json.loads(SCHEMA.read_text()), ("motor_units",), "properties")["properties"]
    assert set(schema["smoother"]["enum"]) == set(configured.smoothers) == set(SMOOTHERS)
    for name, constants in configured.smoothers.items():
        assert dict(constants) == constants_of(name)
        assert set(schema["smoothers"]["properties"][name]["properties"]) == set(constants)


def test_every_object_of_the_schema_refuses_unknown_keys():
    def walk(node):
        if isinstance(node, dict):
            if node.get("type") == "object":
                assert node["additionalProperties"] is False, node.get("description")
            for value in node.values():
                walk(value)

    walk(json.loads(SCHEMA.read_text()))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.parent.name)
def test_every_value_has_a_comment(path):
    lines = [line for line in path.read_text().splitlines() if line.strip()]
    for above, line in zip(["", *lines], lines, strict=False):
        if not line.lstrip().startswith("#") and not line.rstrip().endswith(":"):
            assert "#" in line or above.lstrip().startswith("#"), line


@pytest.mark.parametrize("path", [(), *STAGES], ids=lambda path: ".".join(path) or "top")
def test_unknown_key_is_refused(path, sample):
    section(sample, path)["thresold"] = 1
    with pytest.raises(InputError) as error:
        check_content(sample, SCHEMA, "my/config.yaml")
    assert error.value.where.startswith("my/config.yaml")
    assert ".".join(path) in error.value.where
    assert error.value.rule == "unknown key 'thresold'"


def test_wrong_value_is_refused(sample):
    sample["seed"] = "seven"
    with pytest.raises(InputError, match=r"config.yaml, key seed: must be integer \(it is 'seven'\)"):
        check_content(sample, SCHEMA, "config.yaml")


def test_missing_key_is_refused(sample):
    del sample["trial"]
    with pytest.raises(InputError, match=r"config.yaml: key 'trial' is missing"):
        check_content(sample, SCHEMA, "config.yaml")


def test_source_needs_its_own_key(sample):
    sample["data"] = {"source": "bids", "format": "bdf"}
    with pytest.raises(InputError, match=r"key data: key 'bids' is missing"):
        check_content(sample, SCHEMA, "config.yaml")
