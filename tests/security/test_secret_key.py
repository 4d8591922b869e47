"""The secret key: created once, rotated without losing what old keys signed."""

import json
import os
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from digestd.cli import app
from digestd.errors import BadSetting
from digestd.security.addresses import address_key
from digestd.security.keys import GRACE, RetiredSecret
from digestd.security.secret_key import create_secret, put_secrets_back, read_keys, rotate, secret_files
from digestd.security.tokens import OutdatedToken, Purpose, make_token, read_token
from tests.conftest import NOW
from tests.digests.topic_papers import reader
from tests.support.install import install

DAY = timedelta(days=1)
SERVICE = 12_345
"""The group of the service."""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    made = tmp_path / "secret.key"
    create_secret(made)
    return made


def test_rotate_replaces_the_secret_and_keeps_old_ones(file: Path) -> None:
    first = read_keys(file)
    links = [make_token(first, Purpose.UNSUBSCRIBE, 1, NOW)]
    for times in range(1, 4):
        keys = rotate(file, NOW + times * DAY)
        assert [one.at for one in keys.retired] == [NOW + n * DAY for n in range(times, 0, -1)]
        assert len({*keys.secrets}) == times + 1
        links.append(make_token(keys, Purpose.UNSUBSCRIBE, 1, NOW))
    assert len({*links}) == 4
    assert [read_token(read_keys(file), Purpose.UNSUBSCRIBE, link, NOW + 999 * DAY).number for link in links] == [1] * 4
    assert address_key(read_keys(file), "ada@example.org") == address_key(first, "ada@example.org")
    assert [one.stat().st_mode & 0o077 for one in (file, *file.with_name("secret.key.retired").iterdir())] == [0] * 4


def test_rotate_keeps_other_links_for_the_grace_period(file: Path) -> None:
    first = read_keys(file)
    before, stolen = (make_token(first, Purpose.PREFERENCES, 1, at) for at in (NOW, NOW + DAY))
    rotate(file, NOW + DAY)
    assert read_token(read_keys(file), Purpose.PREFERENCES, before, NOW + DAY).number == 1
    for link, now in ((stolen, NOW + DAY), (before, NOW + DAY + GRACE)):
        with pytest.raises(OutdatedToken):
            read_token(read_keys(file), Purpose.PREFERENCES, link, now)


def test_rotate_with_revoke_ends_the_grace_of_all(file: Path) -> None:
    made = [make_token(read_keys(file), purpose, 1, NOW) for purpose in (Purpose.PREFERENCES, Purpose.UNSUBSCRIBE)]
    rotate(file, NOW + DAY)
    assert read_token(read_keys(file), Purpose.PREFERENCES, made[0], NOW + DAY)
    keys = rotate(file, NOW + 2 * DAY, revoke=True)
    assert [one.revoked for one in keys.retired] == [True, True]
    with pytest.raises(OutdatedToken):
        read_token(read_keys(file), Purpose.PREFERENCES, made[0], NOW + 2 * DAY)
    assert read_token(read_keys(file), Purpose.UNSUBSCRIBE, made[1], NOW + 2 * DAY).number == 1
    assert [one.revoked for one in rotate(file, NOW + 3 * DAY).retired] == [False, True, True]


def test_rotate_can_be_repeated_if_it_was_cut_short(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = read_keys(file).secret
    monkeypatch.setattr("digestd.security.secret_key._new_secret", lambda: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        rotate(file, NOW)
    assert read_keys(file).secret == first
    monkeypatch.undo()
    keys = rotate(file, NOW + DAY)
    assert keys.retired == (RetiredSecret(first, NOW + DAY),)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"a raw secret of thirty-two bytes",
        b"[]",
        b'{"key": "c2hvcnQ=", "retired": "2026-11-24", "revoked": false}',
    ],
)
def test_read_reports_an_unreadable_retired_secret(file: Path, content: bytes) -> None:
    rotate(file, NOW)
    (file.with_name("secret.key.retired") / "0001").write_bytes(content)
    with pytest.raises(BadSetting, match=r"retired/0001 is not a retired key"):
        read_keys(file)


def test_read_finds_retired_secrets_in_systemd_credentials(file: Path) -> None:
    rotate(file, NOW)
    keys = rotate(file, NOW + DAY, revoke=True)
    folder = file.with_name("secret.key.retired")
    for one in folder.iterdir():
        one.rename(file.with_name(f"secret.key.retired_{one.name}"))
    folder.rmdir()
    assert read_keys(file) == keys


def test_read_reports_a_missing_retired_secret(file: Path) -> None:
    rotate(file, NOW)
    rotate(file, NOW)
    (file.with_name("secret.key.retired") / "0001").unlink()
    with pytest.raises(BadSetting, match=r"retired/0001 is missing"):
        read_keys(file)


def test_rotate_keeps_a_secret_it_cannot_replace(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = file.read_bytes()

    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("digestd.security.secret_key.os.fsync", full)
    with pytest.raises(BadSetting, match="no space left on device; free some space"):
        rotate(file, NOW)
    assert file.read_bytes() == before


def test_rotate_command_replaces_the_secret(
    tmp_path: Path, sqlite_url: str, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = install(tmp_path, sqlite_url, now)
    made.people([reader()])
    made.db.close()
    for name, value in made.environment().items():
        monkeypatch.setenv(name, value)
    run = CliRunner()
    done = run.invoke(app, ["config", "rotate-secret"])
    assert done.exit_code == 0
    assert "30 more days" in done.output
    done = run.invoke(app, ["config", "rotate-secret", "--revoke-now"])
    assert done.exit_code == 0
    assert "earlier links no longer work" in done.output
    assert all(one.revoked for one in read_keys(next(tmp_path.rglob("secret.key"))).retired)
    assert run.invoke(app, ["config", "check"]).exit_code == 0, "people are known by the first secret still"
    folder = next(tmp_path.rglob("*.retired"))
    foreign = json.loads((folder / "0002").read_bytes())
    (folder / "0001").write_text(json.dumps(foreign))
    refused = run.invoke(app, ["config", "check"])
    assert isinstance(refused.exception, BadSetting)
    assert "not the secret key that the database was created with" in str(refused.exception)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root shares a folder with the user of the service")
def test_secrets_put_back_are_shared_as_their_folder(tmp_path: Path) -> None:
    """As in /etc/digestd on a new machine: the service must be able to read them, and nobody else."""
    file, shared = tmp_path / "secret.key", tmp_path / "etc"
    create_secret(file)
    rotate(file, NOW)
    shared.mkdir()
    os.chown(shared, 0, SERVICE)
    shared.chmod(0o2750)
    put_secrets_back(shared / "secret.key", secret_files(file))
    found = [one.stat() for one in (shared / "secret.key", *shared.glob("*.retired"), *shared.glob("*.retired/*"))]
    assert [(one.st_uid, one.st_gid, one.st_mode & 0o777) for one in found] == [
        (0, SERVICE, 0o640),
        (0, SERVICE, 0o750),
        (0, SERVICE, 0o640),
    ]
