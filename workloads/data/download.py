"""Fetching one file over the network, checked before it gets its name."""

from __future__ import annotations

import logging
import shutil
import urllib.request
from pathlib import Path

from workloads.data.folders import sha256_of_file, written_whole
from workloads.task import DataError

log = logging.getLogger(__name__)

TIMEOUT_SECONDS = 30


def download(url: str, target: Path, sha256: str, remedy: str) -> None:
    """Write what `url` holds to `target`, if its SHA-256 is the one expected.

    Raises:
        DataError: no connection, or other content; the message ends with `remedy`.
    """
    log.info("downloading %s to %s", url, target)
    with written_whole(target) as scratch:
        fetched = scratch / target.name
        try:
            with (
                urllib.request.urlopen(url, timeout=TIMEOUT_SECONDS) as response,
                open(fetched, "wb") as file,
            ):
                shutil.copyfileobj(response, file)
        except OSError as error:  # URLError, HTTPError and time-outs are OSErrors
            reason = getattr(error, "reason", error)
            raise DataError(f"{url} could not be downloaded ({reason}): {remedy}") from error
        found = sha256_of_file(fetched)
        if found != sha256:
            raise DataError(f"{url} has sha256 {found}, expected {sha256}: {remedy}")
