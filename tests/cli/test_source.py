"""Test `digestd source` add, remove, list and check."""

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from digestd.cli import app, main
from digestd.errors import BadInput

Run = Callable[..., Result]
FIRST = ["arxiv-rss:cs.AI+cs.CL", "arxiv-rss:cs.CV+cs.LG+stat.ML", "hf-daily"]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Return the command line of a new installation."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DIGESTD_DATABASE_URL", f"sqlite:///{tmp_path / 'd.db'}")
    monkeypatch.setenv("DIGESTD_NOW", "2026-11-24T07:00:00Z")

    def invoke(*words: str) -> Result:
        return CliRunner().invoke(app, words)

    assert invoke("init").exit_code == 0
    return invoke


def listed(run: Run) -> list[str]:
    return [row["source"] for row in json.loads(run("source", "list", "--json").stdout)]


def test_default_sources_are_arxiv_and_hugging_face(run: Run) -> None:
    assert listed(run) == FIRST


def test_add_appends_source(run: Run) -> None:
    added = run("source", "add", "arxiv:cs.RO")
    assert (added.exit_code, "arxiv:cs.RO is fetched from the next ingest on" in added.stderr) == (0, True)
    assert run("init").exit_code == 0
    assert listed(run) == [*FIRST, "arxiv:cs.RO"]


def test_add_normalises_name(run: Run) -> None:
    run("source", "add", "arxiv:cs.RO cs.RO")
    assert listed(run)[-1] == "arxiv:cs.RO"


def test_remove_keeps_others(run: Run) -> None:
    assert run("source", "remove", "hf-daily").exit_code == 0
    assert listed(run) == FIRST[:2]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("add", "hf-daily"), "was added before"),
        (("add", "gopher:hole"), "unknown; use one of"),
        (("add", "arxiv-rss:cs.LG+cs.LK"), "arXiv has no category 'cs.LK'; did you mean cs.PL, cs.LO, cs.LG?"),
        (("remove", "arxiv:cs.RO"), "there is no source 'arxiv:cs.RO'; `digestd source list`"),
    ],
)
def test_invalid_change_is_refused_with_remedy(run: Run, words: tuple[str, ...], said: str) -> None:
    refused = run("source", *words)
    assert isinstance(refused.exception, BadInput)
    assert said in str(refused.exception)
    assert listed(run) == FIRST


def test_last_source_is_not_removed(run: Run) -> None:
    for name in FIRST[:2]:
        run("source", "remove", name)
    assert "DIGESTD_SOURCES=none" in str(run("source", "remove", "hf-daily").exception)
    assert listed(run) == ["hf-daily"]


def test_setting_overrides_list(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DIGESTD_SOURCES", "arxiv:cs.DB")
    assert listed(run) == ["arxiv:cs.DB"]
    assert "DIGESTD_SOURCES is set" in str(run("source", "add", "arxiv:cs.RO").exception)


def test_list_marks_proven_kinds(run: Run) -> None:
    rows = json.loads(run("source", "list", "--json").stdout)
    assert {row["proven"] for row in rows} == {"on recordings"}


def test_check_shows_papers_and_stores_nothing(run: Run, tmp_path: Path) -> None:
    lines = [{"title": f"Lake {n}", "abstract": "Water.", "authors": ["Z"], "id": f"2611.0000{n}"} for n in range(3)]
    (tmp_path / "p.jsonl").write_text("".join(json.dumps({**line, "published": "2026-11-23"}) + "\n" for line in lines))
    checked = run("source", "check", f"jsonl:{tmp_path / 'p.jsonl'}", "--json")
    report = json.loads(checked.stdout)
    assert (checked.exit_code, report["papers"], report["concerns"]) == (0, 3, [])
    assert report["first"][0] == "arxiv:2611.00000  Lake 0"
    assert json.loads(run("paper", "list", "--json").stdout) == []


def test_check_reports_problems_and_exits_1(run: Run, tmp_path: Path) -> None:
    (tmp_path / "p.jsonl").write_text('{"title": "Lakes", "published": "2026-01-05"}\n{"titel": "x"}\n')
    checked = run("source", "check", f"jsonl:{tmp_path / 'p.jsonl'}", "--json")
    concerns = " ".join(json.loads(checked.stdout)["concerns"])
    assert checked.exit_code == 1
    for said in ("1 of 2 records cannot be read", "have no abstract", "have no author", "2026-01-05", "neither arXiv"):
        assert said in concerns
    assert "1 of 2 records cannot be read" in checked.stderr


def test_check_of_unreadable_file_is_one_line(run: Run) -> None:
    assert "cannot read /no/such" in str(run("source", "check", "jsonl:/no/such").exception)


def test_check_of_unreachable_host_is_one_line(
    run: Run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    del run
    monkeypatch.setattr(sys, "argv", ["digestd", "source", "check", "feed:http://127.0.0.1:9/rss"])
    with pytest.raises(SystemExit) as ended:
        main()
    said = capsys.readouterr().err
    assert (ended.value.code, said.count("\n"), said.count(";")) == (1, 1, 1)
    assert said.startswith("digestd: 127.0.0.1:9: ")
    assert said.endswith("; the same command may work later\n")


@pytest.mark.parametrize(
    ("spec", "more", "name"),
    [
        ("openreview:ICLR.cc/2027/Conference", (), "ICLR 2027"),
        ("openreview:robot-learning.org/CoRL/2026/Conference", (), "CoRL 2026"),
        ("openreview:NeurIPS.cc/2026/Datasets_Track", ("--name", "NeurIPS 2026 DB"), "NeurIPS 2026 DB"),
        ("feed:https://example.org/feed/2027", ("--name", "ACL 2027"), "ACL 2027"),
    ],
)
def test_add_conference_names_it(run: Run, spec: str, more: tuple[str, ...], name: str) -> None:
    added = run("source", "add", spec, "--conference", *more)
    assert (added.exit_code, f"who follow {name} get one programme" in added.stderr) == (0, True)
    [listed] = json.loads(run("conference", "list", "--json").stdout)
    expected = {"name": name, "source": spec, "state": "collecting", "papers": 0, "newest": None, "programmes": 0}
    assert listed == expected
    refused = run("conference", "plan", name.lower())
    assert (refused.exit_code, "run `digestd ingest` first" in str(refused.exception)) == (1, True)
    assert json.loads(run("conference", "list", "--json").stdout) == [expected]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("acl-anthology:acl", "--conference", "--name", "ACL 2027"), "lists every year of the venue"),
        (("feed:https://example.org/feed", "--conference", "--name", "2027-W01"), "begins with a letter"),
        (("feed:https://example.org/feed", "--conference", "--name", "A" * 17), "at most 16 letters"),
        (("acl-anthology:acl", "--name", "ACL 2027"), "add --conference"),
        (("feed:https://example.org/feed", "--conference", "--name", "iclr 2027"), "choose another --name"),
        (("openreview:ICLR.cc/2027/Workshop/AgentAI", "--conference"), "give one by --name"),
        (("feed:https://example.org/feed/2027", "--conference"), "give one by --name"),
    ],
)
def test_add_conference_refuses_odd_names(run: Run, words: tuple[str, ...], said: str) -> None:
    run("source", "add", "openreview:ICLR.cc/2027/Conference", "--conference")
    refused = run("source", "add", *words)
    assert isinstance(refused.exception, BadInput)
    assert said in str(refused.exception)


@pytest.mark.parametrize(
    ("venue", "full"),
    [
        ("ICLR", "ICLR.cc/2027/Conference"),
        ("iclr.cc", "ICLR.cc/2027/Conference"),
        ("NeurIPS.cc/2026", "NeurIPS.cc/2026/Conference"),
        ("CoRL-2026", "robot-learning.org/CoRL/2026/Conference"),
    ],
)
def test_source_suggests_the_full_id_of_a_conference(
    run: Run, venue: str, full: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DIGESTD_NOW", "2026-11-24T07:00:00Z")
    for words in (("add",), ("check",), ("add", "--conference")):
        refused = run("source", words[0], f"openreview:{venue}", *words[1:])
        assert f"did you mean openreview:{full}?" in str(refused.exception)
    assert run("source", "add", "openreview:TMLR").exit_code == 0


def test_conference_sessions_reports_bad_lines(run: Run, tmp_path: Path) -> None:
    run("source", "add", "openreview:ICLR.cc/2027/Conference", "--conference")
    (tmp_path / "s.csv").write_text("paper,start,end,room\nLakes,2027-04-24T09:00Z,2027-04-24T10:00Z,Hall\n")
    done = run("conference", "sessions", "ICLR 2027", str(tmp_path / "s.csv"), "--json")
    [entry] = json.loads(done.stdout)["refused"]
    assert (done.exit_code, entry["line"], entry["field"]) == (1, 2, "paper")
    (tmp_path / "s.csv").write_text("paper;start;end;room\n")
    assert "with commas between them" in str(
        run("conference", "sessions", "ICLR 2027", str(tmp_path / "s.csv")).exception
    )
    (tmp_path / "s.csv").write_text('paper,start,end,room\n"Lakes,2027\nRivers,2027\n')
    assert "correct its quotes" in str(run("conference", "sessions", "ICLR 2027", str(tmp_path / "s.csv")).exception)
    unknown = run("conference", "plan", "XYZ 2027")
    assert "`digestd conference list` shows all" in str(unknown.exception)
