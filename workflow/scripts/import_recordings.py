"""Import OTBioLab+ exports into one EMG-BIDS data set; one job, for all of them extend participants.tsv."""

from pathlib import Path

from pictrial.joblog import job_log
from pictrial.recordings.otb import import_otb

with job_log(snakemake) as say:
    bids = Path(snakemake.output.participants).parent
    for entry in snakemake.params.entries:
        labels = [entry[name] for name in ("participant", "session", "task")]
        path = import_otb(entry["file"], bids, *labels, condition=entry["condition"])
        say(f"{entry['file']} is now {path}")
