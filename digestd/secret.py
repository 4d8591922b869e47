"""The secret that all tokens are made with: a file of its own, made once; and those retired since.

The retired ones lie beside it, numbered in the order they were retired: `secret.key.retired/0001`, or
`secret.key.retired_0001` where systemd hands a folder over as credentials. None of them may be removed:
links to unsubscribe work for ever, and the first names every address.
"""

import contextlib
import os
import secrets
from collections.abc import Iterator
from pathlib import Path

from digestd.errors import BadSetting
from digestd.links import Keys

SECRET_BYTES = 32


def read_keys(file: Path) -> Keys:
    """The secret in use and those retired. Raises BadSetting where one is missing, or too little of it."""
    retired = [read_secret(one) for one in _retired(file)]
    return Keys(read_secret(file), tuple(reversed(retired)))


def read_secret(file: Path) -> bytes:
    """The secret in a file. Raises BadSetting where there is none, or too little of it."""
    try:
        secret = file.read_bytes()
    except FileNotFoundError as error:
        raise BadSetting(f"DIGESTD_SECRET_KEY_FILE: {file} does not exist; run `digestd init` to make it") from error
    except OSError as error:
        raise BadSetting(f"DIGESTD_SECRET_KEY_FILE: cannot read {file}: {error.strerror}") from error
    if len(secret) < SECRET_BYTES:
        raise BadSetting(f"DIGESTD_SECRET_KEY_FILE: {file} holds fewer than {SECRET_BYTES} bytes; use a longer secret")
    return secret


def make_secret(file: Path) -> bytes:
    """The secret, made if there is none: written aside, then linked into place, whole or not at all."""
    if file.exists():
        return read_secret(file)
    with _failing("cannot make", file):
        file.parent.mkdir(parents=True, exist_ok=True)
        aside = _written(file)
        with contextlib.suppress(FileExistsError):
            os.link(aside, file)
        aside.unlink()
    return read_secret(file)


def rotate(file: Path) -> Keys:
    """Retire the secret in use and put a new one in its place; the keys as they are then.

    At no moment is there no secret, or one that is lost: the old one is on the disk under its new name
    before the new one takes its place.
    """
    before = read_keys(file)
    folder = _folder(file)
    with _failing("cannot replace", file):
        folder.mkdir(mode=0o700, exist_ok=True)
        os.link(file, folder / f"{len(before.retired) + 1:04}")
        _sync(folder)
        _written(file).replace(file)
        _sync(file.parent)
    return read_keys(file)


def _retired(file: Path) -> list[Path]:
    """In the order they were retired. Raises BadSetting where one is missing among them."""
    found = {one.name[-4:]: one for form in ("/", "_") for one in file.parent.glob(f"{file.name}.retired{form}[0-9]*")}
    numbers = [f"{n:04}" for n in range(1, len(found) + 1)]
    if missing := [number for number in numbers if number not in found]:
        lost = _folder(file) / missing[0]
        raise BadSetting(f"DIGESTD_SECRET_KEY_FILE: {lost} is missing; restore it from a backup")
    return [found[number] for number in numbers]


def _folder(file: Path) -> Path:
    return file.with_name(f"{file.name}.retired")


def _written(file: Path) -> Path:
    """A file beside it that holds a fresh secret, safe on the disk."""
    aside = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
    with os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
        out.write(secrets.token_urlsafe(SECRET_BYTES * 2).encode())
        out.flush()
        os.fsync(out.fileno())
    return aside


def _sync(folder: Path) -> None:
    """A new name is on the disk only with its folder."""
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


@contextlib.contextmanager
def _failing(what: str, file: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise BadSetting(f"DIGESTD_SECRET_KEY_FILE: {what} {file}: {error.strerror}") from error
