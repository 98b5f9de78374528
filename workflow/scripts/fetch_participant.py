"""Copy one participant's folder, recordings and sidecars, out of object storage."""

from pathlib import Path

from pictrial.joblog import job_log
from pictrial.recordings.buckets import fetch_folder

with job_log(snakemake) as say:
    target = Path(snakemake.output.sessions).parent
    say(f"{target.name}: {fetch_folder(snakemake.input.folder, target, snakemake.output)} files")
