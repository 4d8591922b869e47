"""`digestd subscriber saved` and `digestd paper list --search`."""

import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from bibtexparser.entrypoint import parse_string
from typer.testing import CliRunner

from digestd.cli import app
from digestd.errors import BadInput, NotFound
from tests.support.install import install

Run = Callable[..., Any]
ADA, ONE, TWO = "ada@example.net", "invented:one", "invented:two"


@pytest.fixture
def run(tmp_path: Path, database_url: str, now: datetime, monkeypatch: pytest.MonkeyPatch) -> Run:
    made = install(tmp_path, database_url, now)
    made.papers([{"id": ONE, "title": "Moss on walls"}, {"id": TWO, "title": "Moss in woods", "authors": ["Åsa Öman"]}])
    made.people([{"email": ADA}])
    for name, value in made.environment().items():
        monkeypatch.setenv(name, value)

    def invoke(*words: str) -> Any:
        done = CliRunner().invoke(app, list(words), catch_exceptions=False)
        assert done.exit_code == 0, done.output
        return json.loads(done.stdout) if "--json" in words else done.output

    return invoke


def test_saved_papers_are_tagged_searched_and_exported(run: Run, tmp_path: Path) -> None:
    for paper in (ONE, TWO):
        run("subscriber", "feedback", ADA, paper, "saved")
    row = run(
        "subscriber", "saved", "edit", ADA, ONE, "--tag", "thesis", "--tag", "#moss", "--note", "Ask Bea.", "--json"
    )
    assert (row["paper"], row["tags"], row["note"]) == (ONE, ["thesis", "moss"], "Ask Bea.")
    assert run("subscriber", "saved", "edit", ADA, ONE, "--tag", "thesis", "--json")["note"] == "Ask Bea."
    listed = ("subscriber", "saved", "list", ADA, "--json")
    assert [one["paper"] for one in run(*listed)] == [TWO, ONE]
    assert [one["paper"] for one in run(*listed, "--tag", "Thesis")] == [ONE]
    assert [one["paper"] for one in run(*listed, "--search", "oman")] == [TWO]
    assert [one["paper"] for one in run(*listed, "--search", "bea")] == [ONE]
    file = tmp_path / "thesis.bib"
    run("subscriber", "saved", "export", ADA, "--tag", "thesis", "--out", str(file))
    [entry] = parse_string(file.read_text()).entries
    assert (entry["keywords"], entry["annote"]) == ("thesis", "Ask Bea.")
    assert len(json.loads(run("subscriber", "saved", "export", ADA, "--as", "csl"))) == 2
    run("subscriber", "saved", "edit", ADA, ONE, "--tag", "", "--note", "")
    assert run(*listed, "--tag", "thesis") == []


def test_saved_list_says_where_it_ends(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("digestd.cli.saved.SAVED_MAX", 1)
    assert "only the newest" not in run("subscriber", "saved", "list", ADA)
    run("subscriber", "feedback", ADA, ONE, "saved")
    assert "only the newest 1 saved papers" in run("subscriber", "saved", "list", ADA)
    assert [one["paper"] for one in run("subscriber", "saved", "list", ADA, "--json")] == [ONE]


def test_paper_list_searches_the_archive(run: Run) -> None:
    assert [one["id"] for one in run("paper", "list", "--search", "woods moss", "--json")] == [TWO]
    assert [one["id"] for one in run("paper", "list", "--search", "ÖMAN", "--json")] == [TWO]
    assert run("paper", "list", "--search", "whales", "--json") == []
    assert run("paper", "list", "--search", "woods \udcff", "--json")[0]["id"] == TWO
    assert run("subscriber", "saved", "list", ADA, "--search", "woods \udcff", "--tag", "\udcff", "--json") == []


@pytest.mark.parametrize(
    ("words", "kind", "message"),
    [
        (("edit", ADA, ONE), BadInput, "add --tag or --note"),
        (("edit", ADA, ONE, "--tag", "x"), NotFound, "invented:one is not saved; save it first"),
        (("export", ADA, "--as", "atom"), BadInput, "--as: 'atom' is not a form"),
    ],
)
def test_saved_explains_bad_input(run: Run, words: tuple[str, ...], kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=message):
        run("subscriber", "saved", *words)
