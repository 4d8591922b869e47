"""Labels made by reading: which papers fit what people wish for.

They are in `tests/evaluation/topics`, as ids and grades. The texts of the papers are not part of digestd: they are read
from files of whole days in the form of `paper import`.
"""

import gzip
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

FOLDER = Path(__file__).parents[1] / "evaluation" / "topics"
MONTHS = ("2024-07", "2025-10", "2026-07")
"""Months of the list of papers that were read as a day each."""
SPLITS = ("train", "development", "test")
WANTED, PARTLY = 2, 1
DAYS = FOLDER.with_name("days")
RANKING = FOLDER.parents[2] / "digestd" / "ranking"
HELD = 4
"""One in so many readers of whole days is never trained on; half of them are for development, half for the test."""
ASKED_ENGLISH = 3
"""Columns of `asked.tsv` that are English; of the others, column n of row r translates the (r + n) mod 3-rd of them."""


class Text(NamedTuple):
    """A paper's title, abstract and categories."""

    title: str
    abstract: str
    categories: tuple[str, ...] = ()

    @property
    def both(self) -> str:
        return f"{self.title}. {self.abstract}"


class Names(NamedTuple):
    """The names of a subject, an English one first, and those of narrower subjects."""

    own: tuple[str, ...]
    narrower: tuple[str, ...]


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


def lists_of_readers(splits: Mapping[str, str], folder: Path = DAYS) -> list[Reading]:
    """Return what was read for the topics of readers on whole days, as lists in English.

    Args:
        splits: the split of each day.
    """
    topics = {row["email"].partition("@")[0]: row.get("topics", []) for row in read_rows(folder / "readers.jsonl")}
    found = []
    for day, split in splits.items():
        file = folder / f"{day}.json"
        for reader, grades in (json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}).items():
            if typed := ", ".join(topics[reader]):
                number = int(reader[1:])
                own = "train" if number % HELD else "development" if number % (2 * HELD) else "test"
                if own == split or (own, split) == ("development", "train"):
                    found.append(Reading(reader, own, "list", day, {"en": [typed]}, (), grades, is_whole=True))
    return found


def asked(folder: Path = FOLDER) -> dict[str, list[list[str]]]:
    """Return, for papers of training days, wishes of somebody who wants the paper, each in one or more languages."""
    found: dict[str, list[list[str]]] = {}
    for paper, *cells in _cells(folder / "asked.tsv"):
        wishes = [[cell] for cell in cells[:ASKED_ENGLISH]]
        for number, cell in enumerate(cells[ASKED_ENGLISH:]):
            wishes[(len(found) + number) % ASKED_ENGLISH].append(cell)
        found[paper] = wishes
    return found


def names(folder: Path = FOLDER) -> list[Names]:
    """Return the names of subjects in all languages, and of narrower subjects."""
    found = [Names(tuple(row), ()) for row in list(_cells(folder / "wordings.tsv"))[1:]]
    found += [Names((*row[0], *filter(_is_read, row[1])), ()) for row in _fields(folder / "words.txt")]
    rows = _fields(RANKING / "glossary.txt")
    found += [Names((*own, *short, *filter(_is_read, foreign)), narrower) for own, short, _, foreign, narrower in rows]
    return found


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


def _is_read(name: str) -> bool:
    """Return True unless a name is in a script of none of the languages of digestd."""
    return not re.search(r"[\u0400-\u1fff\uac00-\ud7af]", name)


def _fields(file: Path) -> Iterator[list[tuple[str, ...]]]:
    """Yield the fields of each line, each a tuple of names."""
    for line in file.read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            yield [tuple(name.strip() for name in part.split(";") if name.strip()) for part in line.split("|")]


def _cells(file: Path) -> Iterator[list[str]]:
    return (line.split("\t") for line in file.read_text(encoding="utf-8").splitlines())


def _text(row: Mapping[str, Any]) -> Text:
    title, abstract = (" ".join((row[part] or "").split()) for part in ("title", "abstract"))
    return Text(title, abstract, tuple(row.get("categories") or ()))


def read_rows(file: Path) -> Iterator[dict[str, Any]]:
    data = file.read_bytes()
    text = (gzip.decompress(data) if file.suffix == ".gz" else data).decode()
    yield from map(json.loads, filter(None, text.split("\n")))
