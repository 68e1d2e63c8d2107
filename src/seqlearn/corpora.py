"""Texts to model: a file, or Tiny Shakespeare."""

import os
import string
import time
from hashlib import sha256
from http.client import HTTPException
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.error import HTTPError
from urllib.request import urlopen

SHAKESPEARE_URL = (
    "https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/input.txt"
)
SHAKESPEARE_SHA256 = "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed"
SHAKESPEARE_SYMBOLS = "\n !$&',-.3:;?" + string.ascii_uppercase + string.ascii_lowercase
"""Its 65 characters, in order: known before it is there."""
TIME_LIMIT = 30.0
"""Seconds that a download may take, and that it may stand still."""


def read_text(path: str | os.PathLike[str]) -> str:
    """Read a whole file of UTF-8, with its newlines as they are.

    Raises:
        ValueError: If it cannot be read, is empty or is not UTF-8.
    """
    try:
        text = Path(path).read_bytes().decode()
    except OSError as error:
        raise ValueError(
            f"`path` must be a file that can be read, got {str(path)!r}: {error.strerror}."
        ) from error
    except UnicodeDecodeError as error:
        raise ValueError(
            f"`path` must be text in UTF-8, got {str(path)!r} with the byte "
            f"0x{error.object[error.start]:02x} at offset {error.start}: {error.reason}."
        ) from error
    if not text:
        raise ValueError(f"`path` must have at least one character, got {str(path)!r}, empty.")
    return text


def shakespeare_path() -> Path:
    """Give the place of Tiny Shakespeare in the user's cache, there or not."""
    folder = Path(os.environ.get("XDG_CACHE_HOME", ""))
    if not folder.is_absolute():  # as the XDG Base Directory Specification says
        folder = Path.home() / ".cache"
    return folder / "seqlearn" / "tinyshakespeare.txt"


def download_shakespeare() -> Path:
    """See to it that Tiny Shakespeare is in the cache, whole, and say where.

    It is fetched only if the file is missing or is not that text. Whoever looks for it meanwhile,
    in this process or another, finds the old state or the whole text.

    Source: Karpathy 2015, https://github.com/karpathy/char-rnn.

    Raises:
        ValueError: If it cannot be fetched or kept.
    """
    path = shakespeare_path()
    try:
        if sha256(path.read_bytes()).hexdigest() == SHAKESPEARE_SHA256:
            return path
        found = "there is another or a damaged file"
    except OSError as error:
        found = str(error.strerror).lower()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=path.parent) as folder:
            part = Path(folder) / path.name
            with part.open("wb") as file:
                file.write(fetch(SHAKESPEARE_URL, SHAKESPEARE_SHA256))
                file.flush()
                os.fsync(file.fileno())
            part.replace(path)
    except (OSError, HTTPException) as error:
        cause = " ".join(str(error).strip("<>").split())
        raise ValueError(
            f"Tiny Shakespeare is not in {str(path)!r} ({found}) and could not be downloaded: "
            f"{cause}. Put {SHAKESPEARE_URL} there by hand, or name another text with "
            "`--data.path FILE`; `--data.corpus grammar` needs no file."
        ) from error
    return path


def fetch(url: str, digest: str) -> bytes:
    """Download what has this SHA-256.

    Raises:
        OSError: If it has not, or does not come whole and in time.
        HTTPException: If what answers does not speak HTTP.
    """
    latest = time.monotonic() + TIME_LIMIT
    content = bytearray()
    try:
        response = urlopen(url, timeout=TIME_LIMIT)
    except HTTPError as error:  # is a response, too
        error.close()
        raise
    with response:
        while part := response.read1():
            content += part
            if time.monotonic() > latest:
                raise TimeoutError(f"{len(content)} bytes came in {TIME_LIMIT:g} seconds")
        whole = response.headers["Content-Length"]
    if whole not in (None, str(len(content))):
        raise OSError(f"it broke off after {len(content)} of {whole} bytes")
    if (actual := sha256(content).hexdigest()) != digest:
        raise OSError(f"its SHA-256 must be {digest}, got {actual}")
    return bytes(content)
