"""Stop with one clear line where Python is too old. This file parses on any Python."""

import sys

if sys.version_info < (3, 11):
    sys.exit(
        "pictrial needs Python 3.11 or newer; this is Python %d.%d. Name another: make PYTHON=python3.11"
        % tuple(sys.version_info)[:2]
    )
