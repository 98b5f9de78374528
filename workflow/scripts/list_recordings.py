"""List every recording that the results come from, with the hash of its bytes."""

from pictrial.joblog import job_log
from pictrial.recordings.recording_files import recording_files
from pictrial.tables import write_table

with job_log(snakemake) as say:
    files = recording_files(snakemake.input.recordings)
    write_table(files, snakemake.output.files, "recording_files")
    say(f"{len(files)} recordings, {files['size'].sum() / 1e6:.0f} MB")
