import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread

import pytest

from seqlearn import corpora
from seqlearn.corpora import (
    SHAKESPEARE_SHA256,
    SHAKESPEARE_SYMBOLS,
    download_shakespeare,
    read_text,
    shakespeare_path,
)

SHAKESPEARE = Path(__file__).parents[2] / "shared" / "data" / "tinyshakespeare.txt"
TEXT = "Speak, speak.\r\n" * 10_000
BODY = TEXT.encode()


@pytest.mark.parametrize(
    "text", ["a", "tab\tand\r\nevery\rnew\nline\n", "ὦ ξεῖν', 世界 🙂\0\ufeff"]
)
def test_text_is_read_as_it_stands_in_the_file(tmp_path, text):
    path = tmp_path / "text"
    path.write_bytes(text.encode())
    assert read_text(path) == read_text(str(path)) == text


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "must have at least one character, got '{}', empty"),
        (
            b"caf\xe9 noir",
            "must be text in UTF-8, got '{}' with the byte 0xe9 at offset 3: invalid",
        ),
        (
            b"abc\xe4\xb8",
            "must be text in UTF-8, got '{}' with the byte 0xe4 at offset 3: unexpected",
        ),
        (None, "must be a file that can be read, got '{}': No such file or directory"),
    ],
    ids=["empty", "Latin-1", "cut in a character", "missing"],
)
def test_what_is_no_text_is_refused_by_name(tmp_path, content, message):
    path = tmp_path / "some text.txt"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ValueError) as error:
        read_text(path)
    assert str(error.value).startswith("`path` " + message.format(path))


def test_a_folder_is_refused(tmp_path):
    with pytest.raises(ValueError, match=f"`path` must be .* got '{tmp_path}': Is a directory"):
        read_text(tmp_path)


@pytest.mark.parametrize("cache", ["", None, "not/absolute"])
def test_the_cache_is_in_the_home_folder_by_default(tmp_path, monkeypatch, cache):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    if cache is not None:
        monkeypatch.setenv("XDG_CACHE_HOME", cache)
    assert shakespeare_path() == tmp_path / ".cache" / "seqlearn" / "tinyshakespeare.txt"


def send(handler, body=BODY, status=200, length=None):
    handler.send_response(status)
    handler.send_header("Content-Length", str(len(body) if length is None else length))
    handler.end_headers()
    handler.wfile.write(body)


@pytest.fixture
def server(tmp_path, monkeypatch):
    """A server on this machine that gives a text of our own; `answer` may be replaced."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            server.requests += 1
            server.answer(self)

        def log_message(self, *arguments):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.requests, server.answer = 0, send
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        url = f"http://127.0.0.1:{server.server_port}/input.txt"
        monkeypatch.setattr(corpora, "SHAKESPEARE_URL", url)
        monkeypatch.setattr(corpora, "SHAKESPEARE_SHA256", sha256(BODY).hexdigest())
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
        monkeypatch.setenv("no_proxy", "*")
        yield server
        server.shutdown()
        thread.join()


def cached():
    return list(shakespeare_path().parent.rglob("*"))


def assert_refused(*causes):
    """One error says what is wrong, where the file should be and what else can be done."""
    with pytest.raises(ValueError) as error:
        download_shakespeare()
    message = str(error.value)
    for part in (repr(str(shakespeare_path())), *causes, corpora.SHAKESPEARE_URL, "there by hand"):
        assert part in message
    assert "`--data.path FILE`" in message and "\n" not in message


def test_the_text_is_fetched_once_and_kept(server):
    path = download_shakespeare()
    assert path == shakespeare_path() and cached() == [path]
    assert read_text(path) == TEXT
    before = path.stat()
    assert download_shakespeare() == path
    assert server.requests == 1 and path.stat() == before


def test_a_file_put_there_by_hand_needs_no_server(server):
    shakespeare_path().parent.mkdir(parents=True)
    shakespeare_path().write_bytes(BODY)
    assert download_shakespeare() == shakespeare_path()
    assert server.requests == 0


@pytest.mark.parametrize("content", [b"", BODY[:-1], b"another"])
def test_a_damaged_file_is_fetched_again(server, content):
    shakespeare_path().parent.mkdir(parents=True)
    shakespeare_path().write_bytes(content)
    assert read_text(download_shakespeare()) == TEXT
    assert cached() == [shakespeare_path()]


def trickle(handler):
    send(handler, b"", length=len(BODY))
    for byte in BODY[:100]:
        handler.wfile.write(bytes([byte]))
        time.sleep(0.02)


FAILURES = {
    "not found": (lambda h: send(h, b"no", 404), "HTTP Error 404: Not Found"),
    "out of order": (lambda h: send(h, b"", 500), "HTTP Error 500: Internal Server Error"),
    "another text": (lambda h: send(h, b"<html>Log in first"), "its SHA-256 must be "),
    "nothing": (lambda h: send(h, b""), "its SHA-256 must be "),
    "cut": (lambda h: send(h, b"Speak", length=9), "it broke off after 5 of 9 bytes"),
    "hung up": (lambda h: None, "closed connection without response"),
    "no HTTP": (lambda h: h.wfile.write(b"SSH-2.0\r\n"), "SSH-2.0"),
    "silent": (lambda h: time.sleep(1), "timed out"),
    "slow": (trickle, "bytes came in 0.4 seconds"),
}


@pytest.mark.parametrize("case", FAILURES)
@pytest.mark.parametrize("damaged", [False, True])
def test_a_failed_download_leaves_nothing_and_says_why(server, monkeypatch, case, damaged):
    server.answer, cause = FAILURES[case]
    if damaged:
        shakespeare_path().parent.mkdir(parents=True)
        shakespeare_path().write_bytes(b"damaged")
    with monkeypatch.context() as patch:
        patch.setattr(corpora, "TIME_LIMIT", 0.4 if case in ("silent", "slow") else 30.0)
        assert_refused(cause, "a damaged file" if damaged else "no such file or directory")
    assert cached() == [shakespeare_path()] * damaged
    server.answer = send
    assert read_text(download_shakespeare()) == TEXT  # and the next attempt may succeed


def test_without_a_network_the_error_says_so(server, monkeypatch):
    with ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as closed:
        port = closed.server_port
    monkeypatch.setattr(corpora, "SHAKESPEARE_URL", f"http://127.0.0.1:{port}/input.txt")
    assert_refused("Connection refused")
    monkeypatch.setattr(corpora, "SHAKESPEARE_URL", "http://nowhere.invalid/input.txt")
    assert_refused("urlopen error")
    assert cached() == []


def test_a_cache_that_cannot_be_made_is_refused_before_anything_is_fetched(server, tmp_path):
    (tmp_path / "cache").write_text("a file where the folder should be")
    assert_refused("ot a directory")
    assert server.requests == 0


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may write everywhere")
def test_a_cache_that_cannot_be_written_is_refused_before_anything_is_fetched(server):
    folder = shakespeare_path().parent
    folder.mkdir(parents=True)
    folder.chmod(0o500)
    assert_refused("Permission denied")
    assert server.requests == 0
    folder.chmod(0)  # nor looked into
    assert_refused("permission denied")
    folder.chmod(0o700)


def test_a_folder_in_the_place_of_the_file_is_refused(server):
    shakespeare_path().mkdir(parents=True)
    assert_refused("is a directory")
    assert cached() == [shakespeare_path()]


def test_whoever_looks_sees_the_whole_text_or_none(server):
    """Eight threads fetch at once, slowly, and one looks at the cache all the while."""
    done, looks = Event(), []

    def answer(handler):
        send(handler, BODY[:100], length=len(BODY))
        for first in range(100, len(BODY), len(BODY) // 5):
            time.sleep(0.01)
            handler.wfile.write(BODY[first : first + len(BODY) // 5])

    def look():
        while not done.is_set():
            path = shakespeare_path()
            looks.append(path.read_bytes() == BODY if path.exists() else None)
            time.sleep(0.0005)

    server.answer = answer
    watcher = Thread(target=look)
    watcher.start()
    with ThreadPoolExecutor(8) as pool:
        paths = list(pool.map(lambda _: download_shakespeare(), range(8)))
    done.set()
    watcher.join()
    assert set(paths) == {shakespeare_path()} and cached() == [shakespeare_path()]
    assert False not in looks and None in looks
    assert server.requests > 1


def test_processes_may_fetch_at_once(server):
    code = (
        "import sys; from seqlearn import corpora\n"
        "corpora.SHAKESPEARE_URL, corpora.SHAKESPEARE_SHA256 = sys.argv[1:]\n"
        "print(corpora.download_shakespeare())"
    )
    arguments = [corpora.SHAKESPEARE_URL, corpora.SHAKESPEARE_SHA256]
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", code, *arguments], stdout=subprocess.PIPE, text=True
        )
        for _ in range(3)
    ]
    printed = [process.communicate(timeout=60)[0] for process in processes]
    assert printed == [f"{shakespeare_path()}\n"] * 3
    assert read_text(shakespeare_path()) == TEXT and cached() == [shakespeare_path()]


@pytest.mark.skipif(not SHAKESPEARE.is_file(), reason=f"{SHAKESPEARE} is not there")
def test_tiny_shakespeare_is_recognised_and_has_its_symbols(server, monkeypatch):
    monkeypatch.setattr(corpora, "SHAKESPEARE_SHA256", SHAKESPEARE_SHA256)
    server.answer = lambda handler: send(handler, SHAKESPEARE.read_bytes())
    text = read_text(download_shakespeare())
    assert len(text) == 1_115_394
    assert "".join(sorted(set(text))) == SHAKESPEARE_SYMBOLS
    assert len(SHAKESPEARE_SYMBOLS) == 65
