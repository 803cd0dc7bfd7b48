"""Fetching one file over the network, checked before it gets its name."""

from __future__ import annotations

import logging
from pathlib import Path

from workloads.task import DataError

log = logging.getLogger(__name__)

TIMEOUT_SECONDS = 30  # without a byte, not of the whole


def download(url: str, target: Path, known_hash: str, remedy: str) -> None:
    """Write what `url` holds to `target`, if it is what is expected.

    Args:
        target: in a folder that is there (`written_whole` gives one).
        known_hash: "sha256:..." or "md5:...", in hex.

    Raises:
        DataError: no connection, or other content; the message ends with `remedy`.
        OSError: when the folder cannot be written.
    """
    import pooch
    from requests import RequestException

    log.info("downloading %s to %s", url, target)
    pooch.get_logger().setLevel("WARNING")  # it would say the same on stderr
    downloader = pooch.HTTPDownloader(timeout=TIMEOUT_SECONDS, chunk_size=2**20)
    try:
        pooch.retrieve(url, known_hash, target.name, target.parent, downloader=downloader)
    except RequestException as error:
        raise DataError(f"{url} could not be downloaded ({_cause(error)}): {remedy}") from error
    except ValueError as error:  # pooch's word for another checksum
        raise DataError(f"{url} does not have {known_hash}: {remedy}") from error


def _cause(error: BaseException) -> BaseException:
    """What began it: "Name or service not known", which requests wraps in three of its own."""
    while error.__context__ is not None:
        error = error.__context__
    return error
