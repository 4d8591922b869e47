"""Test `digestd evaluate` from files to figures, without settings or a database."""

import gzip
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from digestd import cli
from digestd.errors import BadInput
from digestd.evaluation.judgments import read_judgments, read_papers
from tests.ranking.library import papers

Record = dict[str, object]
Write = Callable[[str, Sequence[Record]], Path]
PAPERS: list[Record] = [
    {"id": p.id, "title": p.plain_title, "abstract": p.plain_abstract, "authors": list(p.words.authors), "x_unknown": 1}
    for p in papers()
]
BEES: Record = {"user": "mia", "topics": ["honeybee foragers"], "relevant": ["made:4", "made:6"]}
ICE: Record = {"user": "jo", "likes": ["made:0"], "dislikes": ["made:9"], "relevant": {"made:3": 2, "made:1": 1}}


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def file(name: str, records: Sequence[Record]) -> Path:
        data = "".join(json.dumps(record) + "\n" for record in records).encode()
        path = tmp_path / name
        path.write_bytes(gzip.compress(data, mtime=0) if name.endswith(".gz") else data)
        return path

    return file


@pytest.fixture(autouse=True)
def _nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def run(*words: object) -> dict[str, Any]:
    done = CliRunner().invoke(cli.app, ["evaluate", *map(str, words), "--json"])
    assert done.exit_code == 0, done.output
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_evaluate_prints_measures_with_intervals(write: Write) -> None:
    found = run("--papers", write("p.jsonl", PAPERS), "--judgments", write("j.jsonl.gz", [BEES, ICE]))
    assert list(found) == ["ndcg@10", "recall@20", "mrr", "ece", "users"]
    assert set(found["ndcg@10"]) == {"value", "low", "high"}
    assert found["ndcg@10"]["value"] > 0.6
    assert found["users"] == 2


def test_evaluate_prints_table_without_json(write: Write) -> None:
    files = ["--papers", str(write("p.jsonl", PAPERS)), "--judgments", str(write("j.jsonl", [BEES]))]
    done = CliRunner().invoke(cli.app, ["evaluate", *files])
    first = [line.split("\t")[0] for line in done.stdout.splitlines()]
    assert first == ["measure", "ndcg@10", "recall@20", "mrr", "ece"]


def test_scores_cover_candidates_without_likes(write: Write, tmp_path: Path) -> None:
    some: Record = {**BEES, "candidates": ["made:4", "made:12"]}
    given = ("--papers", write("p.jsonl", PAPERS), "--judgments", write("j.jsonl", [ICE, some]))
    run(*given, "--scores", tmp_path / "s.jsonl")
    rows = [json.loads(line) for line in (tmp_path / "s.jsonl").read_text().splitlines()]
    assert {(row["user"], row["n"]) for row in rows} == {("jo", 0), ("mia", 1)}
    assert {row["id"] for row in rows if row["n"] == 0} == {p["id"] for p in PAPERS} - {"made:0", "made:9"}
    scores = {row["id"]: row["score"] for row in rows if row["n"] == 1}
    assert scores["made:4"] > scores["made:12"]


def test_evaluate_fits_text_model_on_archive(write: Write) -> None:
    files = ("--papers", write("p.jsonl", PAPERS), "--judgments", write("j.jsonl", [BEES]))
    assert run(*files, "--archive", write("a.jsonl.gz", PAPERS[:8]))["users"] == 1


def test_muted_papers_rank_last(write: Write, tmp_path: Path) -> None:
    muted: Record = {"user": "mia", "topics": ["glacier"], "dislikes": ["made:0"], "relevant": ["made:1"]}
    files = ("--papers", write("p.jsonl", PAPERS), "--judgments", write("j.jsonl", [muted]))
    run(*files, "--scores", tmp_path / "s.jsonl")
    assert "made:0" not in (tmp_path / "s.jsonl").read_text()


def test_judgments_of_different_days_are_separate(write: Write) -> None:
    dated = [{**p, "published": f"2026-11-{10 + j}"} for j, p in enumerate(PAPERS)]
    days: list[Record] = [{**BEES, "day": "2026-11-16"}, {**ICE, "day": "2026-11-20"}, {**BEES, "user": "al"}]
    assert run("--papers", write("p.jsonl", dated), "--judgments", write("j.jsonl", days))["users"] == 3


def test_judgments_without_relevant_papers_are_ignored(write: Write) -> None:
    files = (
        "--papers",
        write("p.jsonl", PAPERS),
        "--judgments",
        write("j.jsonl", [BEES, {"user": "b", "relevant": []}]),
    )
    assert run(*files)["users"] == 1
    words = CliRunner().invoke(cli.app, ["evaluate", *map(str, files)]).stderr
    assert "1 judgments without relevant papers are ignored" in words


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('{"user": "a"', "not a JSON object"),
        ("[1]", "not a JSON object"),
        ('{"topics": [], "relevant": []}', "user"),
        ('{"user": "a"}', "relevant"),
        ('{"user": "a", "relevant": {"x": -1}}', "gain"),
        ('{"user": "a", "relevant": [], "topics": "bees"}', "topics"),
        ('{"user": "a", "relevant": [], "day": "soon"}', "day"),
        ("", "holds no judgment"),
    ],
)
def test_invalid_judgment_is_reported_by_line_and_field(tmp_path: Path, line: str, said: str) -> None:
    path = tmp_path / "j.jsonl"
    path.write_text(line)
    with pytest.raises(BadInput, match=said):
        read_judgments(path)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b'{"id": "a:1", "title": "A"}\n{"id": "a:1", "title": "B"}', "line 2: id: a:1 is on an earlier line already"),
        (b'{"id": "a:1"}', "title"),
        (b'{"id": 7, "title": "A"}', "id"),
        (b"\xff\xfe", "UTF-8"),
        (gzip.compress(b"{}", mtime=0)[:-4], "gzip"),
        (b"\x1f\x8bnot at all", "gzip"),
        (b"\n", "holds no paper"),
    ],
)
def test_invalid_papers_file_is_refused(tmp_path: Path, data: bytes, said: str) -> None:
    path = tmp_path / "p.jsonl"
    path.write_bytes(data)
    with pytest.raises(BadInput, match=said):
        read_papers(path)


def test_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="cannot read"):
        read_papers(tmp_path / "none.jsonl")
