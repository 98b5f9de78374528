"""Import OTBioLab+ exports into one EMG-BIDS data set; one job, for all of them extend participants.tsv."""

from pictrial.joblog import job_log
from pictrial.recordings.otb import import_otb

with job_log(snakemake.log[0]) as say:
    for entry in snakemake.params.entries:
        path = import_otb(
            entry["file"],
            snakemake.params.bids,
            entry["participant"],
            entry["session"],
            entry["task"],
            condition=entry["condition"],
        )
        say(f"{entry['file']} is now {path}")
