"""Trials of the house's tests: the shipped ones, or fewer participants, in a folder of their own."""

import subprocess
import sys
from pathlib import Path

import yaml

PROJECT = Path(__file__).resolve().parents[2]


#: One analysis of each kind that the workflow treats in a way of its own.
FEW = ("primary", "participant_means", "cluster_bootstrap", "tipping_point", "torque_vibration_ranks")


def write_trial(
    folder: Path,
    name: str = ".",
    participants: int | None = None,
    analyses: tuple[str, ...] | None = None,
    **settings,
) -> Path:
    """Write plan and configuration of the shipped trial `name` into `folder`; return the latter's path.

    With `analyses`, the plan has only these, and the outcomes that they are of.
    """
    shipped = PROJECT / "config" / name
    plan = yaml.safe_load((shipped / "trial.yaml").read_text())
    plan["participants"] = dict(list(plan["participants"].items())[:participants])
    used = set(plan["participants"].values())
    plan["design"]["sequences"] = {
        key: value for key, value in plan["design"]["sequences"].items() if key in used
    }
    if analyses:
        plan.pop("estimands", None)
        plan["analyses"] = {key: plan["analyses"][key] for key in analyses}
        kept = {entry.get("outcome") for entry in plan["analyses"].values()}
        plan["outcomes"] = {key: value for key, value in plan["outcomes"].items() if key in kept}
        for family in plan["families"].values():
            family["analyses"] = [key for key in family["analyses"] if key in analyses]
    # What is drawn is drawn a few times only: these tests are of the way, not of the numbers.
    for analysis in plan["analyses"].values():
        analysis |= {key: few for key, few in (("resamples", 40), ("imputations", 2)) if key in analysis}
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "trial.yaml").write_text(yaml.safe_dump(plan, sort_keys=False, allow_unicode=True))
    configuration = yaml.safe_load((shipped / "config.yaml").read_text())
    configuration |= {"trial": "trial.yaml", "results": "results"}
    for stage, values in settings.items():
        configuration[stage] = {**configuration.get(stage, {}), **values}
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump(configuration, sort_keys=False))
    return path


def run_snakemake(
    configuration: Path, *arguments: str, profile: Path = PROJECT / "workflow" / "profiles" / "default"
) -> subprocess.CompletedProcess:
    """Run the workflow in the folder of `configuration`."""
    command = [sys.executable, "-m", "snakemake", "--snakefile", PROJECT / "Snakefile"]
    command += ["--workflow-profile", profile]
    command += ["--directory", configuration.parent, "--configfile", configuration, *arguments]
    return subprocess.run(list(map(str, command)), capture_output=True, text=True, cwd=configuration.parent)
