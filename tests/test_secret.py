"""The secret: made once, rotated without losing what the old ones made."""

from datetime import datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from digestd.cli import app
from digestd.errors import BadSetting
from digestd.links import Purpose, address_key, read, token
from digestd.secret import make_secret, read_keys, rotate
from tests.parts.install import install
from tests.plan.shelf import reader


@pytest.fixture
def file(tmp_path: Path) -> Path:
    made = tmp_path / "secret.key"
    make_secret(made)
    return made


def test_rotating_puts_a_new_secret_in_place_and_keeps_every_old_one(file: Path) -> None:
    first = read_keys(file)
    links = [token(first, Purpose.UNSUBSCRIBE, 1)]
    for times in range(1, 4):
        keys = rotate(file)
        assert len(keys.retired) == times
        assert keys.secret not in keys.retired
        links.append(token(keys, Purpose.UNSUBSCRIBE, 1))
    assert len({*links}) == 4
    assert [read(read_keys(file), Purpose.UNSUBSCRIBE, link) for link in links] == [(1, 0)] * 4
    assert address_key(read_keys(file), "ada@example.org") == address_key(first, "ada@example.org")
    assert [one.stat().st_mode & 0o077 for one in (file, *file.with_name("secret.key.retired").iterdir())] == [0] * 4


def test_the_retired_are_also_found_as_systemd_hands_them_over(file: Path) -> None:
    rotate(file)
    keys = rotate(file)
    folder = file.with_name("secret.key.retired")
    for one in folder.iterdir():
        one.rename(file.with_name(f"secret.key.retired_{one.name}"))
    folder.rmdir()
    assert read_keys(file) == keys


def test_a_retired_secret_that_is_missing_is_named(file: Path) -> None:
    rotate(file)
    rotate(file)
    (file.with_name("secret.key.retired") / "0001").unlink()
    with pytest.raises(BadSetting, match=r"retired/0001 is missing"):
        read_keys(file)


def test_a_secret_that_cannot_be_replaced_stays(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = file.read_bytes()

    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("digestd.secret.os.fsync", full)
    with pytest.raises(BadSetting, match="No space left"):
        rotate(file)
    assert file.read_bytes() == before


def test_the_command_rotates_and_another_secret_is_refused(
    tmp_path: Path, sqlite_url: str, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = install(tmp_path, sqlite_url, now)
    made.people([reader()])
    made.db.close()
    for name, value in made.environment().items():
        monkeypatch.setenv(name, value)
    run = CliRunner()
    assert run.invoke(app, ["config", "rotate-secret"]).exit_code == 0
    assert run.invoke(app, ["config", "check"]).exit_code == 0, "people are known by the first secret still"
    folder = next(tmp_path.rglob("*.retired"))
    (folder / "0001").write_bytes(b"the secret of another installation")
    refused = run.invoke(app, ["config", "check"])
    assert isinstance(refused.exception, BadSetting)
    assert "not the secret that the database was made with" in str(refused.exception)
