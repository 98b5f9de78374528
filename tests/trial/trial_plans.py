"""The sample plan, changed in one place."""

import copy
from pathlib import Path

import yaml

CONFIG = Path(__file__).resolve().parents[2] / "config"
SAMPLE = CONFIG / "trial.yaml"
SINGLE = CONFIG / "vastus_lateralis" / "trial.yaml"


def changed(tmp_path, change, source=SAMPLE):
    """Write `source` with ``change(content)`` applied; return the new file."""
    content = copy.deepcopy(yaml.safe_load(source.read_text(encoding="utf-8")))
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
