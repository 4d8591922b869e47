"""The secret that all tokens are made with: a file of its own, made once."""

import contextlib
import os
import secrets
from pathlib import Path

from digestd.errors import BadSetting

SECRET_BYTES = 32


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
    aside = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
            out.write(secrets.token_urlsafe(SECRET_BYTES * 2).encode())
            out.flush()
            os.fsync(out.fileno())
        with contextlib.suppress(FileExistsError):
            os.link(aside, file)
        aside.unlink()
    except OSError as error:
        raise BadSetting(f"DIGESTD_SECRET_KEY_FILE: cannot make {file}: {error.strerror}") from error
    return read_secret(file)
