"""The vendor's motor units of a real recording, found again from its raw EMG."""

from pictrial.decomposition.agreement import match_units
from pictrial.decomposition.candidates import DecompositionSettings
from pictrial.decomposition.separation import decompose
from pictrial.recordings.bids import read_bids_recording
from pictrial.recordings.conditioning import ConditioningSettings, condition_emg
from pictrial.recordings.otb import import_otb, read_otb
from pictrial.recordings.quality import QualitySettings, assess_channels


def test_the_five_vendor_units_are_found_after_import(otb_testfile, tmp_path):
    _, vendor = read_otb(otb_testfile)
    recording = read_bids_recording(import_otb(otb_testfile, tmp_path, "01", "1", "trapezoid"))
    good = (assess_channels(recording, QualitySettings())["status"] == "good").to_numpy(bool)
    conditioned, _ = condition_emg(recording, good, ConditioningSettings())
    decomposition = decompose(conditioned, good, DecompositionSettings())
    matches = match_units(vendor, decomposition.discharges, recording.sampling_rate, tolerance=0.0005)
    assert len(vendor) == 5
    agreement = matches.set_index("unit_id")["rate_of_agreement"]
    assert agreement.drop("OTB1").min() >= 0.9, matches
    # This one discharges irregularly; the vendor's train and ours differ by discharges of doubtful height.
    assert agreement["OTB1"] >= 0.75, matches
