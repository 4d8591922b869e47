"""Labels made by reading: which papers fit what people wish for.

They are in `tests/evaluation/topics`, as ids and grades. The texts of the papers are not part of digestd: they are read
from files of whole days in the form of `paper import`.
"""

import gzip
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

FOLDER = Path(__file__).parents[1] / "evaluation" / "topics"
MONTHS = ("2024-07", "2025-10", "2026-07")
"""Months of the list of papers that were read as a day each."""
WANTED, PARTLY = 2, 1


class Text(NamedTuple):
    """A paper's title and abstract."""

    title: str
    abstract: str

    @property
    def both(self) -> str:
        return f"{self.title}. {self.abstract}"


@dataclass(frozen=True, slots=True)
class Reading:
    """What was read for a wish on a day.

    Attributes:
        wish: the name of the wish, or of the reader who only likes papers.
        split: `train`, `development` or `test`; no wish and no day is in two of them.
        kind: `short`, `misspelt`, `question`, `paragraph`, `list` or `likes`.
        wordings: the same wish in other words, by language.
        likes: the papers that the reader liked.
        grades: the papers that were read, each WANTED, PARTLY or 0.
        is_whole: whether every paper of the day was read: the others of the day, not in `grades`, are 0.
    """

    wish: str
    split: str
    kind: str
    day: str
    wordings: Mapping[str, Sequence[str]]
    likes: Sequence[str]
    grades: Mapping[str, int]
    is_whole: bool


def readings(folder: Path = FOLDER) -> list[Reading]:
    """Return all readings."""
    wishes = {row["wish"]: row for name in ("wishes.jsonl", "likes.jsonl") for row in read_rows(folder / name)}
    found = []
    for row in read_rows(folder / "readings.jsonl"):
        wish = wishes[row["wish"]]
        grades = dict.fromkeys(row["others"], 0)
        grades |= dict.fromkeys(row["partly"], PARTLY) | dict.fromkeys(row["wanted"], WANTED)
        wordings, likes = wish.get("wordings", {}), wish.get("likes", [])
        found.append(
            Reading(
                wish["wish"],
                wish["split"],
                wish["kind"],
                row["day"],
                wordings,
                likes,
                grades,
                row.get("whole", False),
            )
        )
    return found


def asked(folder: Path = FOLDER) -> dict[str, list[str]]:
    """Return, for papers of the training days, what somebody might type who wants the paper."""
    return {paper: topics for paper, *topics in _cells(folder / "asked.tsv")}


def wordings(folder: Path = FOLDER) -> list[list[str]]:
    """Return the names of subjects, each in two English wordings and then in the languages that the first row names."""
    return list(_cells(folder / "wordings.tsv"))[1:]


def read_texts(days: Path, lists: Path, months: Sequence[str]) -> dict[str, dict[str, Text]]:
    """Return the papers of each day, by arXiv number.

    Args:
        days: a folder of whole days, `YYYY-MM-DD.jsonl.gz`.
        lists: a file of papers with the day on which they were listed.
        months: the months of the list that count as a day each, `YYYY-MM`; their name is `list-YYYY-MM`.
    """
    found = {
        file.name.partition(".")[0]: {row["id"].removeprefix("arxiv:"): _text(row) for row in read_rows(file)}
        for file in sorted(days.glob("*.jsonl.gz"))
    }
    listed = list(read_rows(lists))
    for month in months:
        found[f"list-{month}"] = {row["id"]: _text(row) for row in listed if row["day"].startswith(month)}
    return found


def read_liked(papers: Sequence[Path], judgments: Sequence[Path]) -> list[list[str]]:
    """Return the texts of the papers that each person liked, of the half of the people that is for development."""
    known = {row["id"]: _text(row).both for file in papers for row in read_rows(file)}
    people: dict[tuple[Path, str], dict[str, None]] = {}
    for file in judgments:
        for row in read_rows(file):
            if sha256(str(row["user"]).encode()).digest()[-1] % 2 == 0:
                people.setdefault((file, row["user"]), {}).update(dict.fromkeys([*row["likes"], *row["relevant"]]))
    found = [[known[paper] for paper in own if paper in known] for own in people.values()]
    return [own for own in found if len(own) > 1]


def _cells(file: Path) -> Iterator[list[str]]:
    return (line.split("\t") for line in file.read_text(encoding="utf-8").splitlines())


def _text(row: Mapping[str, Any]) -> Text:
    return Text(" ".join(row["title"].split()), " ".join((row["abstract"] or "").split()))


def read_rows(file: Path) -> Iterator[dict[str, Any]]:
    data = file.read_bytes()
    text = (gzip.decompress(data) if file.suffix == ".gz" else data).decode()
    yield from map(json.loads, filter(None, text.split("\n")))
