"""Read a source that is a local file as if it had been fetched."""

from pathlib import Path
from urllib.parse import unquote, urlsplit

from digestd.errors import SourceFailed
from digestd.fetching.fetch import Answer, Validators

FILE_MAX = 200_000_000


def fetch_file(url: str, known: Validators) -> Answer:
    """Read the file at a `file:` address; its time and size are its validator.

    Raises SourceFailed.
    """
    path = Path(unquote(urlsplit(url).path))
    try:
        state = path.stat()
    except OSError as error:
        raise SourceFailed(f"cannot read {path}: {error.strerror}") from error
    now = Validators(etag=f"{state.st_mtime_ns}-{state.st_size}")
    return Answer(None, now) if now == known else Answer(read_file(path), now)


def read_file(path: Path) -> bytes:
    """Return the whole file. Raises SourceFailed if it is too large or unreadable."""
    try:
        if path.stat().st_size > FILE_MAX:
            raise SourceFailed(f"{path} is larger than {FILE_MAX // 1_000_000} MB; use `digestd paper import`")
        return path.read_bytes()
    except OSError as error:
        raise SourceFailed(f"cannot read {path}: {error.strerror}") from error
