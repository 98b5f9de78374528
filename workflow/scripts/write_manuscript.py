"""Write the manuscript with numbers from plan, configuration and ARD, and list them."""

import json
from pathlib import Path

from pictrial.joblog import job_log
from pictrial.reporting.effective_settings import effective_settings
from pictrial.reporting.manuscript import manuscript_tables, manuscript_text, write_manuscript
from pictrial.tables import read_table, write_table
from pictrial.trial.plan import load_plan

with job_log(snakemake) as say:
    folder = Path(snakemake.output.pdf).parent
    stage = json.loads(Path(snakemake.input.stage).read_text(encoding="utf-8"))["sentence"]
    figures = {Path(path).stem: f"figures/{Path(path).name}" for path in snakemake.input.figures}
    plan, ard = load_plan(snakemake.input.plan), read_table(snakemake.input.ard, "ard")
    settings = effective_settings(snakemake.params.config)
    text, texts = manuscript_text(plan, ard, settings, stage, figures, manuscript_tables(plan, ard))
    numbers = write_manuscript(text, texts, folder.parent, folder)
    write_table(numbers, snakemake.output.numbers, "numbers_shown")
    say(f"{snakemake.output.pdf}: {len(texts)} numbers, each with its source")
