"""A data set in object storage (a server of this machine) gives what the same data set in a folder gives."""

import os
from pathlib import Path

import pytest
from house_trials import run_snakemake, write_trial
from test_house_end_to_end import contents

from pictrial.errors import InputError
from pictrial.recordings import buckets
from pictrial.recordings.buckets import fetch_folder, fetch_object, list_objects

boto3 = pytest.importorskip("boto3", reason="needs the packages of the extra `s3`")
moto_server = pytest.importorskip("moto.server", reason="needs the packages of the extra `s3`")
RAMP = "sub-02/ses-2/emg/sub-02_ses-2_task-ramp_run-1_emg.bdf"


@pytest.fixture(scope="module")
def bucket():
    """An empty bucket, on a server that jobs find by the environment."""
    server = moto_server.ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            patch.delenv(name)
        patch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
        patch.setenv("AWS_ACCESS_KEY_ID", "any")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "any")
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        buckets._client.cache_clear()
        made = boto3.resource("s3").create_bucket(Bucket="laboratory")
        yield made
    server.stop()


@pytest.fixture
def empty(bucket):
    yield bucket
    bucket.objects.all().delete()


def upload(bucket, folder: Path, prefix: str) -> None:
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.name != ".snakemake_timestamp":
            bucket.upload_file(str(path), f"{prefix}/{path.relative_to(folder)}")


def test_lists_what_is_below_a_folder_and_nothing_beside_it(empty):
    for key in ("a/one/x.tsv", "a/one/deep/y.tsv", "a/one/deep/", "a/one_more/z.tsv", "a/ro#ot?.json"):
        empty.put_object(Key=key, Body=b"1")
    assert (
        list_objects("s3://laboratory/a/one")
        == list_objects("s3://laboratory/a/one/")
        == ["deep/y.tsv", "x.tsv"]
    )
    assert list_objects("s3://laboratory/a/one", deep=False) == ["x.tsv"]
    assert list_objects("s3://laboratory/a", deep=False) == ["ro#ot?.json"]
    assert list_objects("s3://laboratory/a/none") == []


@pytest.mark.slow
def test_lists_more_than_a_page(empty):
    for number in range(1005):
        empty.put_object(Key=f"many/{number:04}", Body=b"")
    assert len(list_objects("s3://laboratory/many")) == 1005


def test_bucket_that_is_not_there_is_named(bucket):
    with pytest.raises(InputError, match=r"s3://no-such-bucket/.*cannot be listed.*NoSuchBucket"):
        list_objects("s3://no-such-bucket/data")


@pytest.mark.parametrize("name", ["../other.tsv", "deep/../../../other.tsv", "/other.tsv"])
def test_object_that_leads_out_of_the_folder_is_refused(empty, tmp_path, name):
    empty.put_object(Key=f"one/{name}", Body=b"1")
    with pytest.raises(InputError, match="leads out of it"):
        fetch_folder("s3://laboratory/one", tmp_path / "deep" / "one", [])
    assert list(tmp_path.rglob("*")) == []


def test_folder_becomes_what_the_bucket_has(empty, tmp_path):
    empty.put_object(Key="one/sub/a.tsv", Body=b"new")
    empty.put_object(Key="one/sub/b#?.tsv", Body=b"new")
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "a.tsv").write_text("old")
    (tmp_path / "stale.tsv").write_text("old")
    assert fetch_folder("s3://laboratory/one", tmp_path, [tmp_path / "sub" / "a.tsv"]) == 2
    assert sorted(path.name for path in tmp_path.rglob("*.tsv")) == ["a.tsv", "b#?.tsv"]
    assert (tmp_path / "sub" / "a.tsv").read_text() == "new"


def test_missing_object_is_named_and_nothing_is_removed(empty, tmp_path):
    empty.put_object(Key="one/a.tsv", Body=b"new")
    (tmp_path / "a.tsv").write_text("old")
    with pytest.raises(InputError, match=r"s3://laboratory/one: there is no object b\.tsv"):
        fetch_folder("s3://laboratory/one", tmp_path, [tmp_path / "a.tsv", tmp_path / "b.tsv"])
    assert (tmp_path / "a.tsv").read_text() == "old"


def test_failed_download_leaves_nothing(empty, tmp_path):
    with pytest.raises(Exception, match="404"):
        fetch_object("s3://laboratory/none", tmp_path / "file.tsv")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_recordings_from_a_bucket_give_the_same_files(empty, tmp_path):
    pytest.importorskip("snakemake_storage_plugin_s3")
    here = write_trial(tmp_path / "here", participants=2)
    targets = ["results/recordings/delivery.tsv", "results/recordings/recordings.tsv"]
    stem = "results/recordings/sub-02/ses-2/sub-02_ses-2_task-ramp_run-1_desc"
    targets += [f"{stem}-quality_channels.tsv", f"{stem}-artefact_pulses.tsv", "results/vibstim/outcomes.tsv"]
    done = run_snakemake(here, "--cores", "2", *targets)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    wanted = contents(tmp_path / "here" / "results")
    upload(empty, tmp_path / "here" / "results" / "bids", "trials/one")

    there = write_trial(
        tmp_path / "there", participants=2, data={"source": "bids", "bids": "s3://laboratory/trials/one"}
    )
    done = run_snakemake(there, "--cores", "2", *targets)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    found = contents(tmp_path / "there" / "results")
    assert any(name.endswith("_coordsystem.json") for name in found)
    assert {name: found.get(name) for name in wanted if not name.startswith("truth")} == found

    done = run_snakemake(there, "--dry-run", *targets)
    assert "Nothing to be done" in done.stdout + done.stderr
    empty.put_object(Key="trials/one/sub-02/sub-02_sessions.tsv", Body=b"changed")
    done = run_snakemake(there, "--dry-run", *targets)
    assert "recordings of participant 02" in done.stdout and "recordings of participant 01" not in done.stdout

    empty.Object(f"trials/one/{RAMP}").delete()
    done = run_snakemake(there, "--cores", "1", *targets)
    name = RAMP.removeprefix("sub-02/")
    assert f"Error: s3://laboratory/trials/one/sub-02: there is no object {name}" in done.stdout + done.stderr


@pytest.mark.slow
def test_bucket_that_cannot_be_read_stops_before_any_job(bucket, tmp_path):
    path = write_trial(tmp_path, participants=2, data={"source": "bids", "bids": "s3://no-such-bucket/one"})
    done = run_snakemake(path, "--dry-run")
    assert (
        done.returncode == 1 and "s3://no-such-bucket/one: it cannot be listed" in done.stdout + done.stderr
    )
