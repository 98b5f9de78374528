"""What tests of several rooms share."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

# The same examples in every run; HYPOTHESIS_PROFILE=explore draws new ones.
settings.register_profile("same", derandomize=True)
settings.register_profile("explore", derandomize=False)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "same"))

REPOSITORY = Path(__file__).resolve().parent.parent
OTB_TESTFILE = "otb_testfile.mat"


@pytest.fixture(scope="session")
def public_data() -> Path:
    """The folder of public data: $PICTRIAL_DATA, or ../shared/data beside the repository."""
    folder = Path(os.environ.get("PICTRIAL_DATA", REPOSITORY.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"needs the public data: there is no {folder} (set PICTRIAL_DATA)")
    return folder


@pytest.fixture(scope="session")
def otb_testfile() -> Path:
    """The real OTBioLab+ recording of a vastus lateralis."""
    folder = Path(os.environ.get("PICTRIAL_DATA", REPOSITORY.parent / "shared" / "data"))
    for candidate in (folder / "vastus_lateralis_trapezoid", folder, REPOSITORY / "data"):
        if (candidate / OTB_TESTFILE).is_file():
            return candidate / OTB_TESTFILE
    pytest.skip(f"needs the real recording {OTB_TESTFILE} (set PICTRIAL_DATA, or put it into data/)")
