"""DEMUSE's results (.mat): ``MUPulses``, ``IPTs``, ``fsamp``.

``MUPulses`` counts from 1 and from the start of the recording, also where only the part from
``startSIGInt`` to ``stopSIGInt`` (s) was decomposed.
"""

from pathlib import Path

import numpy as np

from pictrial.decomposition.exchange_trains import ForeignDecomposition, foreign_decomposition, scalar
from pictrial.errors import InputError
from pictrial.recordings.matlab_files import read_matlab


def read_demuse(path: Path) -> ForeignDecomposition:
    """Read a DEMUSE result.

    Raises
    ------
    InputError
        Where a field is missing, or the fields do not fit each other.
    """
    content = read_matlab(path, ["MUPulses", "IPTs", "fsamp"])
    pulses, trains = content.get("MUPulses"), content.get("IPTs")
    remedy = "Save the decomposition again in DEMUSE."
    if pulses is None or pulses.dtype != object:
        raise InputError(path, "'MUPulses' is not a cell array, one cell per motor unit", remedy)
    if trains is None or trains.ndim != 2 or len(trains) != pulses.size:
        rule = f"'IPTs' does not have one row for each of the {pulses.size} motor units of 'MUPulses'"
        raise InputError(path, rule, remedy)
    rate = scalar(path, "fsamp", content.get("fsamp"))
    return foreign_decomposition(path, "DEMUSE", rate, trains.shape[1], list(np.ravel(pulses)), 1)
