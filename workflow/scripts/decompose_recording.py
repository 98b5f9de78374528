"""Separate the motor units of one recording."""

from pathlib import Path

from pictrial.decomposition.candidates import DecompositionSettings
from pictrial.decomposition.separation import decompose
from pictrial.decomposition.storage import write_decomposition
from pictrial.joblog import job_log
from pictrial.recordings.bids import read_bids_recording
from pictrial.recordings.conditioning import ConditioningSettings, condition_emg
from pictrial.tables import read_table

with job_log(snakemake) as say:
    recording = read_bids_recording(snakemake.input.recording)
    channels = read_table(snakemake.input.channels, "quality_channels")
    good = (channels["status"] == "good").to_numpy(dtype=bool)
    conditioning = ConditioningSettings(**snakemake.params.conditioning)
    conditioned, blanked = condition_emg(recording, good, conditioning)
    say(f"{recording.name}: {good.sum()} good channels, {blanked:.1%} of the samples blanked")
    decomposition = decompose(conditioned, good, DecompositionSettings(**snakemake.params.decomposition))
    write_decomposition(decomposition, Path(snakemake.output.events).parent, "decomposed")
    say(f"{recording.name}: {len(decomposition.discharges)} motor units")
