"""Test `digestd template`: copies of templates, and the check whether they are up to date."""

import json
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from digestd import app as wiring
from digestd import resources
from digestd.cli import app
from digestd.cli.service import with_logging
from digestd.mail.templates import Templates
from digestd.resources import OverrideState
from tests.support.install import install

LEAD = "email/digest.lead.txt.j2"
Command = Callable[..., Result]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return the operator's folder, which does not exist yet."""
    return tmp_path / "own"


@pytest.fixture
def digestd(
    tmp_path: Path, folder: Path, sqlite_url: str, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Command]:
    """Run a command on an installation with that folder."""
    installed = install(tmp_path, sqlite_url, now)
    for name, value in installed.environment(DIGESTD_TEMPLATES_DIR=str(folder)).items():
        monkeypatch.setenv(name, value)
    yield lambda *words: CliRunner().invoke(app, [*words])
    installed.db.close()


@pytest.mark.parametrize("name", [LEAD, "email/style.css", "locale/de.po"])
def test_copied_template_is_current_and_valid(digestd: Command, folder: Path, name: str) -> None:
    assert digestd("template", "copy", name).exit_code == 0
    assert resources.overrides([folder]) == {name: OverrideState.CURRENT}
    Templates.of(resources.templates([folder])).check()


def test_copied_template_renders_the_same(digestd: Command, folder: Path) -> None:
    digestd("template", "copy", "email/confirm.subject.txt.j2")
    built_in, own = (Templates.of(resources.templates(folders)) for folders in ([], [folder]))
    texts = [one.environment("en").get_template("email/confirm.subject.txt.j2") for one in (built_in, own)]
    first, second = (text.render(notice={"list_name": "Lakes"}) for text in texts)
    assert first.strip() == second.strip()


def test_copy_is_outdated_when_built_in_changes(digestd: Command, folder: Path) -> None:
    digestd("template", "copy", LEAD)
    copy = folder / LEAD
    mark = copy.read_text(encoding="utf-8").partition("digestd-template:")[2][:16]
    copy.write_text(copy.read_text(encoding="utf-8").replace(mark, "0" * 16), encoding="utf-8")
    (folder / "email" / "digset.txt.j2").write_text("Typo", encoding="utf-8")
    shown = json.loads(digestd("template", "list", "--own", "--json").stdout)
    assert {row["template"]: row["state"] for row in shown} == {LEAD: "outdated", "email/digset.txt.j2": "unknown"}
    warnings = digestd("config", "check").stderr
    assert f"warning: template {LEAD} was copied from an earlier version" in warnings
    assert "warning: template email/digset.txt.j2 replaces nothing" in warnings


def test_diff_shows_changes(digestd: Command, folder: Path) -> None:
    digestd("template", "copy", LEAD)
    with (folder / LEAD).open("a", encoding="utf-8") as file:
        file.write("A line of ours.")
    assert "+A line of ours." in digestd("template", "diff", LEAD).stdout


def test_copy_names_similar_template(digestd: Command) -> None:
    assert f"did you mean {LEAD!r}?" in str(digestd("template", "copy", "email/digest.led.txt.j2").exception)


def test_copy_never_overwrites(digestd: Command, folder: Path) -> None:
    digestd("template", "copy", LEAD)
    (folder / LEAD).write_text("Ours", encoding="utf-8")
    assert "exists" in str(digestd("template", "copy", LEAD).exception)
    assert (folder / LEAD).read_text(encoding="utf-8") == "Ours"


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        (LEAD, b"{% if paper %}\nNew {{ paper }", "template email/digest.lead.txt.j2, line 2: "),
        ("web/home.html.j2", b"{% block body %}\n{% endblok %}", "template web/home.html.j2, line 2: "),
        (
            "email/style.css",
            b"a {}\nb { color: r\xf6t }",
            "style.css, line 2: is not UTF-8; ",
        ),
    ],
)
def test_error_in_a_template_stops_only_what_renders(
    digestd: Command, folder: Path, name: str, content: bytes, says: str
) -> None:
    (folder / name).parent.mkdir(parents=True)
    (folder / name).write_bytes(content)
    refused = str(digestd("config", "check").exception)
    assert says in refused
    assert "remove it" in refused
    for words in (
        "init",
        "subscriber add ada@example.org --topic lakes",
        "subscriber add bo@example.org --confirm",
        "subscriber edit ada@example.org --hour 9",
        "subscriber show ada@example.org",
        "status",
        "backup b.backup",
    ):
        done = digestd(*words.replace("b.backup", str(folder / "b.backup")).split())
        assert done.exit_code == 0, (words, done.output, done.exception)


def test_service_starts_with_an_error_in_a_template(
    digestd: Command, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The mails that it concerns are held; everybody else gets theirs, also after an upgrade."""
    (folder / LEAD).parent.mkdir(parents=True)
    (folder / LEAD).write_text("{{ paper }")
    assert digestd("init").exit_code == 0
    with_logging(wiring.build())
    assert f"template {LEAD}, line 1: unexpected '}}'; correct your copy" in capsys.readouterr().err
