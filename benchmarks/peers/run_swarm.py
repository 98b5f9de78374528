"""swarm-contrastive-decomposition: its preset for surface EMG, at the recording's sampling rate.

The preset is written for 10240 Hz and a grid whose channel 56 is bad; the extension is therefore left to the
tool's own rule (1000 over the channels), and no channel is marked.
"""

import numpy as np
from protocol import Decompose, run


def load() -> Decompose:
    import scd
    import torch

    def separate(emg: np.ndarray, rate: float, starts: int) -> list[np.ndarray]:
        configuration = scd.load_config("surface")
        configuration.sampling_frequency = round(rate)
        configuration.extension_factor = None
        configuration.bad_channels = None
        configuration.max_iterations = starts
        configuration.output_final_source_plot = False
        signal = torch.from_numpy(emg.T.astype(np.float32).copy())
        _, trains = scd.train_model(scd.preprocess_data(signal, configuration), configuration)
        return [train.numpy().ravel() for train in trains]

    return separate


run("swarm-contrastive-decomposition", load)
