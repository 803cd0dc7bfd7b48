"""One text from the bytes of a file, and what it must have for a character LSTM to learn it."""

from __future__ import annotations

import codecs
import hashlib

from workloads.task import DataError

MAX_SYMBOLS = 256  # a character is stored as one byte


def decoded(content: bytes, name: object) -> str:
    """The text of a UTF-8 file, without its byte order mark. Its line ends are kept.

    Args:
        name: what the text is called in an error, a path for instance.

    Raises:
        DataError: when it is in another encoding.
    """
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise DataError(f"{name} is UTF-16 text: save it as UTF-8")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(
            f"{name} is not UTF-8 text ({error.reason} at byte {error.start}): save it as UTF-8"
        ) from error
    if "\0" in text:  # UTF-16 without a mark is valid UTF-8, every other character of it NUL
        raise DataError(f"{name} holds NUL characters, as UTF-16 does: save it as UTF-8 text")
    return text


def checked(text: str, name: object) -> str:
    """`text` itself.

    Raises:
        DataError: when it is empty, of one distinct character or of more than 256.
    """
    symbols = len(set(text))
    if symbols < 2:
        raise DataError(
            f"{name} has {len(text)} characters and {symbols} distinct, at least 2 distinct are "
            "needed to predict one: give another text"
        )
    if symbols > MAX_SYMBOLS:
        raise DataError(
            f"{name} has {symbols} distinct characters, at most {MAX_SYMBOLS} fit one byte each: "
            "give a text in one script"
        )
    return text


def sha256_of(text: str) -> str:
    """Of its UTF-8 bytes."""
    return hashlib.sha256(text.encode("utf-8")).hexdigest()
