"""Create, read and rotate the secret key that all tokens are made with.

Retired secrets are in a folder next to the file, numbered in the order of retirement: `secret.key.retired/0001`, or
`secret.key.retired_0001` if systemd or a container passes them as credentials. Each file is a JSON object that
contains
all metadata, so that copies need no file times:

    {"key": base64, "retired": ISO 8601, "revoked": true if it has no grace period}

None of them may be removed: unsubscribe links never expire, and the first secret derives the keys of all addresses.
"""

import base64
import binascii
import contextlib
import json
import os
import secrets
import stat
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from digestd import files
from digestd.errors import BadSetting
from digestd.security.keys import SECRET_MIN, Keys, RetiredSecret

SECRET_BYTES = 32
_CURRENT, _RETIRED = "secret.key", "retired"
"""Names of secrets in a backup."""


def read_keys(file: Path) -> Keys:
    """Return the current secret and the retired ones.

    Raises:
        BadSetting: a file is missing or invalid.
    """
    retired = [_read_retired(one) for one in _retired_files(file)]
    return Keys(read_secret(file), tuple(reversed(retired)))


def secret_files(file: Path) -> dict[str, Path]:
    """Return the files of the current secret and of the retired ones by the name that each has in a backup.

    Raises:
        BadSetting: a retired one is missing.
    """
    retired = {f"{_RETIRED}/{one.name[-4:]}": one for one in _retired_files(file)}
    return {_CURRENT: file, **retired}


def put_secrets_back(file: Path, found: Mapping[str, Path]) -> None:
    """Write the secrets of a backup where there are none.

    Raises:
        BadSetting: there is another secret already.
    """
    if file.exists() and file.read_bytes() != found[_CURRENT].read_bytes():
        raise BadSetting(
            f"DIGESTD_SECRET_KEY_FILE: {file} is another secret than that of the backup; move it away, or name "
            "another file"
        )
    targets = {file if name == _CURRENT else _folder(file) / source.name: source for name, source in found.items()}
    targets = {target: source for target, source in targets.items() if not target.exists()}
    with _convert_errors("cannot write", file):
        for target in sorted(targets, key=lambda target: target == file):  # the current one last: then all are there
            files.make_folder(target.parent)
            if files.is_shared(target.parent.parent):
                target.parent.chmod(0o750)
            _write_temporary(target, targets[target].read_bytes()).replace(target)
            _sync_folder(target.parent)


def read_secret(file: Path) -> bytes:
    """Return the secret in a file.

    Raises:
        BadSetting: the file does not exist, cannot be read, or is too short.
    """
    try:
        secret = file.read_bytes()
    except FileNotFoundError as error:
        raise BadSetting(
            f"DIGESTD_SECRET_KEY_FILE: {file} does not exist: put your copy of it back, or that in a backup made "
            "with --with-secret-key: `digestd restore FILE --only-secret`. "
            "With another key no unsubscribe link in a mail that was sent would work, "
            "and nobody on the suppression list would be recognised"
        ) from error
    except OSError as error:
        raise BadSetting(f"DIGESTD_SECRET_KEY_FILE: cannot read {files.explain(error, file)}") from error
    if len(secret) < SECRET_BYTES:
        raise BadSetting(f"DIGESTD_SECRET_KEY_FILE: {file} holds fewer than {SECRET_BYTES} bytes; use a longer secret")
    return secret


def create_secret(file: Path) -> bytes:
    """Return the secret; create it atomically if there is none.

    Raises:
        BadSetting: the file cannot be created or read.
    """
    if file.exists():
        return read_secret(file)
    with _convert_errors("cannot make", file):
        files.make_folder(file.parent)
        aside = _write_temporary(file, _new_secret())
        with contextlib.suppress(FileExistsError):
            os.link(aside, file)
        aside.unlink()
    return read_secret(file)


def rotate(file: Path, now: datetime, *, revoke: bool = False) -> Keys:
    """Retire the current secret, replace it by a new one, and return all keys.

    The old secret is on the disk under its new name before the new one replaces it, so none can be lost. A rotation
    that
    was interrupted can be repeated.

    Args:
        revoke: end the grace period of all retired secrets.

    Raises:
        BadSetting: a file cannot be read or written.
    """
    before = read_keys(file)
    earlier = [one for one in before.retired if one.secret != before.secret]
    retired = [RetiredSecret(before.secret, now), *earlier]
    folder = _folder(file)
    with _convert_errors("cannot replace", file):
        _make_folder_like(file, folder)
        for number, one in enumerate(reversed(retired), 1):
            if revoke or number == len(retired):
                name = folder / f"{number:04}"
                _write_temporary(name, _as_json(replace(one, revoked=one.revoked or revoke)), file).replace(name)
        _sync_folder(folder)
        _write_temporary(file, _new_secret(), file).replace(file)
        _sync_folder(file.parent)
    return read_keys(file)


def _read_retired(file: Path) -> RetiredSecret:
    """Return a retired secret.

    Raises:
        BadSetting: the file is not one.
    """
    try:
        fields = json.loads(file.read_bytes())
        secret, at = base64.b64decode(fields["key"], validate=True), datetime.fromisoformat(fields["retired"])
        if len(secret) < SECRET_MIN or at.tzinfo is None:
            raise ValueError
        return RetiredSecret(secret, at, fields["revoked"] is not False)
    except OSError as error:
        raise BadSetting(f"DIGESTD_SECRET_KEY_FILE: cannot read {files.explain(error, file)}") from error
    except (ValueError, TypeError, KeyError, binascii.Error):
        raise BadSetting(
            f"DIGESTD_SECRET_KEY_FILE: {file} is not a retired key as `digestd config rotate-secret` writes it; "
            "restore it from a backup"
        ) from None  # the cause would quote the secret


def _as_json(retired: RetiredSecret) -> bytes:
    key = base64.b64encode(retired.secret).decode()
    return json.dumps({"key": key, "retired": retired.at.isoformat(), "revoked": retired.revoked}).encode() + b"\n"


def _retired_files(file: Path) -> list[Path]:
    """Return the files of retired secrets in order.

    Raises:
        BadSetting: one is missing among them.
    """
    found = {one.name[-4:]: one for form in ("/", "_") for one in file.parent.glob(f"{file.name}.retired{form}[0-9]*")}
    numbers = [f"{n:04}" for n in range(1, len(found) + 1)]
    if missing := [number for number in numbers if number not in found]:
        lost = _folder(file) / missing[0]
        raise BadSetting(f"DIGESTD_SECRET_KEY_FILE: {lost} is missing; restore it from a backup")
    return [found[number] for number in numbers]


def _folder(file: Path) -> Path:
    return file.with_name(f"{file.name}.retired")


def _new_secret() -> bytes:
    return secrets.token_urlsafe(SECRET_BYTES * 2).encode()


def _make_folder_like(file: Path, folder: Path) -> None:
    """Create a folder for whoever may read a file."""
    if not folder.exists():
        files.make_folder(folder)
        opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        files.give_to_owner_of(file, opened)
        os.fchmod(opened, 0o750 if file.stat().st_mode & stat.S_IRGRP else 0o700)
        os.close(opened)


def _write_temporary(file: Path, content: bytes, like: Path | None = None) -> Path:
    """Write a file next to this one and sync it, ready to replace it.

    Args:
        like: a file whose owner and mode it gets; by default it belongs to the owner of its folder, and
            whoever shares the folder may read it.
    """
    aside = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
    with os.fdopen(files.create(aside, os.O_WRONLY | os.O_EXCL), "wb") as out:
        if like is not None:
            files.give_to_owner_of(like, out.fileno())
            os.fchmod(out.fileno(), stat.S_IMODE(like.stat().st_mode))
        elif files.is_shared(file.parent):
            os.fchmod(out.fileno(), 0o640)
        out.write(content)
        out.flush()
        os.fsync(out.fileno())
    return aside


def _sync_folder(folder: Path) -> None:
    """Sync a folder: a new file name is on the disk only then."""
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


@contextlib.contextmanager
def _convert_errors(what: str, file: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise BadSetting(f"DIGESTD_SECRET_KEY_FILE: {what} {files.explain(error, file)}") from error
