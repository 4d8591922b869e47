"""Test the command line in general.

Every command can be called, and errors are one line.
"""

import errno
import inspect
import os
import re
import shlex
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from typing import get_args, get_type_hints

import pytest
from pydantic import ValidationError
from typer.testing import CliRunner

from digestd import __version__, cli
from digestd.cli import main
from digestd.cli.arguments import parse_datetime
from digestd.cli.commands import COMMANDS, CommandEntry, GroupEntry, load
from digestd.cli.errors import SYNONYMS
from digestd.errors import BadInput, BadSetting, DatabaseUnreachable
from digestd.settings import Settings
from digestd.store.database import open_database

Fails = Callable[[BaseException], tuple[object, str]]


def table(
    entries: Mapping[str, CommandEntry | GroupEntry] = COMMANDS, path: str = "digestd"
) -> Iterator[tuple[str, CommandEntry]]:
    for name, entry in entries.items():
        if isinstance(entry, GroupEntry):
            yield from table(entry.commands, f"{path} {name}")
        else:
            yield f"{path} {name}", entry


def commands() -> Iterator[tuple[str, Callable[..., object]]]:
    for path, command in table():
        yield path, inspect.unwrap(load(path, command).callback)


def test_no_command_is_coroutine_function() -> None:
    """Typer would exit 0 and do nothing."""
    found = dict(commands())
    assert len(found) > 60
    assert not [name for name, command in found.items() if inspect.iscoroutinefunction(command)]


def test_summary_is_first_paragraph_of_docstring() -> None:
    found = dict(commands())
    for path, command in table():
        first = (inspect.getdoc(found[path]) or "").partition("\n\n")[0]
        assert command.summary == " ".join(first.split()), path


def test_lean_commands_do_not_log() -> None:
    """Commands marked `logs=False` never configure logging.

    Their modules must not use it.
    """
    lean = sorted({command.target.partition(":")[0] for _, command in table() if not command.logs})
    code = f"import importlib, sys; [importlib.import_module('digestd.cli.' + m) for m in {lean}]; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "digestd.cli.subscriber" in done.stdout
    assert "digestd.logs" not in done.stdout.split()


def test_help_keeps_words_and_fills_paragraphs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    for name, command in commands():
        said = CliRunner().invoke(cli.app, [*name.split()[1:], "--help"]).stdout.partition("╭")[0]
        words = inspect.getdoc(command).replace("`", "").split()  # type: ignore[union-attr]  # all have one, as tested
        assert " ".join(words) in " ".join(said.split()), name
        for line, after in pairwise(said.splitlines()):
            assert not (line.strip() and after.strip()) or len(f"{line.rstrip()} {after.split()[0]}") > 79, (name, line)


def test_numeric_options_have_limits() -> None:
    numbers = [
        (path, name, get_args(hint)[1].max or get_args(hint)[1].callback)
        for path, command in commands()
        for name, hint in get_type_hints(command, include_extras=True).items()
        if get_args(hint)[:1] in {(int,), (int | None,)}
    ]
    assert len(numbers) > 10
    assert [(path, name) for path, name, limit in numbers if limit is None] == []


@pytest.mark.parametrize("time", ["0001-01-01", "9999-12-31T23:59:59-12:00", "0001-01-01T00:00:00+14:00", "soon"])
def test_invalid_time_is_refused(time: str) -> None:
    with pytest.raises(BadInput, match=re.escape(repr(time))):
        parse_datetime(time, "--at")
    with pytest.raises(ValidationError, match=re.escape(repr(time))):
        Settings(now=time)


@pytest.fixture
def fails_with(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Fails:
    def run(error: BaseException) -> tuple[object, str]:
        def raising(**_how: object) -> None:
            raise error

        monkeypatch.setattr(cli, "app", raising)
        with pytest.raises(SystemExit) as ended:
            main()
        return ended.value.code, capsys.readouterr().err

    return run


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("ingest --foo", "no such option: --foo; see `digestd ingest --help`"),
        ("ingst", "no such command 'ingst': did you mean 'ingest', 'init'? See `digestd --help`"),
        ("subscriber nope", "no such command 'nope'; see `digestd subscriber --help`"),
        ("preview", "missing argument 'EMAIL'; see `digestd preview --help`"),
        ("coverage --days 0", "--days: must be from 1 to 366; see `digestd coverage --help`"),
        (
            "delivery resend @ --since 2026-11-24",
            "the value is empty; name one, or leave it out; see `digestd delivery resend --help`",
        ),
        (
            "delivery resend --since 2026-11-24 --domain=@",
            "--domain: the value is empty; name one, or leave it out; see `digestd delivery resend --help`",
        ),
        (
            "subscriber unsuppress --why x --since 2026-11-24 --relay=",
            "--relay: the value is empty; name one, or leave it out; see `digestd subscriber unsuppress --help`",
        ),
        (
            "subscriber unsuppress --why x --since 2026-11-24 --until=",
            "--until: the value is empty; name one, or leave it out; see `digestd subscriber unsuppress --help`",
        ),
        ("coverage --days x", "--days: must be a whole number; see `digestd coverage --help`"),
        ("coverage --days", "option '--days' requires an argument; see `digestd coverage --help`"),
        (
            "subscriber add a@example.org --full-abstracts=maybe",
            "option '--full-abstracts' does not take a value; see `digestd subscriber add",
        ),
        ("subscriber add a@example.org --topics x", "no such option: --topics: did you mean --topic or --mute-topic?"),
        ("status --jsn", "no such option: --jsn: did you mean --json? See `digestd status --help`"),
        ("--json status", "no such option: --json; options stand after the command, as in `digestd status --json`"),
        ("doctr", "no such command 'doctr': did you mean 'doctor'?"),
        ("statu", "no such command 'statu': did you mean 'status'?"),
        ("sned", "no such command 'sned': did you mean 'send'?"),
        ("help", "no such command 'help'; see `digestd --help`"),
        ("version", "no such command 'version': did you mean `digestd --version`?"),
        ("start", "no such command 'start': did you mean `digestd up`?"),
        ("migrate", "no such command 'migrate': did you mean `digestd init`?"),
        ("user add a@example.org", "no such command 'user': did you mean `digestd subscriber`?"),
        (
            "subscriber delete a@example.org",
            "no such command 'delete': did you mean `digestd subscriber unsubscribe` or ",
        ),
        ("delivery list --state nope", "--state: 'nope' is not one of 'ready', "),
    ],
)
def test_wrong_usage_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], words: str, said: str
) -> None:
    monkeypatch.setattr(sys, "argv", ["digestd", *words.split()])
    with pytest.raises(SystemExit) as ended:
        main()
    shown = capsys.readouterr()
    assert (ended.value.code, shown.out, shown.err.count("\n")) == (2, "", 1)
    assert shown.err.startswith(f"digestd: {said}")


@pytest.mark.parametrize(("words", "code"), [("", 2), ("subscriber", 2), ("--help", 0), ("plan --help", 0)])
def test_help_is_shown(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], words: str, code: int
) -> None:
    monkeypatch.setattr(sys, "argv", ["digestd", *words.split()])
    with pytest.raises(SystemExit) as ended:
        main()
    shown = capsys.readouterr()
    assert (ended.value.code or 0, shown.err) == (code, "")
    assert f"Usage: {' '.join(['digestd', *words.removesuffix('--help').split()])} " in shown.out


def test_transient_error_suggests_retry(fails_with: Fails) -> None:
    assert fails_with(DatabaseUnreachable("the database is away")) == (
        1, "digestd: the database is away; the same command may work later\n",
    )  # fmt: skip


def test_unexpected_error_is_one_line_unless_debugging(fails_with: Fails, monkeypatch: pytest.MonkeyPatch) -> None:
    code, said = fails_with(ZeroDivisionError("secret"))
    assert (code, said.count("\n")) == (1, 1)
    assert "secret" not in said
    monkeypatch.setenv("DIGESTD_DEBUG", "1")
    _, said = fails_with(ZeroDivisionError("secret"))
    assert 'File "' in said
    assert "secret" not in said


def test_system_error_is_reported_in_its_words(fails_with: Fails) -> None:
    full = OSError(errno.ENOSPC, "No space left on device")
    assert "the system says: No space left on device; DIGESTD_DEBUG=1" in fails_with(full)[1]
    lost = FileNotFoundError(errno.ENOENT, "No such file or directory", "there")
    assert "the system says: No such file or directory (there); " in fails_with(lost)[1]


def test_closed_streams_are_ignored(tmp_path: Path) -> None:
    words = shlex.join([sys.executable, "-m", "digestd", "init"])
    done = subprocess.run(
        f"{words} <&- >&- 2>&-", shell=True, cwd=tmp_path, env=_PLAIN, capture_output=True, check=False
    )
    assert done.returncode == 0
    assert (tmp_path / "var" / "digestd.db").read_bytes().startswith(b"SQLite format 3")


def test_output_is_utf8_in_any_locale(tmp_path: Path) -> None:
    code = "from digestd.cli import output, stdio; stdio.prepare_stdio(); output.emit_line('\\u2192 \\xdf')"
    plain = {**_PLAIN, "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=plain, capture_output=True, check=True)
    assert done.stdout.decode() == "→ ß\n"


_PLAIN = {name: value for name, value in os.environ.items() if not name.startswith("DIGESTD_")}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["evaluate", "--papers", "x.jsonl"], "--papers needs --judgments and vice versa"),
        (["subscriber", "feedback", "a@example.org", "2401.00001", "wow"], "'wow' is not one of 'more'"),
        (["api-token", "add", " "], "NAME: say what the token is for"),
        (["prune", "3"], "unexpected argument '3'; see `digestd prune --help`"),
        (["paper", "show", "nope"], "PAPER: 'nope' is no arXiv id, DOI or scheme:value; write one like arxiv:"),
        (["paper", "import", "{}/none"], "none: no such file or directory; check its name"),
        (["paper", "list", "--since", "noon"], "--since: invalid time 'noon'; write it like 2026-11-24T07:00:00Z"),
        (["paper", "list", "--limit", "99999999999999999999"], "--limit: is too large"),
        (["group", "add", "x", "--category", "cs.XX"], "--category: arXiv has no category 'cs.XX'"),
        (["subscriber", "add", "a@example.org", "--category", "math.ABC"], "--category: arXiv has no category"),
        (["subscriber", "import", "{}/words"], "read as CSV, because the first line is no JSON object"),
        (["db", "copy", "mysql://x"], "URL: must be an empty PostgreSQL database"),
    ],
)
def test_unusable_input_is_one_line(
    words: list[str],
    said: str,
    tmp_path: Path,
    sqlite_url: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00\x01")
    (tmp_path / "words").write_text("sort them well\n")
    (tmp_path / "secret").write_bytes(bytes(range(32)))
    monkeypatch.setenv("DIGESTD_DATABASE_URL", sqlite_url)
    monkeypatch.setenv("DIGESTD_SECRET_KEY_FILE", str(tmp_path / "secret"))
    monkeypatch.setattr(sys, "argv", ["digestd", *(word.format(tmp_path) for word in words)])
    with pytest.raises(SystemExit) as ended:
        main()
    shown = capsys.readouterr().err
    assert (ended.value.code, shown.count("\n")) == (2, 1), shown
    assert said in shown


def test_listen_error_states_reason(tmp_path: Path, sqlite_url: str) -> None:
    (tmp_path / "secret").write_bytes(bytes(range(32)))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        settings = {
            "DIGESTD_DATABASE_URL": sqlite_url,
            "DIGESTD_SECRET_KEY_FILE": str(tmp_path / "secret"),
            "DIGESTD_WEB_PORT": str(port),
        }
        command = [sys.executable, "-m", "digestd", "web"]
        done = subprocess.run(command, cwd=tmp_path, env=_PLAIN | settings, capture_output=True, text=True, check=False)
    assert (done.returncode, "digestd: cannot listen on" in done.stderr) == (1, True), done.stderr
    assert f"127.0.0.1:{port}: Address already in use; set" in done.stderr


def test_interrupt_prints_nothing(fails_with: Fails) -> None:
    assert fails_with(KeyboardInterrupt()) == (130, "")


def process(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run `digestd` as a subprocess in a folder of its own."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("DIGESTD_")}
    return subprocess.run(
        [sys.executable, "-m", "digestd", *words],
        cwd=folder, env=clean | {"PYTHONPATH": str(Path(cli.__file__).parents[2])},
        capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_missing_init_names_remedy(tmp_path: Path) -> None:
    ended = process(tmp_path, "subscriber", "list")
    assert (ended.returncode, ended.stdout) == (1, "")
    assert "digestd init" in ended.stderr
    assert ended.stderr.count("\n") == 1


def test_version_is_printed(tmp_path: Path) -> None:
    ended = process(tmp_path, "--version")
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, f"digestd {__version__}\n", "")


@pytest.mark.parametrize(
    ("setting", "value", "said"),
    [
        ("CO_LIKES", "maybe", "DIGESTD_CO_LIKES: must be true or false"),
        ("CO_LIKES", "", "DIGESTD_CO_LIKES: is empty; remove it to use the default"),
        ("WEB_PORT", "eighty", "DIGESTD_WEB_PORT: must be a whole number"),
        ("SOURCES", "https://x.example/rss", "did you mean feed:https://x.example/rss?"),
        ("SOURCES", "arxv:cs.LG", "did you mean arxiv:CATEGORIES?"),
        ("TRANSPORT_URL", "smtp.example.org", "has no scheme; write smtp+starttls://"),
    ],
)
def test_wrong_setting_is_named_with_remedy(
    setting: str, value: str, said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(f"DIGESTD_{setting}", value)
    monkeypatch.setattr(sys, "argv", ["digestd", "plan"])
    with pytest.raises(SystemExit) as ended:
        main()
    shown = capsys.readouterr().err
    assert (ended.value.code, shown.count("\n")) == (2, 1)
    assert f"DIGESTD_{setting}: " in shown
    assert said in shown


def test_database_file_without_scheme_is_recognised() -> None:
    with pytest.raises(BadSetting, match=re.escape("did you mean sqlite:///var/x.db?")):
        open_database("var/x.db")


def test_short_help_option_works_everywhere() -> None:
    for name, _ in table():
        assert CliRunner().invoke(cli.app, [*name.split()[1:], "-h"]).exit_code == 0, name


def test_synonyms_name_existing_commands() -> None:
    known = {path for path, _ in table()} | {f"digestd {name}" for name in COMMANDS}
    for group, words in SYNONYMS.items():
        taken = COMMANDS if group == "digestd" else COMMANDS[group.split()[1]].commands  # type: ignore[union-attr]  # a group
        assert not {name for names in words.values() for name in names.split()} & taken.keys()
        for meant in words:
            for command in meant.split("` or `"):
                assert command in known or command.startswith(("systemctl ", "journalctl ", "digestd --")), command
