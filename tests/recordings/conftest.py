"""A small recording that tests write, read, and damage."""

import numpy as np
import pytest
from scipy.io import savemat

from pictrial.recordings.model import Recording
from pictrial.seeds import random_generator

RATE = 1000.0


@pytest.fixture
def recording(tmp_path) -> Recording:
    """Six channels of 3 s with torque in % MVC and three stimulation pulses."""
    return make_recording(n_samples=3000, source=tmp_path)


def make_recording(n_samples, source, n_channels=6, rate=RATE, **changes) -> Recording:
    random = random_generator(1, "test recording", n_samples, n_channels)
    fields = {
        "name": "sub-01_ses-1_task-ramp_run-1",
        "sampling_rate": rate,
        "emg": (100 * random.standard_normal((n_channels, n_samples))).astype(np.float32),
        "channel_names": tuple(f"EMG{number}" for number in range(1, n_channels + 1)),
        "positions": 8.0 * np.column_stack([np.arange(n_channels) % 2, np.arange(n_channels) // 2]),
        "torque": np.linspace(0, 20, n_samples),
        "torque_unit": "% MVC",
        "stimulation": np.array([0.5, 1.2345, 2.0]) * n_samples / (3 * rate),
        "source": source,
    }
    return Recording(**(fields | changes))


@pytest.fixture
def export_content() -> dict:
    """What a small OTBioLab+ export holds: 64 electrodes, two decomposed units, their source, force."""
    random = random_generator(1, "synthetic export")
    n_samples = 4096
    trains = np.zeros((n_samples, 2))
    trains[200::200, 0] = 1
    trains[333::170, 1] = 1
    emg = 50 * random.standard_normal((n_samples, 64))
    source, force = random.uniform(size=(n_samples, 1)), np.linspace(0, 20, n_samples)[:, None]
    grid = "Soleus - AUX 1 (Channel 1->1) - GR08MM1305"
    return {
        "Data": np.hstack([emg, trains, source, force]).astype(np.float32),
        "Description": np.array(
            [f"{grid} ({number})[uV]" for number in range(1, 65)]
            + [f"1 - 2 - Decomposition of {grid} (1)[a.u]", f"Decomposition of {grid} (1)[a.u]"]
            + [f"Source for decomposition of {grid} (1)[a.u]", "acquired data[ %(MVC)]"],
            dtype=object,
        ),
        "SamplingFrequency": 2048.0,
    }


@pytest.fixture
def synthetic_export(tmp_path, export_content):
    """The file of `export_content`."""
    path = tmp_path / "synthetic.mat"
    savemat(path, export_content)
    return path
