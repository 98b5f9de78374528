"""The sample plan, changed in one place."""

import copy
from functools import cache
from pathlib import Path

import yaml

CONFIG = Path(__file__).resolve().parents[2] / "config"
SAMPLE = CONFIG / "trial.yaml"
SINGLE = CONFIG / "vastus_lateralis" / "trial.yaml"


@cache
def _content(source):
    return yaml.safe_load(source.read_text(encoding="utf-8"))


def changed(tmp_path, change, source=SAMPLE):
    """Write `source` with ``change(content)`` applied; return the new file."""
    content = copy.deepcopy(_content(source))
    change(content)
    path = tmp_path / "trial.yaml"
    path.write_text(yaml.safe_dump(content, allow_unicode=True, sort_keys=False), encoding="utf-8")
    return path


def write_delivered(plan, root):
    """Write participants.tsv and every sessions.tsv as the plan has them."""
    root.mkdir(parents=True, exist_ok=True)
    names = "".join(f"sub-{name}\n" for name in plan.participants)
    (root / "participants.tsv").write_text("participant_id\n" + names, encoding="utf-8")
    for name in plan.participants:
        lines = ["session_id\tperiod\tcondition"]
        lines += [
            f"ses-{s.session}\t{s.period}\t{s.condition}" for s in plan.sessions if s.participant == name
        ]
        path = root / f"sub-{name}" / f"sub-{name}_sessions.tsv"
        path.parent.mkdir(exist_ok=True)
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return root


def two_experiments(content):
    """Turn the sample plan into one of two experiments, in place: relaxation has no VibStim."""
    content["design"]["sequences"] = {
        **{"CS": ["control", "stimulation"], "SC": ["stimulation", "control"]},
        **{"CR": ["control", "relaxation"], "RC": ["relaxation", "control"]},
    }
    people = zip(("01", "02", "03", "04", "05", "06", "07", "08"), ("CS", "SC", "CR", "RC") * 2, strict=True)
    content["participants"] = dict(people)
    content["experiments"] = {
        "inhibition": {"label": "Inhibition", "sequences": ["CS", "SC"], "source": "test"},
        "relaxing": {"label": "Relaxing", "sequences": ["CR", "RC"], "tasks": ["ramp"], "source": "test"},
    }
    analyses = content["analyses"]
    formula = "value ~ condition + period + (1 | participant) + (1 | participant:unit)"
    content["analyses"] = {
        "primary_inhibition": {**analyses["primary"], "experiment": "inhibition", "formula": formula},
        "primary_relaxing": {
            **{key: analyses["primary"][key] for key in ("role", "method", "description", "source")},
            **{"model": "primary_inhibition", "experiment": "relaxing"},
        },
        "robust_relaxing": {**analyses["participant_means"], "experiment": "relaxing"},
        "torque": {**analyses["torque_vibration_ranks"], "experiment": "inhibition"},
        "weighted": {**analyses["weighted"], "model": "primary_inhibition"},
    }
    family = content["families"]["delta_f_from_control"]
    content["families"] = {
        "inhibition": {
            **family,
            **{"analyses": ["primary_inhibition"], "contrasts": ["stimulation - control"]},
        },
        "relaxing": {
            **family,
            **{"analyses": ["primary_relaxing", "robust_relaxing"], "contrasts": ["relaxation - control"]},
        },
    }
    content["estimands"]["delta_f"]["analyses"] = ["primary_inhibition"]


def write_phenotype(root, table, header, *lines):
    """Write a table of the data set's phenotype folder; header and lines are separated by blanks and |."""
    path = root / "phenotype" / f"{table}.tsv"
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = [header.split(), *(line.split("|") for line in lines)]
    path.write_text("".join("\t".join(row) + "\n" for row in rows), encoding="utf-8")
    return path
