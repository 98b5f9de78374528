"""Apply manual edits to the decomposition of one recording."""

from pathlib import Path

from pictrial.decomposition.candidates import DecompositionSettings
from pictrial.decomposition.edits import read_edits, replay_edits
from pictrial.decomposition.storage import read_decomposition, write_decomposition
from pictrial.joblog import job_log
from pictrial.recordings.bids import read_bids_recording
from pictrial.recordings.conditioning import ConditioningSettings, condition_emg
from pictrial.tables import read_table, write_table

with job_log(snakemake) as say:
    events = Path(snakemake.input.events)
    name = events.name.removesuffix("_desc-decomposed_events.tsv")
    decomposition = read_decomposition(events.parent, name, "decomposed")
    edits = read_edits(snakemake.input.edits, name)
    settings = DecompositionSettings(**snakemake.params.decomposition)
    good = (read_table(snakemake.input.channels, "quality_channels")["status"] == "good").to_numpy(dtype=bool)
    recording = read_bids_recording(snakemake.input.recording)
    conditioned, _ = condition_emg(recording, good, ConditioningSettings(**snakemake.params.conditioning))
    edited, log = replay_edits(decomposition, edits, conditioned, good, settings)
    write_decomposition(edited, events.parent, "edited")
    write_table(log, snakemake.output.log, "edit_log")
    say(f"{name}: {len(edits)} edits of {log['unit_id'].nunique()} motor units")
