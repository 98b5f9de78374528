"""Write the report that people click through, and list the rows of the ARD behind its numbers."""

import json
from pathlib import Path

from pictrial.checked_yaml import read_checked_yaml
from pictrial.joblog import job_log
from pictrial.reporting.effective_settings import effective_settings
from pictrial.reporting.site import SiteContent, by_session, write_site
from pictrial.tables import read_table, write_table
from pictrial.trial.plan import SCHEMA, load_plan

_TABLES = ("ard", "outcomes", "exclusions", "units", "unit_delta_f", "pairs", "vibstim_outcomes")

with job_log(snakemake) as say:
    files, plan = snakemake.input, load_plan(snakemake.input.plan)
    tables = {name: read_table(files[name], name) for name in _TABLES if files.get(name)}
    content = SiteContent(
        plan=plan,
        entries=read_checked_yaml(files.plan, SCHEMA),
        settings=effective_settings(snakemake.params.config),
        stage=json.loads(Path(files.stage).read_text(encoding="utf-8"))["sentence"],
        records={
            Path(path).stem: json.loads(Path(path).read_text(encoding="utf-8")) for path in files.records
        },
        tables=tables | {"recording_files": read_table(files.recordings, "recording_files")},
        events=by_session(files.events),
        pages=by_session([*files.quality, *files.vibstim]),
        figures=[Path(path) for path in files.figures],
    )
    write_table(write_site(content, snakemake.output.site), snakemake.output.numbers, "numbers_shown")
    say(f"{snakemake.output.site}/index.html: {len(plan.sessions)} sessions, {len(tables['ard'])} numbers")
