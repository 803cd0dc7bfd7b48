import hashlib

import pytest

from workloads.data.download import download
from workloads.task import DataError


def test_a_verified_file_gets_its_name(tmp_path):
    source = tmp_path / "source"
    source.write_bytes(b"text\r\n")
    target = tmp_path / "cache" / "text"
    download(source.as_uri(), target, hashlib.sha256(b"text\r\n").hexdigest(), "remedy")
    assert target.read_bytes() == b"text\r\n"


def test_other_content_is_refused_and_not_kept(tmp_path):
    source = tmp_path / "source"
    source.write_bytes(b"another edition")
    target = tmp_path / "cache" / "text"
    with pytest.raises(DataError, match=r"has sha256 [0-9a-f]{64}, expected 00ff: do this$"):
        download(source.as_uri(), target, "00ff", "do this")
    assert list(target.parent.iterdir()) == []


def test_no_connection_is_an_error_with_the_remedy(tmp_path):
    url = (tmp_path / "absent").as_uri()
    with pytest.raises(DataError, match=r"could not be downloaded \(.*\): do this$"):
        download(url, tmp_path / "cache" / "text", "00ff", "do this")
    assert list((tmp_path / "cache").iterdir()) == []
