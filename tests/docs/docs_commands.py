"""How each command of the docs is tested. A command that nothing here names fails the tests.

`fast` and `slow`: it is run as it stands, in a copy of the project (test_docs_commands.py). A make target,
and what takes too long, names the test or the step of CI that runs the same; these must exist.
"""

import re

CI = ".ci/run"

#: make targets: what runs them.
TARGETS = {
    "": "tests/house/test_house_end_to_end.py::test_everything_that_is_promised_is_there",
    "bundle": "tests/verification",
    "docs": "tests/docs/test_docs_site.py::test_site_is_built",
    "environment": CI,
    "expected": "tests/verification",
    "lint": CI,
    "qc": "tests/house/test_house_qc.py",
    "recording": CI,
    "reproduce": "tests/house/test_house_reproduce.py",
    "test": CI,
    "test-slow": "Makefile",
    "trial": "tests/docs/test_docs_commands.py::test_from_exports_to_results",
    "verify": "tests/verification",
}

#: Other commands: the first expression that the whole command matches says how it is tested.
KINDS = {
    r"\S*pictrial (delta-f decomposed/\S+|lmm|new|--help)( .*)?": "fast",
    r"\S*pictrial stage .*": "tests/trial/test_trial_stages.py::test_way_from_dummy_to_unmasked",
    r"\S*pictrial power --participants 8,12,16(,| .*--plan).*": "tests/statistics/test_statistics_power.py",
    r"\S*pictrial (verify|bundle) .*": "tests/verification",
    r"\S*pictrial lineage .*": "tests/lineage",
    r"\S*pictrial .*": "slow",
    r"\S*python docs/example_exports.py .*": "slow",
    r"\S*snakemake .*--dry-run": "slow",
    r"\S*python benchmarks/decomposition.py (time|yield|render)": "tests/house/test_house_benchmarks.py",
    r"\S*python -m pytest .*": CI,
    r"pip install atheris|\S*python benchmarks/fuzz.py .*": "tests/hostile",
    r"\S*snakemake .*profiles/slurm .*": "tests/cluster/test_cluster_slurm.py",
    r"tests/cluster/one_node_slurm.sh .*": "tests/cluster/test_cluster_slurm.py",
    r"(docker|apptainer) (build|run) .*": "tests/cluster/test_cluster_container.py",
    r"\S*python -m http.server .*": "tests/docs/test_docs_site.py::test_search_and_pages_need_no_network",
}


def kind(command: str) -> str | None:
    """Return how a command is tested: `fast`, `slow`, or what runs the same; None if nothing does."""
    words = [word for word in command.split() if not re.fullmatch(r"[A-Z_]+=.*", word)]
    if words[0] == "make":
        places = [TARGETS.get(target) for target in words[1:] or [""]]
        return None if None in places else places[0]
    return next((how for pattern, how in KINDS.items() if re.fullmatch(pattern, " ".join(words))), None)
