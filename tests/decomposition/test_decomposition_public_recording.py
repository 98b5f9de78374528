"""The vendor's motor units of a real recording, found again from its raw EMG."""

import numpy as np

from pictrial.decomposition.agreement import match_units
from pictrial.decomposition.separation import DecompositionSettings, decompose
from pictrial.recordings.bids import read_bids_recording
from pictrial.recordings.conditioning import ConditioningSettings, condition_emg
from pictrial.recordings.otb import import_otb, read_otb
from pictrial.recordings.quality import QualitySettings, assess_channels


def test_four_of_the_five_vendor_units_are_found_after_import(otb_testfile, tmp_path):
    _, vendor = read_otb(otb_testfile)
    recording = read_bids_recording(import_otb(otb_testfile, tmp_path, "01", "1", "trapezoid"))
    good = (assess_channels(recording, QualitySettings())["status"] == "good").to_numpy(bool)
    conditioned, _ = condition_emg(recording, good, ConditioningSettings())
    decomposition = decompose(conditioned, good, DecompositionSettings())
    matches = match_units(vendor, decomposition.discharges, recording.sampling_rate, tolerance=0.0005)
    assert len(vendor) == 5
    assert np.sum(matches["rate_of_agreement"] >= 0.8) >= 4, matches
