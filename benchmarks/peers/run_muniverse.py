"""muniverse: its cBSS as configured by itself: band-pass 20–500 Hz, notches, rejection of bad sources."""

import json
from importlib.resources import files

import numpy as np
from protocol import Decompose, run


def load() -> Decompose:
    from muniverse.algorithms import decompose_recording

    def separate(emg: np.ndarray, rate: float, starts: int) -> list[np.ndarray]:
        configuration = json.loads(files("muniverse").joinpath("configs/cbss.json").read_text())
        configuration["algorithmConfig"] |= {"ica_iterations": starts, "verbose": False}
        result, log = decompose_recording(emg.astype(np.float64), rate, "cbss", configuration)
        codes = log["Execution"]["ReturnCodes"]  # it raises no errors
        if any(codes.values()):
            raise SystemExit(f"return codes {codes}")
        return [train.to_numpy() for _, train in result["spikes"].groupby("unit_id")["sample"]]

    return separate


run("muniverse-emg", load)
