import codecs

import pytest

from workloads.data.text import checked, decoded
from workloads.task import DataError


@pytest.mark.parametrize("mark", [b"", codecs.BOM_UTF8])
def test_a_byte_order_mark_is_no_character_and_line_ends_are_kept(mark):
    assert decoded(mark + "é\r\nb\n".encode(), "x") == "é\r\nb\n"


def test_a_mark_in_the_middle_is_a_character():
    assert decoded("a\ufeffb".encode(), "x") == "a\ufeffb"


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-be"])
@pytest.mark.parametrize("text", ["plain text", "é and ∂"])
def test_wide_encodings_are_told_to_become_utf8(encoding, text):
    with pytest.raises(DataError, match=r"^x .*: save it as UTF-8( text)?$"):
        decoded(text.encode(encoding), "x")


def test_utf16_with_its_mark_is_called_so():
    for mark, encoding in [
        (codecs.BOM_UTF16_LE, "utf-16-le"),
        (codecs.BOM_UTF16_BE, "utf-16-be"),
    ]:
        with pytest.raises(DataError, match=r"^x is UTF-16 text: save it as UTF-8$"):
            decoded(mark + "text".encode(encoding), "x")


def test_other_bytes_are_placed():
    message = r"^x is not UTF-8 text \(invalid continuation byte at byte 3\): save it as UTF-8$"
    with pytest.raises(DataError, match=message):
        decoded("café au lait".encode("latin-1"), "x")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "x has 0 characters and 0 distinct, at least 2 distinct are needed"),
        ("aaa", "x has 3 characters and 1 distinct, at least 2 distinct are needed"),
        (
            "".join(map(chr, range(1000, 1257))),
            "x has 257 distinct characters, at most 256 fit one byte each",
        ),
    ],
)
def test_a_text_that_cannot_be_learned_is_refused(text, message):
    with pytest.raises(DataError, match=message):
        checked(text, "x")


@pytest.mark.parametrize("text", ["ab", "".join(map(chr, range(1000, 1256)))])
def test_2_to_256_distinct_characters_can_be_learned(text):
    assert checked(text, "x") == text
