"""A backup is whole, private, and sends nothing twice when it is put back."""

import io
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from digestd.domain.delivery import State
from digestd.errors import BadInput
from digestd.security.sealed_file import SealedReader
from tests.delivery.conftest import READERS
from tests.support.command_process import Command
from tests.support.install import Install, reopen
from tests.support.relay import Relay

KEY = bytes(range(32))
MAGIC = b"digestd sealed 1\n"


ENCRYPTED = {
    b"age-encryption.org/v1\n": "age -d",
    b"-----BEGIN AGE ENCRYPTED FILE-----\n": "age -d",
    b"-----BEGIN PGP MESSAGE-----\n": "gpg -d",
    b"\x85\x01\x0c\x03": "gpg -d",  # for a public key, as gpg writes it
    b"\x8c\x0d\x04\x09": "gpg -d",  # with a passphrase
}


def sealed(data: bytes, key: bytes = KEY) -> bytes:
    """Encrypt a backup as digestd 0.1.0 did."""
    salt = bytes(range(16))
    cipher = AESGCM(HKDF(SHA256(), 32, salt, b"digestd:sealed-file").derive(key))
    chunks = [data[begin : begin + 65_536] for begin in range(0, max(len(data), 1), 65_536)]
    nonces = [number.to_bytes(11, "big") + bytes([number == len(chunks) - 1]) for number in range(len(chunks))]
    return MAGIC + salt + b"".join(cipher.encrypt(n, chunk, None) for n, chunk in zip(nonces, chunks, strict=True))


def opened(data: bytes, key: bytes = KEY) -> bytes:
    return SealedReader(io.BytesIO(data), key).read()


@pytest.mark.parametrize("length", [0, 1, 65_535, 65_536, 65_537, 131_072, 300_000])
def test_encrypted_backup_of_first_release_is_read(length: int) -> None:
    data = os.urandom(length)
    assert opened(sealed(data)) == data


def test_encrypted_backup_is_refused_if_cut_changed_or_opened_with_another_key() -> None:
    whole = sealed(bytes(200_000))
    swapped = whole[:33] + whole[33 + 65_552 : 33 + 2 * 65_552] + whole[33 : 33 + 65_552] + whole[33 + 2 * 65_552 :]
    cut = [whole[:length] for length in (40, 33 + 65_552, 33 + 2 * 65_552, len(whole) - 1)]
    flipped = bytearray(whole)
    flipped[70_000] ^= 1
    for wrong in (*cut, swapped, bytes(flipped), whole + b"x", b"not sealed"):
        with pytest.raises(BadInput):
            opened(wrong)
    with pytest.raises(BadInput, match="key is another"):
        opened(whole, bytes(32))


@pytest.fixture
def digestd(waiting: Install) -> Callable[..., str]:
    """Return a function that runs a command on the installation and returns what it says."""

    def run(*words: object, code: int = 0) -> str:
        ended = Command(tuple(map(str, words)), waiting.environment(), waiting.folder).run()
        assert ended.code == code, ended.output
        return ended.output

    return run


async def test_backup_that_is_put_back_sends_nothing_twice(
    waiting: Install, digestd: Callable[..., str], tmp_path: Path
) -> None:
    file = tmp_path / "digestd.backup"
    async with Relay().serving() as relay:
        there = waiting.to(relay.url)
        await there.deliver(limit=3)
        digestd("backup", file)
        assert file.stat().st_mode & 0o77 == 0
        await there.deliver()
        assert there.states == {State.ACCEPTED: READERS}
        there.db.close()
        if there.db.is_sqlite:
            said = digestd("restore", file)
            assert "is now" in said
            digestd("restore", "--resume")
            again = reopen(waiting.folder, waiting.url, waiting.clock.now).to(relay.url)
            assert again.states[State.ACCEPTED] == READERS
            await again.deliver()
            assert again.sound(relay.copies)
        else:
            assert "empty one" in digestd("restore", file, code=2)


@pytest.mark.parametrize("by_first_release", [False, True])
def test_backup_moves_an_installation_whole(
    waiting: Install, digestd: Callable[..., str], tmp_path_factory: pytest.TempPathFactory, by_first_release: bool
) -> None:
    if not waiting.db.is_sqlite:
        pytest.skip("the database of another server is its operator's to make")
    folder = tmp_path_factory.mktemp("elsewhere")
    file, key = folder / "digestd.backup", folder / "backup.key"
    key.write_bytes(KEY)
    digestd("backup", "--to", f"cat > {file}", "--with-secret-key")
    plain = file.read_bytes()
    file.write_bytes(sealed(plain) if by_first_release else plain)
    waiting.db.close()
    secret = waiting.app.settings.secret_key_file.read_bytes()
    shutil.rmtree(waiting.folder)
    waiting.folder.mkdir()
    if by_first_release:
        assert "name its key" in digestd("restore", file, code=2)
        key.write_bytes(KEY[::-1])
        assert "the key is another" in digestd("restore", file, "--key-file", key, code=2)
        key.write_bytes(KEY)
    digestd("restore", file, *(("--key-file", key) if by_first_release else ()))
    assert "--yes" in digestd("restore", "--resume", code=2), "nobody knows what was sent since"
    digestd("restore", "--resume", "--yes")
    assert waiting.app.settings.secret_key_file.read_bytes() == secret
    assert waiting.app.settings.secret_key_file.stat().st_mode & 0o77 == 0
    assert reopen(waiting.folder, waiting.url, waiting.clock.now).states == {State.UNCERTAIN: READERS, State.EMPTY: 1}


def test_restore_refuses_what_is_not_whole_and_changes_nothing(
    waiting: Install, digestd: Callable[..., str], tmp_path: Path
) -> None:
    if not waiting.db.is_sqlite:
        pytest.skip("reading is the same")
    file, plain = tmp_path / "digestd.backup", tmp_path / "plain.backup"
    digestd("backup", plain)
    assert "exists" in digestd("backup", plain, code=2)
    waiting.db.close()
    before = waiting.db.file.read_bytes() if waiting.db.file else b""
    whole = plain.read_bytes()
    for wrong in (b"", b"nonsense" * 50, whole[: len(whole) // 2]):
        file.write_bytes(wrong)
        assert f"{file} is not a complete digestd backup" in digestd("restore", file, code=2)
    assert "cannot write into /proc: " in digestd("backup", "/proc/x", code=1)
    assert "cannot read" in digestd("restore", tmp_path / "nothing", code=2)
    for start, program in ENCRYPTED.items():
        file.write_bytes(start + whole)
        assert f"the backup is encrypted: decrypt it, as in `{program} " in digestd("restore", file, code=2)
    assert "empty: what should decrypt" in digestd("restore", "-", code=2)
    assert "name a file" in digestd("backup", code=2)
    assert waiting.db.file is not None
    assert waiting.db.file.read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir() if path.name.startswith(".")) == []


def test_folder_keeps_the_newest_backups(waiting: Install, digestd: Callable[..., str], tmp_path: Path) -> None:
    folder = tmp_path / "backups"
    folder.mkdir()
    for name in ("digestd-20261101T000000Z.backup", "digestd-20261102T000000Z.backup", "notes.txt"):
        (folder / name).touch()
    digestd("backup", folder, "--keep", 2)
    assert sorted(file.name for file in folder.iterdir()) == [
        "digestd-20261102T000000Z.backup",
        f"digestd-{waiting.clock.now:%Y%m%dT%H%M%SZ}.backup",
        "notes.txt",
    ]
    assert "name the folder" in digestd("backup", tmp_path / "a.backup", "--keep", 2, code=2)


def test_failed_command_is_no_backup(waiting: Install, digestd: Callable[..., str]) -> None:
    assert waiting.states
    assert "no backup" in digestd("backup", "--to", "head -c 10 >/dev/null; exit 3", code=1)


def test_restore_waits_for_no_process_that_uses_the_database(
    waiting: Install, digestd: Callable[..., str], tmp_path: Path
) -> None:
    if not waiting.db.is_sqlite:
        pytest.skip("PostgreSQL's database must be empty")
    digestd("backup", tmp_path / "plain.backup")
    with waiting.db.read():
        assert "in use" in digestd("restore", tmp_path / "plain.backup", code=2)
