"""Create files that belong to the owner of their folder, and explain why a file cannot be used.

Root may run any command on the data of the service. What it creates there must be usable by the service's user
afterwards, so a new file gets the owner of its folder. SQLite does the same with its `-wal` and `-shm`.
"""

import contextlib
import errno
import grp
import os
import pwd
import stat
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from digestd.errors import DigestdError

_WRONG_NAME = frozenset({errno.ENOENT, errno.EISDIR})
_NO_SPACE = frozenset({errno.ENOSPC, errno.EDQUOT})
_DENIED = frozenset({errno.EACCES, errno.EPERM})
_ROOT = 0
_NO_GROUPS = frozenset({_ROOT, 65_534})
"""The group of root, and the one that stands for all that a user namespace does not know."""


def create(file: Path, flags: int = os.O_WRONLY, mode: int = 0o600) -> int:
    """Open a file, create it if there is none, and return its descriptor. A symbolic link is not followed.

    A file that exists keeps its owner: what is there may be a link that somebody else has put there.

    Raises:
        OSError: It cannot be opened, or exists and `flags` contains O_EXCL.
    """
    while True:
        try:
            opened = os.open(file, flags | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode)
        except FileExistsError:
            if flags & os.O_EXCL:
                raise
        else:
            give_to_owner_of(file.parent, opened)
            return opened
        try:
            return os.open(file, flags | os.O_NOFOLLOW)
        except FileNotFoundError:
            continue  # another process has just deleted it


def replace(file: Path, content: bytes) -> None:
    """Replace a file in one step, or create it. Raises OSError."""
    fresh = file.with_name(f"{file.name}.new")
    with os.fdopen(create(fresh, os.O_WRONLY | os.O_TRUNC), "wb") as out:
        out.write(content)
    fresh.replace(file)


def make_folder(folder: Path, mode: int = 0o700) -> None:
    """Create a folder and its missing parents. Raises OSError."""
    for missing in reversed([one for one in (folder, *folder.parents) if not one.exists()]):
        try:
            missing.mkdir(mode)
        except FileExistsError:
            continue
        opened = os.open(missing, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        try:
            give_to_owner_of(missing.parent, opened)
        finally:
            os.close(opened)


def give_to_owner_of(like: Path, opened: int) -> None:
    """Give an open file or folder that root has created to the owner of another one."""
    if os.geteuid() == _ROOT:
        owner = like.stat()
        os.fchown(opened, owner.st_uid, owner.st_gid)


def explain(error: OSError, file: Path) -> str:
    """Return what is wrong with a file or folder, its cause and the remedy, as the end of a message.

    Args:
        file: What was used, if the error names no file.
    """
    named = Path(os.fsdecode(error.filename)) if isinstance(error.filename, str | bytes) else file
    if error.errno in _NO_SPACE:
        return f"{named}: {_reason(error)}; free some space"
    if error.errno in _DENIED:
        return explain_denied(named)
    if error.errno in _WRONG_NAME:
        return f"{named}: {_reason(error)}; check its name"
    return f"{named}: {_reason(error)}; check the disk and the folder"


def explain_denied(file: Path) -> str:
    """Return whose file or folder denies this process the use of `file`, and the remedy."""
    culprit = _culprit(file)
    found = culprit.stat()
    me, owner = user_name(os.geteuid()), user_name(found.st_uid)
    belongs = f"{culprit}: permission denied; it belongs to {owner} (mode {stat.S_IMODE(found.st_mode):o})"
    if found.st_uid == os.geteuid():
        return f"{belongs}: run `chmod u+rw{'x' if culprit.is_dir() else ''} {culprit}`, or check the service's sandbox"
    if found.st_uid == _ROOT and found.st_gid not in _NO_GROUPS and found.st_mode & stat.S_IRGRP:
        group = _group_name(found.st_gid)
        return f"{belongs} and its group {group} may read it: run `usermod --append --groups {group} {me}` as root"
    if found.st_uid == _ROOT:
        return f"{belongs} and digestd runs as {me}: run `chown {me} {culprit}` as root"
    return f"{belongs} and you are {me}: run `runuser -u {owner} -- digestd …` as root"


def foreign(files: Iterable[Path], owner: int) -> Iterator[str]:
    """Yield whose the files are that do not belong to a user. Those that are gone or hidden are left out."""
    for file in files:
        try:
            found = file.lstat()
        except OSError:
            continue
        if found.st_uid != owner:
            yield f"{file} belongs to {user_name(found.st_uid)} (mode {stat.S_IMODE(found.st_mode):o})"


def become_owner(folder: Path | None, elsewhere: Mapping[str, str]) -> None:
    """Run this command again as the owner of a folder if root runs it and the folder is not root's.

    What root can read says nothing about what the service can. Of a folder that does not exist yet, the next above it
    counts; a relative one is no service's.

    Args:
        elsewhere: environment variables to set if that user cannot enter the current folder, and must leave it.

    Raises:
        DigestdError: that user cannot run this Python.
    """
    if folder is None or not folder.is_absolute() or os.geteuid() != _ROOT:
        return
    place = next(one for one in (folder, *folder.parents) if one.is_dir())
    if (owner := place.stat()).st_uid == _ROOT:
        return
    name = user_name(owner.st_uid)
    with contextlib.suppress(KeyError):
        os.environ["HOME"] = pwd.getpwuid(owner.st_uid).pw_dir
    os.setgroups(os.getgrouplist(name, owner.st_gid) if name != str(owner.st_uid) else [])
    os.setgid(owner.st_gid)
    os.setuid(owner.st_uid)
    script = str(Path(sys.argv[0]).absolute())
    if not os.access(Path.cwd(), os.X_OK):
        os.environ.update(elsewhere)
        os.chdir(place)
    words = [script if word == sys.argv[0] else word for word in sys.orig_argv[1:]]
    try:
        os.execv(sys.executable, [sys.executable, *words])  # noqa: S606  # this program itself
    except OSError as error:
        raise DigestdError(
            f"{name}, whom the data belongs to, cannot run {sys.executable}: {_reason(error)}; "
            "run `deploy/install` again, which takes another Python"
        ) from error


def is_shared(folder: Path) -> bool:
    """Return True if a folder is root's, and one group may read it, as /etc/digestd for the service."""
    found = folder.stat()
    return found.st_uid == _ROOT and found.st_mode & 0o077 == 0o050


def is_missing(file: Path) -> bool:
    """Return True if there is no such file, as far as this process may see."""
    try:
        return not file.exists()
    except PermissionError:
        return False


def is_usable(file: Path) -> bool:
    """Return True if this process may read and write a file or folder."""
    is_folder = os.path.isdir(file)  # noqa: PTH112  # False, not an error, where it may not be seen
    return os.access(file, os.R_OK | os.W_OK | (os.X_OK if is_folder else 0), effective_ids=True)


def user_name(uid: int) -> str:
    """Return the name of a user, or the number if it has none."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _group_name(gid: int) -> str:
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)


def _culprit(file: Path) -> Path:
    """Return the first of the parents that may not be searched, else the file if it exists, else its folder."""
    for parent in reversed(file.absolute().parents):
        if not os.access(parent, os.X_OK, effective_ids=True):
            return parent
    return file if file.exists() and not is_usable(file) else file.absolute().parent


def _reason(error: OSError) -> str:
    reason = error.strerror or str(error)
    return f"{reason[:1].lower()}{reason[1:]}"
