"""Every random number of a run comes from one seed."""

import hashlib

import numpy as np


def random_generator(seed: int, *names: object) -> np.random.Generator:
    """Return the generator of the job called `names` in the run with this `seed`.

    The same seed and names give the same numbers on every machine, and jobs do not depend on the
    order in which they run.
    """
    key = "\x1f".join([str(seed), *map(str, names)]).encode()
    return np.random.default_rng(int.from_bytes(hashlib.sha256(key).digest()[:16], "big"))
