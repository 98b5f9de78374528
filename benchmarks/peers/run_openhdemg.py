"""openhdemg: `EMGDecomposer` with its defaults; it band-passes (20–500 Hz) itself."""

import numpy as np
from protocol import Decompose, run


def load() -> Decompose:
    import openhdemg.library as openhdemg
    import pandas as pd

    def separate(emg: np.ndarray, rate: float, starts: int) -> list[np.ndarray]:
        decomposer = openhdemg.EMGDecomposer()
        decomposer.set_decomposition_parameters(openhdemg.ConvolutiveBSSParams(n_iterations=starts))
        file = {
            "SOURCE": "CUSTOMCSV",
            "RAW_SIGNAL": pd.DataFrame(emg.T.astype(np.float64)),
            "FSAMP": rate,
            "EMG_LENGTH": emg.shape[1],
            "GOOD_CHANNELS": dict.fromkeys(range(len(emg)), True),
        }
        result = decomposer.run_decomposition(file)
        return result["MUPULSES"] if result["NUMBER_OF_MUS"] else []

    return separate


run("openhdemg", load)
