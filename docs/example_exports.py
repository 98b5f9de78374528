"""Write simulated OTBioLab+ exports, to try pictrial without data: ``python docs/example_exports.py FOLDER``.

They are the recordings that `pictrial new` lists: four people, each with one ramp under control and one
under stimulation. Torque is in % MVC, so that no maximal contraction is needed. Nobody took part.
"""

import sys
from pathlib import Path

import numpy as np
from scipy.io import savemat

from pictrial.files import atomic_path
from pictrial.simulation.contractions import SampleTrialSettings, SimulatedParticipant, simulate_ramp

SEQUENCES = [("control", "stimulation"), ("stimulation", "control")]
GRID = "Gastrocnemius medialis - MULTIPLE IN 1 (Channel 1->64) - GR08MM1305"


def write_exports(folder: Path, people: int = 4, seed: int = 1) -> list[Path]:
    """Write one export for each person and session; return the files."""
    settings = SampleTrialSettings(stimulated=(), with_vibstim=False)
    written = []
    for number in range(people):
        person = SimulatedParticipant(settings, seed, f"{number + 1:02}")
        for session, condition in enumerate(SEQUENCES[number % 2], start=1):
            recording, _ = simulate_ramp(person, str(session), condition)
            torque = 100 * recording.torque / person.maximal_torque
            electrodes = [f"{GRID} ({electrode})[uV]" for electrode in range(1, len(recording.emg) + 1)]
            content = {
                "Data": np.column_stack([recording.emg.T, torque]).astype(np.float32),
                "Description": np.array([*electrodes, "acquired data[ %(MVC)]"], dtype=object),
                "SamplingFrequency": recording.sampling_rate,
            }
            path = folder / f"p{person.participant}_s{session}.mat"
            with atomic_path(path) as temporary:
                savemat(temporary, content, do_compression=True)
            written.append(path)
    return written


if __name__ == "__main__":
    for file in write_exports(Path(sys.argv[1])):
        print(file)
