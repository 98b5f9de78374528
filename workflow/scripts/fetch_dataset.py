"""Copy what a data set's participants share out of object storage."""

from pictrial.joblog import job_log
from pictrial.recordings.buckets import fetch_object

with job_log(snakemake) as say:
    for url, target in zip(snakemake.input.objects, snakemake.output.files, strict=True):
        fetch_object(url, target)
    say(f"{len(snakemake.output.files)} files")
