"""From EMG to motor units: blind source separation, quality, duplicates, tracking, storage, agreement."""
