"""The command line as a whole: every command can be called, and failing is one clear line."""

import inspect
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import typer

from digestd import __version__, cli
from digestd.cli import main
from digestd.errors import DatabaseUnreachable

Fails = Callable[[BaseException], tuple[object, str]]


def commands(app: typer.Typer, path: str = "digestd") -> Iterator[tuple[str, typer.models.CommandInfo]]:
    for command in app.registered_commands:
        name = command.name or getattr(command.callback, "__name__", "")
        yield f"{path} {name}", command
    for group in app.registered_groups:
        assert group.typer_instance is not None
        yield from commands(group.typer_instance, f"{path} {group.typer_instance.info.name}")


def test_no_command_is_a_coroutine_function() -> None:
    """Typer would exit 0 and do nothing."""
    found = dict(commands(cli.app))
    assert len(found) > 20
    assert not [name for name, command in found.items() if inspect.iscoroutinefunction(command.callback)]


def test_every_command_says_what_it_does() -> None:
    unsaid = [name for name, command in commands(cli.app) if not inspect.getdoc(command.callback)]
    assert unsaid == []


@pytest.fixture
def fails_with(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Fails:
    def run(error: BaseException) -> tuple[object, str]:
        def raising() -> None:
            raise error

        monkeypatch.setattr(cli, "app", raising)
        with pytest.raises(SystemExit) as ended:
            main()
        return ended.value.code, capsys.readouterr().err

    return run


def test_an_error_that_passes_says_so(fails_with: Fails) -> None:
    assert fails_with(DatabaseUnreachable("the database is away")) == (
        1, "digestd: the database is away; the same command may work later\n",
    )  # fmt: skip


def test_the_unforeseen_is_one_line_unless_debugging(fails_with: Fails, monkeypatch: pytest.MonkeyPatch) -> None:
    code, said = fails_with(ZeroDivisionError("secret"))
    assert (code, said.count("\n")) == (1, 1)
    assert "secret" not in said
    monkeypatch.setenv("DIGESTD_DEBUG", "1")
    assert "Traceback" in fails_with(ZeroDivisionError("secret"))[1]


def test_an_interrupt_is_quiet(fails_with: Fails) -> None:
    assert fails_with(KeyboardInterrupt()) == (130, "")


def process(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """`digestd` in a process and a folder of its own."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("DIGESTD_")}
    return subprocess.run(
        [sys.executable, "-m", "digestd", *words],
        cwd=folder, env=clean | {"PYTHONPATH": str(Path(cli.__file__).parents[2])},
        capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_without_init_the_remedy_is_named(tmp_path: Path) -> None:
    ended = process(tmp_path, "subscriber", "list")
    assert (ended.returncode, ended.stdout) == (2, "")
    assert "digestd init" in ended.stderr
    assert ended.stderr.count("\n") == 1


def test_an_option_that_does_not_exist_is_wrong_use(tmp_path: Path) -> None:
    ended = process(tmp_path, "subscriber", "add", "a@example.org", "--hours", "3")
    assert (ended.returncode, ended.stdout) == (2, "")
    assert "--hours" in ended.stderr


def test_the_version_is_said(tmp_path: Path) -> None:
    ended = process(tmp_path, "--version")
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, f"digestd {__version__}\n", "")
