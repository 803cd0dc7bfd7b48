import hashlib
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from workloads.data import download as module
from workloads.data.download import download
from workloads.task import DataError


def write_text(folder, algorithm: str) -> str:
    (folder / "text").write_bytes(b"text\r\n")
    return f"{algorithm}:{hashlib.new(algorithm, (folder / 'text').read_bytes()).hexdigest()}"


@pytest.mark.parametrize("algorithm", ["sha256", "md5"])
def test_a_verified_file_gets_its_name(online, tmp_path, algorithm):
    folder, url = online
    known_hash = write_text(folder, algorithm)
    (tmp_path / "cache").mkdir()
    download(f"{url}/text", tmp_path / "cache" / "text", known_hash, "remedy")
    assert (tmp_path / "cache" / "text").read_bytes() == b"text\r\n"
    assert len(list((tmp_path / "cache").iterdir())) == 1


def test_no_word_is_said(online, tmp_path):
    folder, url = online
    known_hash = write_text(folder, "sha256")
    program = (
        "from pathlib import Path; from workloads.data.download import download\n"
        f"download('{url}/text', Path('{tmp_path}/text'), '{known_hash}', 'remedy')"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert (run.stdout, run.stderr) == (b"", b"")


def test_other_content_is_refused_and_not_kept(online, tmp_path):
    folder, url = online
    (folder / "text").write_bytes(b"another edition")
    (tmp_path / "cache").mkdir()
    with pytest.raises(DataError, match=r"/text does not have sha256:00ff: do this$"):
        download(f"{url}/text", tmp_path / "cache" / "text", "sha256:00ff", "do this")
    assert list((tmp_path / "cache").iterdir()) == []


@pytest.mark.parametrize("kind", ["no connection", "no such page", "no such host"])
def test_what_hinders_a_download_is_said_briefly_with_the_remedy(
    online, offline_url, tmp_path, kind
):
    url, reason = {
        "no connection": (offline_url, r"\[Errno 111\] Connection refused"),
        "no such page": (f"{online[1]}/absent", "404 Client Error.*"),
        "no such host": ("http://no-such-host.invalid/file", r"\[Errno -\d\] [\w ]*"),
    }[kind]
    (tmp_path / "cache").mkdir()
    with pytest.raises(DataError, match=rf"{url} could not be downloaded \({reason}\): do this$"):
        download(url, tmp_path / "cache" / "text", "sha256:00ff", "do this")
    assert list((tmp_path / "cache").iterdir()) == []


@pytest.mark.parametrize("kind", ["silent", "cut off"])
def test_a_connection_that_dies_half_way_is_an_error_and_leaves_nothing(
    tmp_path, monkeypatch, kind
):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(module, "TIMEOUT_SECONDS", 0.2)
    done = threading.Event()

    class Half(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", "1000")
            self.end_headers()
            self.wfile.write(b"half")
            if kind == "silent":
                done.wait(10)

        def log_message(self, *args) -> None:
            pass

    (tmp_path / "cache").mkdir()
    with HTTPServer(("127.0.0.1", 0), Half) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/text"
        with pytest.raises(DataError, match=r"could not be downloaded \([^()]+.*\): do this$"):
            download(url, tmp_path / "cache" / "text", "sha256:00ff", "do this")
        done.set()
        server.shutdown()
    assert list((tmp_path / "cache").iterdir()) == []
