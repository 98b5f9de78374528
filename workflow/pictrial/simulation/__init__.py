"""The sample trial: motoneurone pool with set ΔF, surface potentials, torque, as an EMG-BIDS data set."""
