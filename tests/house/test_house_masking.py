"""A whole run in the stage masked: no output names a condition or a sequence, nor the truth in dummy."""

import base64
import re
import subprocess
import sys
import zipfile
from io import BytesIO

import pandas as pd
import pytest
import yaml
from house_trials import run_snakemake, write_trial
from PIL import Image
from pypdf import PdfReader

#: Unmistakable names for those of the sample trial. Underscores tell whether words are found however joined.
WORDS = {"control": "quokka", "stimulation": "wombat", "relaxation": "numbat_rest"}
ORDERS = {"CSR": "Dingo", "SRC": "Cassowary"}
TELLING = re.compile("|".join([*WORDS.values(), *ORDERS.values(), "numbat.rest"]), re.IGNORECASE)
FEW = ("primary", "participant_means", "habit_of_the_field", "tipping_point", "torque_vibration_ranks")
#: The side of the data set, which stays with those who know the truth.
TRUE_SIDE = ("bids", "truth")


def texts(name, data):
    """Yield what a reader finds in a file: text, that of PDF pages, metadata, and what is inside zips."""
    yield data.decode("utf-8", errors="ignore")
    yield data.decode("utf-16-le", errors="ignore")
    if name.endswith(".pdf"):
        document = PdfReader(BytesIO(data))
        yield str(dict(document.metadata or {}))
        yield from (page.extract_text() for page in document.pages)
    elif name.endswith(".png"):
        yield str(Image.open(BytesIO(data)).info)
    elif name.endswith((".docx", ".xlsx", ".npz")):
        with zipfile.ZipFile(BytesIO(data)) as archive:
            for inner in archive.namelist():
                yield inner
                yield from texts(inner, archive.read(inner))
    elif name.endswith((".html", ".svg", ".ipynb")):
        for kind, coded in re.findall(rb"data:([\w/+.-]+);base64,([A-Za-z0-9+/=]+)", data):
            yield from texts(f"inside.{kind.decode().split('/')[-1].split('+')[0]}", base64.b64decode(coded))


def told(results):
    """Return every output that names a condition or sequence, and what it says."""
    found = {}
    for path in sorted(path for path in results.rglob("*") if path.is_file()):
        place = path.relative_to(results)
        if place.parts[0] in TRUE_SIDE or "simulate_participant" in place.parts:
            continue
        hit = TELLING.search(str(place)) or next(
            filter(None, map(TELLING.search, texts(path.name, path.read_bytes()))), None
        )
        if hit:
            found[str(place)] = hit[0]
    return found


def rename(path):
    """Rename conditions and sequences of a plan or configuration, in place."""
    text = path.read_text(encoding="utf-8")
    for old, new in (WORDS | ORDERS).items():
        text = re.sub(rf"(?<![A-Za-z0-9]){old}(?![A-Za-z0-9])", new, text)
        text = re.sub(rf"(?<![A-Za-z0-9]){old.capitalize()}(?![A-Za-z0-9])", new.capitalize(), text)
    path.write_text(text, encoding="utf-8")


def enter(path, stage):
    command = [sys.executable, "-m", "pictrial.cli", "stage", path.name, stage, "--by", "A. B."]
    subprocess.run(command, check=True, cwd=path.parent, capture_output=True)


def trial(folder, stage):
    """Write a small trial with unmistakable names, and enter the stage."""
    path = write_trial(folder, participants=2, analyses=FEW, decomposition={"stages": 2, "starts": 40})
    rename(path.parent / "trial.yaml")
    rename(path)
    content = yaml.safe_load(path.read_text())
    content["masking"] = {"log": "stages.tsv", "key": "masking.key"}
    path.write_text(yaml.safe_dump(content, sort_keys=False))
    enter(path, stage)
    return path


def test_the_search_finds_what_it_should(tmp_path):
    """Otherwise the tests below say nothing."""
    import matplotlib.pyplot as plt
    from docx import Document

    figure = plt.figure()
    figure.text(0.1, 0.5, "Quokka")
    figure.savefig(tmp_path / "text.pdf")
    plt.figure().savefig(tmp_path / "metadata.png", metadata={"Title": "wombat"})
    document = Document()
    document.add_paragraph("Numbat rest")
    document.save(tmp_path / "text.docx")
    coded = base64.b64encode((tmp_path / "metadata.png").read_bytes()).decode()
    (tmp_path / "page.html").write_text(f'<img src="data:image/png;base64,{coded}">')
    (tmp_path / "dingo.tsv").write_text("")
    (tmp_path / "clean.tsv").write_text("x\ty\n")
    assert set(told(tmp_path)) == {"text.pdf", "metadata.png", "text.docx", "page.html", "dingo.tsv"}


@pytest.mark.slow
def test_masked_run_tells_no_condition(tmp_path):
    path = trial(tmp_path, "masked")
    done = run_snakemake(path, "--cores", "2")
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    results = tmp_path / "results"
    assert told(results) == {}
    outcomes = pd.read_csv(results / "analysis" / "outcomes.tsv", sep="\t")
    assert set(outcomes["condition"]) == {"x", "y", "z"} and set(outcomes["sequence"]) == {"A", "B"}
    assert not list(results.rglob("truth_*"))
    enter(path, "locked")
    done = run_snakemake(path, "--cores", "2")
    assert done.returncode == 0 and told(results) == {}
    enter(path, "unmasked")
    done = run_snakemake(path, "--cores", "2")
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    outcomes = pd.read_csv(results / "analysis" / "outcomes.tsv", sep="\t")
    assert set(outcomes["condition"]) == set(WORDS.values())
    assert "Decomposing" not in done.stderr, "signals are processed without knowing conditions, once"


@pytest.mark.slow
def test_dummy_run_has_other_labels_than_the_truth(tmp_path):
    path = trial(tmp_path, "dummy")
    done = run_snakemake(path, "--cores", "2")
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    results = tmp_path / "results"
    dummy = yaml.safe_load((results / "plan" / "trial.yaml").read_text())
    orders = {who: dummy["design"]["sequences"][name] for who, name in dummy["participants"].items()}
    for name in ("analysis/outcomes", "analysis/periods", "recordings/delivery"):
        rows = pd.read_csv(results / f"{name}.tsv", sep="\t", dtype=str)
        for person, period, condition in rows[["participant", "period", "condition"]].itertuples(index=False):
            assert condition == orders[person][int(period) - 1], name
    assert not list(results.rglob("truth_*"))
