"""The captions of Snakemake's report, rendered as Snakemake renders them."""

from pathlib import Path
from types import SimpleNamespace

import pytest
from jinja2 import Environment

from pictrial.files import write_text
from pictrial.reporting.captions import figure_caption
from pictrial.reporting.result_tables import result_table
from pictrial.reporting.table_files import rst_caption

REPORT = Path(__file__).resolve().parents[2] / "workflow" / "report"


def table_caption(plan, ard, outcome):
    return rst_caption(result_table(plan, ard, outcome))


def rendered(name: str, **snakemake) -> str:
    from docutils.core import publish_parts

    text = (
        Environment().from_string((REPORT / name).read_text()).render(snakemake=SimpleNamespace(**snakemake))
    )
    return publish_parts(text, writer="html", settings_overrides={"halt_level": 2})["body"]


@pytest.mark.parametrize(
    ("template", "write"),
    [("figure.rst", figure_caption), ("table.rst", table_caption), ("truth.rst", figure_caption)],
)
def test_caption_with_its_numbers(plan, ard, tmp_path, monkeypatch, template, write):
    monkeypatch.chdir(tmp_path)
    write_text("caption.rst", write(plan, ard, "delta_f"))
    body = rendered(template, output=SimpleNamespace(caption="caption.rst"))
    assert "n = 6 participants, 36 motor units" in body
    assert "system-message" not in body


def test_description_of_the_workflow(plan, ard, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_text("results/t/figures/delta_f.rst", figure_caption(plan, ard, "delta_f"))
    write_text("results/t/plan/stage.rst", "Unmasked; no stage was used.\n")
    body = rendered("workflow.rst", config={"trial": "config/trial.yaml", "results": "results/t"})
    assert "n = 6 participants" in body
    assert "results/t/statistics/ard.tsv" in body and "Unmasked; no stage was used." in body


@pytest.mark.parametrize("page", ["coverage.rst", "notebook.rst", "trial_tables.rst"])
def test_captions_without_numbers(page):
    assert len(rendered(page).split()) > 5
