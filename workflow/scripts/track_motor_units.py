"""Find one participant's motor units in all sessions and give each unit one name."""

from pathlib import Path

from pictrial.decomposition.candidates import DecompositionSettings
from pictrial.decomposition.storage import read_decomposition, write_decomposition
from pictrial.decomposition.tracking import TrackingSettings, track_units
from pictrial.joblog import job_log
from pictrial.recordings.bids import read_bids_recording
from pictrial.recordings.conditioning import ConditioningSettings, condition_emg
from pictrial.tables import read_table

with job_log(snakemake) as say:
    conditioning = ConditioningSettings(**snakemake.params.conditioning)
    settings = DecompositionSettings(**snakemake.params.decomposition)
    recordings, good, decompositions = [], [], []
    for path, channels, events in zip(
        snakemake.input.recordings, snakemake.input.channels, snakemake.input.events, strict=True
    ):
        recording = read_bids_recording(path)
        good.append((read_table(channels, "quality_channels")["status"] == "good").to_numpy(dtype=bool))
        recordings.append(condition_emg(recording, good[-1], conditioning)[0])
        decompositions.append(
            read_decomposition(Path(events).parent, recording.name, snakemake.params.description)
        )
    tracking = TrackingSettings(**snakemake.params.tracking)
    tracked = track_units(recordings, good, decompositions, settings, tracking)
    for decomposition, events in zip(tracked, snakemake.output.events, strict=True):
        write_decomposition(decomposition, Path(events).parent, "tracked")
        units = decomposition.quality
        say(f"{decomposition.recording}: {units['accepted'].sum()} of {len(units)} motor units found")
