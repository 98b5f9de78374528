"""A simulated trial as an EMG-BIDS data set, and its truth beside it."""

from pathlib import Path

import pandas as pd

from pictrial.errors import InputError
from pictrial.files import write_text
from pictrial.recordings.bids import bids_name
from pictrial.recordings.bids_writer import write_bids_dataset, write_bids_recording, write_bids_sessions
from pictrial.recordings.model import GRID, Recording
from pictrial.seeds import random_generator
from pictrial.simulation.contractions import (
    SampleTrialSettings,
    SimulatedParticipant,
    TrueRecording,
    simulate_maximal_contraction,
    simulate_ramp,
)
from pictrial.simulation.recorded_events import write_events
from pictrial.simulation.scores import write_scores
from pictrial.simulation.soleus import SOLEUS
from pictrial.simulation.truth import true_pairs
from pictrial.simulation.vibstim import simulate_vibstim
from pictrial.tables import write_table

DESCRIPTION = """Simulated recordings. Nobody took part.

{parts}

The effects of the conditions are {source}.
"""
RAMP_DESCRIPTION = """Medial gastrocnemius in ramps, 64 channels, and torque. Motor units discharge by a model
in which the true ΔF is known; their surface potentials, noise and torque are simulated, too."""
VIBSTIM_DESCRIPTION = "Soleus and torque under vibration and electrical stimulation (VibStim)."
PHENOTYPE_DESCRIPTION = "What was recorded of people in sessions (phenotype)."

PARTICIPANTS_DICTIONARY = {
    "sex": {"Description": "Sex (simulated)", "Levels": {"F": "female", "M": "male"}},
    "age": {"Description": "Age (simulated)", "Units": "year"},
    "sequence": {"Description": "Sequence of conditions to which the participant was assigned"},
}

METADATA = {
    "Manufacturer": "simulated",
    "ElectrodeManufacturer": "OT Bioelettronica (layout only, simulated)",
    "ElectrodeManufacturersModelName": "GR08MM1305",
    "EMGReference": "distant (simulated monopolar potentials)",
    "EMGGround": "none (simulated)",
    "PowerLineFrequency": 50,
    "target_muscle": {GRID: "gastrocnemius medialis", SOLEUS: "soleus"},
}
BIPOLAR_METADATA = {
    "ElectrodeManufacturer": "none (simulated)",
    "ElectrodeManufacturersModelName": "n/a",
    "EMGReference": "bipolar",
    "EMGPlacementSchemeDescription": "One bipolar pair over soleus; see the channels table.",
}

TASKS = {
    "ramp": "Isometric plantar flexion, torque rising for 10 s to 20 % of the maximum and falling for 10 s",
    "mvc": "Maximal voluntary isometric plantar flexion",
    "vibstim": "Rest; Achilles-tendon vibration with bouts of electrical stimulation of the calf, then none",
}


def write_sample_dataset(
    settings: SampleTrialSettings,
    schedule: pd.DataFrame,
    seed: int,
    bids_root: str | Path,
    name: str = "Sample trial",
) -> None:
    """Write the files of a simulated trial that belong to the whole data set.

    Clinical scores and recorded events are among them, in the phenotype folder.

    Parameters
    ----------
    settings : SampleTrialSettings
        Settings.
    schedule : DataFrame
        Columns participant, sequence, session, period, condition; one row per session.
    seed : int
        Seed of the trial.
    bids_root : path
        Folder of the data set.
    name : str
        Of the data set.
    """
    rows = []
    for participant, sequence in schedule.groupby("participant")["sequence"].first().items():
        random = random_generator(seed, "simulation", participant, "person")
        sex, age = ("F", "M")[random.integers(2)], int(random.integers(20, 40))
        rows.append({"participant_id": f"sub-{participant}", "sex": sex, "age": age, "sequence": sequence})
    parts = {
        RAMP_DESCRIPTION: settings.with_ramp,
        VIBSTIM_DESCRIPTION: settings.with_vibstim,
        PHENOTYPE_DESCRIPTION: settings.scores or settings.recorded_events,
    }
    write_bids_dataset(
        bids_root,
        f"{name} (simulated)",
        DESCRIPTION.format(
            source=settings.source, parts="\n".join(text for text, there in parts.items() if there)
        ),
        pd.DataFrame(rows),
        PARTICIPANTS_DICTIONARY,
    )
    write_scores(settings.scores, schedule, seed, bids_root)
    write_events(settings.recorded_events, schedule, seed, bids_root)
    if settings.scores or settings.recorded_events:
        # BIDS 1.11 wants one line per participant in these tables; here they have one per session or event.
        write_text(Path(bids_root) / ".bidsignore", "phenotype/\n")


def simulate_participant(
    settings: SampleTrialSettings,
    schedule: pd.DataFrame,
    participant: str,
    seed: int,
    bids_root: str | Path,
    truth_root: str | Path,
) -> None:
    """Simulate all sessions of one participant and write recordings, sessions and truth.

    Writes under `bids_root` the maximal contraction of each session, its ramp (``settings.with_ramp``) and
    its VibStim recording (``settings.with_vibstim``), and ``sub-<participant>_sessions.tsv``; under
    `truth_root` ``sub-<participant>/true_participant.tsv``, of ramps ``true_units.tsv``,
    ``true_pairs.tsv`` and ``ses-*/…_desc-true_events.tsv``, of VibStim ``true_vibstim.tsv``.

    Parameters
    ----------
    settings : SampleTrialSettings
        Settings.
    schedule : DataFrame
        Columns participant, sequence, session, period, condition; one row per session. Rows of other
        participants do not matter.
    participant : str
        Label, without ``sub-``.
    seed : int
        Seed of the trial.
    bids_root, truth_root : path
        Folders of the data set and of the truth.

    Raises
    ------
    InputError
        Where the schedule has no such participant or a condition has no planted effect.
    """
    planned = schedule[schedule["participant"] == participant].sort_values("period", kind="stable")
    if planned.empty:
        raise InputError("schedule", f"participant {participant!r} is missing", "Add it to the trial plan.")
    person = SimulatedParticipant(settings, seed, participant)
    folder = Path(truth_root) / f"sub-{participant}"
    tables, responses = [], []
    for row in planned.itertuples():
        if settings.with_ramp:
            recording, truth = simulate_ramp(person, row.session, row.condition)
            _write_recording(bids_root, recording, participant, row.session, "ramp")
            stem = folder / f"ses-{row.session}" / bids_name(participant, row.session, "ramp")
            write_table(_events(truth, settings.sampling_rate), f"{stem}_desc-true_events.tsv", "events")
            tables.append(truth.units.assign(participant=participant, session=row.session))
        maximal = simulate_maximal_contraction(person, row.session)
        _write_recording(bids_root, maximal, participant, row.session, "mvc")
        if settings.with_vibstim:
            vibstim, events, response = simulate_vibstim(person, row.session, row.condition)
            _write_recording(bids_root, vibstim, participant, row.session, "vibstim", events)
            responses.append(response.assign(participant=participant, session=row.session))
    if tables:
        units = pd.concat(tables, ignore_index=True)
        write_table(units, folder / "true_units.tsv", "true_units")
        write_table(true_pairs(units), folder / "true_pairs.tsv", "true_pairs")
    if responses:
        write_table(pd.concat(responses), folder / "true_vibstim.tsv", "true_vibstim")
    write_table(_participant(person), folder / "true_participant.tsv", "true_participant")
    write_bids_sessions(bids_root, participant, _sessions(planned))


def _write_recording(
    root: str | Path,
    recording: Recording,
    subject: str,
    session: str,
    task: str,
    events: pd.DataFrame | None = None,
) -> None:
    metadata = METADATA | {"TaskDescription": TASKS[task]}
    if set(recording.groups) == {SOLEUS}:
        metadata |= BIPOLAR_METADATA
    write_bids_recording(root, recording, subject, session, task, metadata=metadata, events=events)


def _sessions(planned: pd.DataFrame) -> pd.DataFrame:
    sessions = planned[["period", "condition", "sequence"]].reset_index(drop=True)
    sessions.insert(0, "session_id", [f"ses-{session}" for session in planned["session"]])
    return sessions


def _events(truth: TrueRecording, sampling_rate: float) -> pd.DataFrame:
    trains = [pd.DataFrame({"sample": train, "unit_id": unit}) for unit, train in truth.discharges.items()]
    events = pd.concat(trains).sort_values(["sample", "unit_id"], kind="stable", ignore_index=True)
    onset = events["sample"] / sampling_rate
    return events.assign(onset=onset, duration=0.0, event_type="motor-unit-spike")


def _participant(person: SimulatedParticipant) -> pd.DataFrame:
    ramp, vibstim = person.settings.with_ramp, person.settings.with_vibstim
    return pd.DataFrame(
        {
            "participant": [person.participant],
            "maximal_torque": person.maximal_torque,
            "bad_channel": f"EMG{person.bad_channel + 1:02d}" if ramp else None,
            "responder": person.vibstim.responder if vibstim else None,
            "maximal_soleus_emg": person.maximal_soleus_emg if vibstim else None,
        }
    )
