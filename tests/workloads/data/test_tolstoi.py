import codecs
import hashlib

import pytest

from workloads import war_and_peace_lstm
from workloads.data import tolstoi
from workloads.data.tolstoi import cut, read_text
from workloads.task import DataError


@pytest.fixture
def made_edition(monkeypatch):
    """A text of 26 symbols and 650 characters that stands for DeepOBS's, and its uncut etext."""
    text = ("abcdefghijklmnopqrstuvwx\r\n" * 25).encode()
    header, title, contents = b"licence\r\n" * 29, text[: 4 * 26], b"chapter\r\n" * 771
    etext = header + title + contents + text[4 * 26 :]
    monkeypatch.setattr(tolstoi, "CHARACTERS", 650)
    monkeypatch.setattr(tolstoi, "SYMBOLS", 26)
    monkeypatch.setattr(tolstoi, "SHA256", hashlib.sha256(text).hexdigest())
    monkeypatch.setattr(tolstoi, "ETEXT_SHA256", hashlib.sha256(etext).hexdigest())
    return text, etext


def test_the_three_cuts_keep_these_lines_of_the_etext():
    etext = b"".join(b"line %d\r\n" % number for number in range(1, 66_037))
    # lines 1-29 go; of what is left (30, 31, ...) numbers 5-775, the etext's 34-804; of what is
    # left then (30-33, 805, ...) numbers 63,850-64,207, the etext's 64,650-65,007
    kept = [*range(30, 34), *range(805, 64_650), *range(65_008, 66_037)]
    assert cut(etext) == b"".join(b"line %d\r\n" % number for number in kept)


@pytest.mark.parametrize("place", ["data.file", "data.root", "HARNESS_DATA_ROOT", "cache"])
def test_the_text_is_found_and_its_line_ends_kept(made_edition, tmp_path, monkeypatch, place):
    text, _ = made_edition
    folder = tmp_path / ("default-cache" if place == "cache" else "root")
    folder.mkdir()
    (folder / "war_and_peace.txt").write_bytes(text)
    data = {}
    if place == "data.file":
        data = {"file": str(folder / "war_and_peace.txt")}
    elif place == "data.root":
        data = {"root": str(folder)}
    elif place == "HARNESS_DATA_ROOT":
        monkeypatch.setenv("HARNESS_DATA_ROOT", str(folder))
    found, label = read_text(data)
    assert found.encode() == text
    assert label == "War and Peace (DeepOBS)"


def test_the_uncut_etext_is_cut(made_edition, tmp_path):
    text, etext = made_edition
    (tmp_path / "etext.txt").write_bytes(etext)
    assert read_text({"file": str(tmp_path / "etext.txt")})[0].encode() == text


def test_a_download_is_verified_cut_and_kept(made_edition, online, tmp_path, monkeypatch):
    text, etext = made_edition
    folder, url = online
    (folder / "etext").write_bytes(etext)
    monkeypatch.setattr(tolstoi, "ETEXT_URL", f"{url}/etext")
    assert read_text({"download": True})[0].encode() == text
    (folder / "etext").unlink()
    assert read_text({"download": True})[0].encode() == text
    assert [p.name for p in (tmp_path / "default-cache").iterdir()] == ["war_and_peace.txt"]


def test_a_download_of_something_else_is_refused(made_edition, online, tmp_path, monkeypatch):
    folder, url = online
    (folder / "etext").write_bytes(b"please log in")
    monkeypatch.setattr(tolstoi, "ETEXT_URL", f"{url}/etext")
    with pytest.raises(DataError, match=r"does not have sha256:\w{64}: put war_and_peace\.txt"):
        read_text({"download": True})
    assert list((tmp_path / "default-cache").iterdir()) == []


def test_a_missing_text_says_where_it_was_looked_for(tmp_path):
    message = (
        r"no war_and_peace\.txt in .*root or .*default-cache, .*download is false.*data\.file="
    )
    (tmp_path / "root").mkdir()
    with pytest.raises(DataError, match=message):
        read_text({"root": str(tmp_path / "root"), "download": False})
    with pytest.raises(DataError, match=r"data\.file=absent is not a file"):
        read_text({"file": "absent"})


def test_translated_line_ends_are_another_edition(made_edition, tmp_path):
    text, _ = made_edition
    path = tmp_path / "war_and_peace.txt"
    path.write_bytes(text.replace(b"\r\n", b"\n"))
    message = (
        r"has 625 characters and 25 distinct ones, DeepOBS's War and Peace \(\w{12}…\) 650 and 26, "
        r"with its \\r\\n line ends.*data\.any_edition=true"
    )
    with pytest.raises(DataError, match=message):
        read_text({"root": str(tmp_path)})
    found, label = read_text({"root": str(tmp_path), "any_edition": True})
    assert len(found) == 625
    assert label == "war_and_peace.txt: 625 characters, 25 symbols (not DeepOBS's)"


def test_another_text_of_the_same_length_and_symbols_is_another_edition(made_edition, tmp_path):
    text, _ = made_edition
    (tmp_path / "war_and_peace.txt").write_bytes(text[::-1])
    with pytest.raises(DataError, match="another edition or damaged"):
        read_text({"root": str(tmp_path)})
    _, label = read_text({"root": str(tmp_path), "any_edition": True})
    assert label == "war_and_peace.txt: 650 characters, 26 symbols (not DeepOBS's)"


def test_a_byte_order_mark_makes_no_other_text(made_edition, tmp_path):
    text, _ = made_edition
    path = tmp_path / "war_and_peace.txt"
    path.write_bytes(codecs.BOM_UTF8 + text)
    assert read_text({"root": str(tmp_path)}) == (text.decode(), "War and Peace (DeepOBS)")
    path.write_bytes(codecs.BOM_UTF8 + b"another")
    assert read_text({"root": str(tmp_path), "any_edition": True})[0] == "another"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "has 0 characters and 0 distinct"),
        (codecs.BOM_UTF8, "has 0 characters and 0 distinct"),
        (b"aaaa", "has 4 characters and 1 distinct"),
        ("".join(map(chr, range(1000, 1300))).encode(), "has 300 distinct characters, at most 256"),
        ("text".encode("utf-16"), "is UTF-16 text: save it as UTF-8"),
        (b"\xff\x00", "is not UTF-8 text"),
    ],
)
def test_no_edition_is_one_that_cannot_be_learned(tmp_path, content, message):
    (tmp_path / "text").write_bytes(content)
    with pytest.raises(DataError, match=rf"^{tmp_path}/text {message}"):
        war_and_peace_lstm.prepare({"file": str(tmp_path / "text"), "any_edition": True})


def test_a_file_in_the_home_folder(made_edition, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "text").write_bytes(made_edition[0])
    assert read_text({"file": "~/text"})[1] == "War and Peace (DeepOBS)"


def test_a_home_is_needed_only_for_the_cache(made_edition, online, tmp_path, monkeypatch, no_home):
    text, etext = made_edition
    with pytest.raises(
        DataError, match=r"in no known home folder: .*data\.cache= or HARNESS_CACHE"
    ):
        read_text({"download": True})
    (online[0] / "etext").write_bytes(etext)
    monkeypatch.setattr(tolstoi, "ETEXT_URL", f"{online[1]}/etext")
    cache = tmp_path / "cache"
    assert read_text({"download": True, "cache": str(cache)})[0].encode() == text
    for data in ({"root": str(cache)}, {"file": str(cache / "war_and_peace.txt")}):
        assert read_text(data)[0].encode() == text
    monkeypatch.setenv("HARNESS_CACHE", str(cache))
    assert read_text({})[0].encode() == text


def test_an_unreadable_file_is_named(tmp_path, monkeypatch):
    path = tmp_path / "war_and_peace.txt"
    path.write_bytes(b"text")

    def refuse(self):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(type(path), "read_bytes", refuse)  # root may read all
    with pytest.raises(DataError, match=rf"{path} cannot be read \(Permission denied\)"):
        read_text({"root": str(tmp_path)})


def test_the_real_text(real_data):
    path = real_data("war_and_peace.txt")
    text, label = read_text({"root": str(path.parent)})
    assert hashlib.sha256(text.encode()).hexdigest() == tolstoi.SHA256
    assert text.startswith("WAR AND PEACE\r\n\r\nBy Leo Tolstoy/Tolstoi\r\n\r\nCHAPTER I\r\n")
    assert label == "War and Peace (DeepOBS)"
