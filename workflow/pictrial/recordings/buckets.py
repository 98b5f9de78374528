"""Files of a data set that lies in object storage: which there are, and copies of them.

Endpoint and credentials are where boto3 looks for them: ``AWS_ENDPOINT_URL`` and the like, or ``~/.aws``.
"""

import shutil
from collections.abc import Iterable
from functools import cache
from pathlib import Path, PurePosixPath

from pictrial.errors import InputError
from pictrial.files import atomic_path


def list_objects(url: str, deep: bool = True) -> list[str]:
    """Return the sorted names of the objects below ``s3://bucket/folder``, relative to it.

    Parameters
    ----------
    url : str
        The folder.
    deep : bool
        Whether those in folders of the folder count, too.

    Raises
    ------
    InputError
        Where the bucket cannot be listed, or a name leads out of the folder.
    """
    client, bucket, prefix = _located(f"{url.rstrip('/')}/")
    pages = client.get_paginator("list_objects_v2")
    try:
        listed = list(pages.paginate(Bucket=bucket, Prefix=prefix, Delimiter="" if deep else "/"))
    except Exception as error:  # of many kinds, with no base but this
        remedy = "Check its name, the endpoint and the credentials."
        raise InputError(url, f"it cannot be listed ({error})", remedy) from error
    keys = [entry["Key"] for page in listed for entry in page.get("Contents", [])]
    names = sorted(key.removeprefix(prefix) for key in keys if not key.endswith("/"))
    for name in names:
        if name.startswith("/") or ".." in PurePosixPath(name).parts:
            raise InputError(url, f"the object {name!r} leads out of it", "Rename or remove it.")
    return names


def fetch_object(url: str, target: str | Path) -> None:
    """Copy the object ``s3://bucket/key`` to the file `target`."""
    client, bucket, key = _located(url)
    with atomic_path(target) as temporary:
        client.download_file(bucket, key, str(temporary))


def fetch_folder(url: str, target: str | Path, wanted: Iterable[str | Path]) -> int:
    """Let the folder `target` hold the objects below `url` and nothing else; return how many there are.

    Raises
    ------
    InputError
        Where there is no object for one of the files `wanted` below `target`, or as :func:`list_objects`.
    """
    names, target = list_objects(url), Path(target)
    for name in sorted({Path(path).relative_to(target).as_posix() for path in wanted} - set(names)):
        raise InputError(url, f"there is no object {name}", "Add it, or plan without that session.")
    shutil.rmtree(target, ignore_errors=True)
    for name in names:
        fetch_object(f"{url.rstrip('/')}/{name}", target / name)
    return len(names)


def _located(url: str):
    """Return a client, and bucket and key of `url`."""
    bucket, _, key = url.removeprefix("s3://").partition("/")
    return _client(), bucket, key


@cache
def _client():
    import boto3

    return boto3.client("s3")
