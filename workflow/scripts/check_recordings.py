"""Check one session's recordings against their sidecars; judge each channel; find pulses; torque in % MVC."""

import numpy as np

from pictrial.files import atomic_path
from pictrial.joblog import job_log
from pictrial.recordings.artefact_tables import artefact_tables
from pictrial.recordings.bids import channels_marked_bad, read_bids_recording
from pictrial.recordings.conditioning import ConditioningSettings, condition_torque, maximal_torque
from pictrial.recordings.quality import QualitySettings, assess_channels
from pictrial.tables import write_table

with job_log(snakemake) as say:
    settings = ConditioningSettings(**snakemake.params.conditioning)
    recording = read_bids_recording(snakemake.input.ramp)
    maximum = None
    for path in snakemake.input.mvc:
        maximum = maximal_torque(read_bids_recording(path), settings)
    limits = QualitySettings(conditioning=settings, **snakemake.params.quality)
    channels = assess_channels(recording, limits, channels_marked_bad(snakemake.input.ramp))
    write_table(channels, snakemake.output.channels, "quality_channels")
    pulses, artefacts = artefact_tables(recording, settings)
    write_table(pulses, snakemake.output.pulses, "pulses")
    write_table(artefacts, snakemake.output.artefacts, "artefacts")
    torque = condition_torque(recording, settings, maximum)
    with atomic_path(snakemake.output.torque) as temporary:
        np.savez(temporary, torque=torque, sampling_rate=recording.sampling_rate)

    bad = channels[channels["status"] == "bad"]
    reasons = "; ".join(f"{row.channel}: {row.reason}" for row in bad.itertuples())
    say(f"{recording.name}: {len(channels)} channels, {len(bad)} bad {f'({reasons})' if reasons else ''}")
    found = artefacts.iloc[0]
    say(f"{recording.name}: {found.n_pulses} pulses ({found.source}), {found.blanked_share:.1%} blanked")
    if found.warning:
        say(f"Warning: {recording.name}: {found.warning}")
    say(f"{recording.name}: peak torque {torque.max():.1f} % MVC; MVC {maximum or float('nan'):.1f} N.m")
