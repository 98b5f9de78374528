"""What was found and done about stimulation artefacts, as tables that a reader can check."""

import numpy as np
import pandas as pd

from pictrial.recordings.conditioning import ConditioningSettings, without_artefacts
from pictrial.recordings.model import Recording


def artefact_tables(
    recording: Recording, settings: ConditioningSettings
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return every pulse of a raw recording, and one row that sums them up.

    Parameters
    ----------
    recording : Recording
        Raw EMG (channels, samples).
    settings : ConditioningSettings
        As for :func:`pictrial.recordings.conditioning.condition_emg`.

    Returns
    -------
    pulses : DataFrame
        Schema ``pulses``: triggers and artefacts in order of time.
    summary : DataFrame
        Schema ``artefacts``: one row.
    """
    _, blanked, found = without_artefacts(recording, settings)
    silent, stray = found.silent_triggers, found.stray_artefacts
    stretches = [_blanked_around(onset, blanked, recording.sampling_rate, settings) for onset in found.onsets]
    used = pd.DataFrame(stretches, columns=["blanked_from", "blanked_to"], dtype=float).assign(
        onset=found.onsets,
        source="artefact" if found.source == "detected" else "trigger",
        artefact=~np.isin(found.onsets, silent),
        used=True,
    )
    unused = pd.DataFrame({"onset": stray, "source": "artefact", "artefact": True, "used": False})
    parts = [part for part in (used, unused) if len(part)] or [used]
    pulses = pd.concat(parts, ignore_index=True).sort_values("onset", kind="stable", ignore_index=True)
    warnings = []
    if silent.size:
        warnings.append(f"{silent.size} of {found.onsets.size} triggers are without an artefact")
    if stray.size:
        warnings.append(f"{stray.size} artefacts are without a trigger and stay in the EMG")
    summary = {
        "recording": recording.name,
        "treatment": settings.artefact,
        "source": found.source,
        "n_pulses": found.onsets.size,
        "n_artefacts": found.artefacts.size,
        "n_silent_triggers": silent.size,
        "n_stray_artefacts": stray.size,
        "blanked_share": blanked.mean(),
        "warning": "; ".join(warnings) or None,
    }
    return pulses, pd.DataFrame([summary])


def _blanked_around(
    onset: float, blanked: np.ndarray, rate: float, settings: ConditioningSettings
) -> tuple[float, float]:
    """Return from and to when (s) the EMG is blanked around a pulse; NaN where it is not."""
    first = max(0, int(np.floor((onset - settings.blank_before) * rate)))
    near = first + np.flatnonzero(blanked[first : int(np.ceil((onset + settings.blank_after) * rate)) + 1])
    return (near[0] / rate, near[-1] / rate) if near.size else (np.nan, np.nan)
