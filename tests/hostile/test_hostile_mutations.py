"""Damaged files of every format: a sound object or an InputError that names the file, and nothing else."""

import warnings
from pathlib import Path
from random import Random

import pytest
from hostile_files import TARGETS, Target, read_own, write_filters
from hostile_mutations import mutate
from hostile_watch import BrokenPromise, read_or_refuse, replay, watched
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

FOUND = Path(__file__).parent / "found"
#: No deadline: the machine may be busy; what a reader may take of the processor is checked.
COMMON = {"deadline": None, "suppress_health_check": list(HealthCheck), "database": None}


@pytest.fixture(scope="module", params=TARGETS)
def target(request, tmp_path_factory):
    """A target with its folder, its file, and that file's content."""
    folder = tmp_path_factory.mktemp(request.param)
    path = TARGETS[request.param].write(folder)
    return TARGETS[request.param], folder, path, path.read_bytes()


def damaged(target, random: Random) -> None:
    reader, folder, path, whole = target
    path.write_bytes(whole)
    reader.put(path, mutate(reader.payload(path), random))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        read_or_refuse(reader, path, folder)


def test_the_valid_file_is_read(target):
    reader, folder, path, whole = target
    path.write_bytes(whole)
    assert read_or_refuse(reader, path, folder) is None


@settings(max_examples=6, phases=[Phase.generate], **COMMON)
@given(st.integers(0, 2**32))
def test_damage_is_read_or_refused(target, seed):
    damaged(target, Random(seed))


@pytest.mark.slow
@settings(max_examples=1500, phases=[Phase.generate], **COMMON)
@given(st.integers(0, 2**32))
def test_much_damage_is_read_or_refused(target, seed):
    damaged(target, Random(seed))


@pytest.mark.parametrize("name", sorted(path.name for path in FOUND.iterdir()))
def test_what_was_found_once_is_read_or_refused(name):
    for payload in sorted((FOUND / name).iterdir()):
        replay(name, payload)


def outside(path: Path) -> None:
    Path("/etc/passwd").read_bytes()


def written(path: Path) -> None:
    path.with_name("x").write_text("x")


def executed(path: Path) -> None:
    import os

    os.system("true")


def let_through(path: Path) -> None:
    {}["no such key"]


@pytest.mark.parametrize("read", [outside, written, executed])
def test_the_watch_sees_a_reader_that_breaks_its_promise(tmp_path, read):
    target = Target(write_filters, read)
    with pytest.raises(BrokenPromise):
        read_or_refuse(target, target.write(tmp_path), tmp_path)


def test_the_watch_lets_other_errors_through_and_wants_the_file_named(tmp_path):
    with pytest.raises(KeyError):
        read_or_refuse(Target(write_filters, let_through), tmp_path, tmp_path)
    elsewhere = Target(write_filters, lambda path: read_own(Path("elsewhere.npz")))
    with pytest.raises(BrokenPromise, match="does not name the file"):
        read_or_refuse(elsewhere, tmp_path, tmp_path)
    with watched(tmp_path):
        pass
