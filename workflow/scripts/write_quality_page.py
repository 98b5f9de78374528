"""Write the page from which a person judges one recording and its motor units."""

from pathlib import Path

from pictrial.decomposition.candidates import DecompositionSettings
from pictrial.decomposition.storage import read_decomposition
from pictrial.decomposition.tracking import TrackingSettings
from pictrial.joblog import job_log
from pictrial.motor_units.smoothing import RateSettings
from pictrial.recordings.bids import read_bids_recording
from pictrial.recordings.conditioning import ConditioningSettings
from pictrial.recordings.packed_files import read_arrays
from pictrial.reporting.quality_measures import PageSettings, RecordingQuality
from pictrial.reporting.quality_page import write_quality_page
from pictrial.tables import read_table

with job_log(snakemake) as say:
    files, params = snakemake.input, snakemake.params
    recording, folder = read_bids_recording(files.recording), Path(files.tracked[0]).parent
    measures = read_table(files.measures, "units")
    page = RecordingQuality(
        recording=recording,
        channels=read_table(files.channels, "quality_channels"),
        torque=read_arrays(Path(files.torque), ["torque"])["torque"],
        units=read_decomposition(folder, recording.name, "tracked"),
        own=read_decomposition(folder, recording.name, params.found),
        measures=measures[measures["session"] == snakemake.wildcards.session],
        edits=read_table(files.edits, "edit_log") if files.get("edits") else None,
        corrections=read_table(files.corrections, "corrections") if files.get("corrections") else None,
        settings=PageSettings(
            conditioning=ConditioningSettings(**params.conditioning),
            decomposition=DecompositionSettings(**params.decomposition),
            tracking=TrackingSettings(**params.tracking),
            rates=RateSettings.configured(params.motor_units),
        ),
    )
    first = write_quality_page(page, snakemake.output.html)
    say(f"{recording.name}: {' '.join(first) or 'nothing stands out'}")
