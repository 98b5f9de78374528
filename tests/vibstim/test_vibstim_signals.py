"""The signals that the figure of a recording is drawn from."""

import numpy as np
from vibstim_parts import BOUTS, END, ONSET, Parts, maximal, noise

from pictrial.vibstim.outcomes import VibstimSettings, measure_vibstim
from pictrial.vibstim.signals import write_signals


def test_signals_are_those_that_were_measured(tmp_path):
    parts = Parts(torque=lambda times: 1.0 + 2 * (times > END), emg=lambda times: 9 * noise(len(times)))
    recording = parts.recording()
    measures = measure_vibstim(recording, parts.table(), maximal(), VibstimSettings())
    for name in ("a.npz", "b.npz"):
        write_signals(recording, measures, tmp_path / name)
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    with np.load(tmp_path / "a.npz") as kept:
        assert kept["sampling_rate"] == recording.sampling_rate
        assert (
            kept["vibration"].tolist() == [ONSET, END] and kept["bouts"].tolist() == np.array(BOUTS).tolist()
        )
        np.testing.assert_array_equal(kept["raw"], recording.emg[0])
        np.testing.assert_allclose(kept["clean"], measures.emg.emg, rtol=1e-6)
        np.testing.assert_array_equal(kept["blanked"], measures.emg.blanked)
        # Torque is above rest and in % of the 100 N.m of the maximal contraction.
        assert abs(kept["torque"][2048]) < 0.01 and abs(kept["torque"][-4096] - 2) < 0.01
