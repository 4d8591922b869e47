"""Test gists by a language model, with a server that speaks its protocol."""

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from email import message_from_string
from pathlib import Path

import pytest

from digestd.domain.gist import GistKind
from digestd.domain.paper import Paper, PaperId
from digestd.gists.generation import Refused, read_gist, read_translation
from digestd.papers.gist_writing import GistWriter, WrittenReport, write_gists
from digestd.papers.language_model import LanguageModel, ModelUnavailable
from digestd.store import papers
from tests.gists.model_server import HONEST
from tests.support.install import Install, install

TITLE = "Lanterns under water"
ABSTRACT = (
    "How long a lantern glows under water is unknown. We weigh 12 lanterns in tidal pools and watch them for 1,500 "
    "hours. The glow lasts longer in cold pools than in warm ones by far, and the paper gives a table of all. "
) * 4
DAY = timedelta(days=1)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """Start the server; return its URL and the file with the requests."""
    log = tmp_path_factory.mktemp("model") / "requests.jsonl"
    command = [sys.executable, "-m", "tests.gists.model_server", str(log)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield f"http://127.0.0.1:{process.stdout.readline().strip()}/v1", log
        process.terminate()


@pytest.fixture(params=["sqlite_url", "postgres_url"])
def installed(request: pytest.FixtureRequest, tmp_path: Path, now: datetime) -> Iterator[Install]:
    """Return an installation with one new paper."""
    installed = install(tmp_path, str(request.getfixturevalue(request.param)), now)
    installed.papers([record("a")])
    yield installed
    installed.db.close()


def record(name: str, **said: object) -> dict[str, object]:
    return {"id": f"shelf:{name}", "title": TITLE, "abstract": f"{ABSTRACT}{name}", **said}


def stored(installed: Install, name: str = "a") -> Paper:
    with installed.db.read() as session:
        found = papers.find(session, PaperId(f"shelf:{name}"))
    assert found is not None
    return found


def written(installed: Install, url: str, model: str, **limits: object) -> WrittenReport:
    writer = replace(GistWriter(LanguageModel(url, model, seconds=1.0), per_day=9), **limits)  # type: ignore[arg-type]  # fields of it
    return write_gists(installed.db, writer, installed.clock)


def test_gist_is_written_as_another_revision(installed: Install, server: tuple[str, Path]) -> None:
    before = stored(installed)
    assert written(installed, server[0], "honest") == WrittenReport(1, 0)
    after = stored(installed)
    assert after.gist is not None
    assert (after.gist.text, after.gist.kind) == (HONEST, GistKind.GENERATED)
    assert after.words == before.words
    with installed.db.read() as session:
        old = papers.revisions(session, [before.revision])[before.revision]
    assert old.gist == before.gist, "a digest that was planned before shows what it was planned with"
    assert written(installed, server[0], "honest") == WrittenReport(0, 0), "once per paper"


@pytest.mark.parametrize("model", ["inventive", "linking", "chatty", "elsewhere", "silent"])
def test_gist_that_leaves_abstract_is_dropped(installed: Install, server: tuple[str, Path], model: str) -> None:
    before = stored(installed)
    assert written(installed, server[0], model) == WrittenReport(0, 1)
    assert stored(installed) == before
    assert written(installed, server[0], "honest") == WrittenReport(0, 0), "the model is not asked again"


@pytest.mark.parametrize("model", ["broken", "page", "moved"])
def test_gist_waits_while_endpoint_fails(installed: Install, server: tuple[str, Path], model: str) -> None:
    with pytest.raises(ModelUnavailable, match="DIGESTD_LLM_URL"):
        written(installed, server[0], model)
    assert written(installed, server[0], "honest").written == 1


def test_gist_waits_while_nobody_listens(installed: Install) -> None:
    with pytest.raises(ModelUnavailable, match="cannot reach"):
        written(installed, "http://127.0.0.1:9/v1", "honest")


def test_gist_that_takes_too_long_is_given_up(installed: Install, server: tuple[str, Path]) -> None:
    assert written(installed, server[0], "slow") == WrittenReport(0, 1)


def test_gists_are_limited_per_day(installed: Install, server: tuple[str, Path]) -> None:
    installed.papers([record("b"), record("c")])
    assert written(installed, server[0], "honest", per_day=2).written == 2
    assert written(installed, server[0], "honest", per_day=2).written == 0
    installed.clock.go(DAY + timedelta(seconds=1))
    assert written(installed, server[0], "honest", per_day=2).written == 1


def test_gist_of_old_paper_is_left(installed: Install, server: tuple[str, Path]) -> None:
    installed.clock.go(3 * DAY)
    assert written(installed, server[0], "honest") == WrittenReport(0, 0)


def test_gist_survives_revision_with_same_text(installed: Install, server: tuple[str, Path]) -> None:
    written(installed, server[0], "honest")
    requests = server[1].read_text(encoding="utf-8").count("\n")
    installed.papers([record("a", links={"code": "https://example.org/code"})])
    assert written(installed, server[0], "honest") == WrittenReport(1, 0)
    assert server[1].read_text(encoding="utf-8").count("\n") == requests, "the model is not asked again"
    found = stored(installed)
    assert found.links == {"code": "https://example.org/code"}
    assert found.gist is not None
    assert found.gist.text == HONEST


def test_source_summary_is_kept_and_translated(installed: Install, server: tuple[str, Path]) -> None:
    summary = "Lanterns are weighed in pools, which had never been done, and the glow of all of them lasts."
    installed.papers([record("s", summary=summary)])
    report = written(installed, server[0], "honest", languages=["de"])
    assert report == WrittenReport(2, 0)
    found = stored(installed, "s")
    assert found.gist is not None
    assert found.gist.kind is GistKind.SOURCE
    assert found.translations["de"].text.startswith("Übersetzt: Lanterns are weighed")
    assert stored(installed, "a").translations["de"].text == f"Übersetzt: {HONEST}"


def test_model_sees_papers_only(installed: Install, server: tuple[str, Path]) -> None:
    installed.people([{"email": "ada@example.net", "name": "Ada", "topics": ["secret wish"], "language": "de"}])
    written(installed, server[0], "honest", languages=["de"])
    sent = server[1].read_text(encoding="utf-8")
    assert TITLE in sent
    for private in ("ada@example.net", "Ada", "secret wish"):
        assert private not in sent


def test_request_has_key_and_limits(installed: Install, server: tuple[str, Path]) -> None:
    LanguageModel(server[0], "honest", "key of the operator").ask([{"role": "user", "content": "Abstract:"}])
    last = json.loads(server[1].read_text(encoding="utf-8").splitlines()[-1])
    assert (last["path"], last["key"]) == ("/v1/chat/completions", "Bearer key of the operator")
    assert last["max_tokens"] <= 400


@pytest.mark.parametrize(
    ("text", "is_kept"),
    [("watch them for 1500 hours", True), ("watch them for 1.500 hours", True), ("watch them for 150 hours", False)],
)
def test_numbers_are_compared_without_separators(text: str, *, is_kept: bool) -> None:
    answer = f"We weigh lanterns in tidal pools and {text} in cold water, under table."
    if is_kept:
        assert text in read_gist(answer, TITLE, ABSTRACT).text
    else:
        with pytest.raises(Refused, match="number"):
            read_gist(answer, TITLE, ABSTRACT)


@pytest.mark.parametrize("answer", ["", "It lasts 3 hours.", "Es dauert 4 Stunden.", "Lang " * 40, "<b>Es</b> 3"])
def test_translation_keeps_numbers_and_form(answer: str) -> None:
    with pytest.raises(Refused):
        read_translation(answer, "It lasts 3 hours.")
    assert read_translation("Es dauert 3 Stunden.", "It lasts 3 hours.").kind is GistKind.TRANSLATED


async def test_mail_has_gist_in_language_of_reader(installed: Install, server: tuple[str, Path]) -> None:
    installed.people(
        [{"email": f"{one}@example.net", "topics": ["lanterns"], "language": one} for one in ("de-AT", "en", "fr")]
    )
    written(installed, server[0], "honest", languages=["de"])
    installed.plan()
    await installed.deliver()
    mails = [file.read_text(encoding="utf-8") for file in (installed.folder / "outbox" / "new").iterdir()]
    translated = {message_from_string(mail)["To"]: "=C3=9Cbersetzt" in mail for mail in mails}
    assert translated == {"de-AT@example.net": True, "en@example.net": False, "fr@example.net": False}
