"""Read papers and judgments from JSONL files, gzipped or not.

Ids are not normalised, so any two files that use the same ids fit together.
"""

import gzip
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from math import isfinite
from pathlib import Path
from typing import TypeAlias

import numpy as np

from digestd import files
from digestd.domain.interest import Interest, Kind, Stance
from digestd.domain.paper import Paper, PaperId
from digestd.errors import BadInput, BadRecord
from digestd.ranking.arrays import NOWHERE, Doubles, Ints
from digestd.sources.jsonl import KEYS, read_record, texts_at
from digestd.text.inputs import load_json
from digestd.text.tex import to_plain

Record: TypeAlias = Mapping[str, object]
Library: TypeAlias = Mapping[str, Paper]
EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_GZIP = b"\x1f\x8b"
_INTERESTS = {"topics": Kind.TOPIC, "authors": Kind.AUTHOR, "categories": Kind.CATEGORY}


@dataclass(frozen=True, slots=True)
class Judgment:
    """One user's interests and the papers that are relevant to them.

    Attributes:
        relevant: gain > 0 by id.
        candidates: the ids to rank; None for all papers.
        day: the day of the ranking; None if time plays no part.
    """

    user: str
    interests: tuple[Interest, ...]
    relevant: Mapping[str, float]
    candidates: tuple[str, ...] | None = None
    day: datetime | None = None

    @property
    def seeds(self) -> frozenset[str]:
        """Return the liked and disliked papers, which are never candidates."""
        return frozenset(i.value for i in self.interests if i.kind is Kind.PAPER)


@dataclass(frozen=True, slots=True, eq=False)
class OtherLikes:
    """l likes that a ranking may use for other users.

    Attributes:
        users: the number of each user by id.
        people: (l,) the number of the user.
        papers: (l,) the key of the paper.
        times: (l,) seconds since 1970; −∞ if the like is older than any judgment.
    """

    users: Mapping[str, int]
    people: Ints
    papers: Ints
    times: Doubles

    def __len__(self) -> int:
        return len(self.people)

    def known_to(self, user: str, day: datetime | None) -> tuple[Ints, Ints]:
        """Return the people and papers of the likes before a day (all if None), without the user's own."""
        used = self.people != self.users.get(user, -1)
        if day is not None:
            used &= self.times < day.timestamp()
        return self.people[used], self.papers[used]


NO_LIKES = OtherLikes({}, NOWHERE, NOWHERE, np.zeros(0))


def read_community(path: Path, library: Library) -> OtherLikes:
    """Return the likes of a file; those of papers that are not in the library are left out.

    Raises:
        BadInput: the file cannot be read, or has an invalid line.
    """
    found: dict[tuple[str, int], float] = {}
    for number, record in _records(path):
        try:
            user, at = _user(record), _day(record, "at")
            for name in texts_at(record, "likes"):
                if name in library:
                    found.setdefault((user, library[name].key), float("-inf") if at is None else at.timestamp())
        except BadRecord as error:
            raise BadInput(f"{path}, line {number}: {error}") from error
    return other_likes((user, paper, time) for (user, paper), time in found.items())


def other_likes(likes: Iterable[tuple[str, int, float]]) -> OtherLikes:
    """Return likes given as user, key of the paper and time, each pair of user and paper once."""
    given = list(likes)
    users = {user: number for number, user in enumerate(dict.fromkeys(user for user, _, _ in given))}
    return OtherLikes(
        users,
        np.array([users[user] for user, _, _ in given], dtype=np.intp),
        np.array([paper for _, paper, _ in given], dtype=np.intp),
        np.array([time for _, _, time in given], dtype=np.float64),
    )


def read_papers(path: Path) -> dict[str, Paper]:
    """Return the papers of a file by id, in its order.

    Keys that `paper import` does not know are ignored.

    Raises:
        BadInput: the file cannot be read, has an invalid line, or has no paper.
    """
    found: dict[str, Paper] = {}
    for number, record in _records(path):
        try:
            paper = _paper(record, len(found))
            if paper.id in found:
                raise BadRecord("id", f"{paper.id} is on an earlier line already; keep one of the two")
        except BadRecord as error:
            raise BadInput(f"{path}, line {number}: {error}") from error
        found[paper.id] = paper
    if not found:
        raise BadInput(f"{path} holds no paper")
    return found


def read_judgments(path: Path) -> list[Judgment]:
    """Return the judgments of a file in its order.

    Raises:
        BadInput: the file cannot be read, has an invalid line, or has no judgment.
    """
    found: list[Judgment] = []
    for number, record in _records(path):
        try:
            found.append(_judgment(record))
        except BadRecord as error:
            raise BadInput(f"{path}, line {number}: {error}") from error
    if not found:
        raise BadInput(f"{path} holds no judgment")
    return found


def _records(path: Path) -> Iterator[tuple[int, Record]]:
    try:
        data = path.read_bytes()
        text = (gzip.decompress(data) if data.startswith(_GZIP) else data).decode("utf-8-sig")
    except OSError as error:
        why = files.explain(error, path) if error.strerror else f"{path}: it is not a complete gzip file"
        raise BadInput(f"cannot read {why}") from error
    except (EOFError, zlib.error) as error:
        raise BadInput(f"cannot read {path}: it is not a complete gzip file") from error
    except UnicodeDecodeError as error:
        raise BadInput(f"{path} is not UTF-8; convert it first") from error
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            yield number, _record(path, number, line)


def _record(path: Path, number: int, line: str) -> Record:
    try:
        record = load_json(line, strict=True)
    except ValueError as error:
        raise BadInput(f"{path}, line {number}: is not a JSON object: {str(error)[:100]}") from error
    if not isinstance(record, dict):
        raise BadInput(f"{path}, line {number}: is not a JSON object; write one {{…}} per line")
    return record


def _paper(record: Record, key: int) -> Paper:
    sighting = read_record({name: value for name, value in record.items() if name in KEYS and name != "id"})
    given = record.get("id")
    if given is not None and not (isinstance(given, str) and given):
        raise BadRecord("id", "must be text")
    seen = _day(record) or sighting.published or EPOCH
    return Paper(
        key=key,
        id=PaperId(given) if given else sighting.ids[0],
        revision=key,
        words=sighting.words,
        plain_title=to_plain(sighting.words.title),
        plain_abstract=to_plain(sighting.words.abstract),
        published=sighting.published or seen,
        first_seen=seen,
        signals=sighting.signals,
    )


def _judgment(record: Record) -> Judgment:
    user = _user(record)
    named = [Interest(kind, value) for key, kind in _INTERESTS.items() for value in texts_at(record, key)]
    liked = [Interest(Kind.PAPER, value) for value in texts_at(record, "likes")]
    disliked = [Interest(Kind.PAPER, value, Stance.MUTED) for value in texts_at(record, "dislikes")]
    everything = record.get("candidates") is None
    return Judgment(
        user=user,
        interests=tuple(dict.fromkeys([*named, *liked, *disliked])),
        relevant=_relevant(record.get("relevant")),
        candidates=None if everything else tuple(dict.fromkeys(texts_at(record, "candidates"))),
        day=_day(record),
    )


def _user(record: Record) -> str:
    user = record.get("user")
    if not isinstance(user, str | int) or isinstance(user, bool):
        raise BadRecord("user", "is missing; write the id of the user")
    return str(user)


def _relevant(value: object) -> dict[str, float]:
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return dict.fromkeys(value, 1.0)
    if not isinstance(value, dict):
        raise BadRecord("relevant", 'must be a list of ids or an object of gains, as in {"arxiv:2401.00001": 2}')
    if not all(_is_gain(gain) for gain in value.values()):
        raise BadRecord("relevant", "every gain must be a number from 0 up")
    return {name: float(gain) for name, gain in value.items() if gain > 0}


def _is_gain(gain: object) -> bool:
    return isinstance(gain, int | float) and not isinstance(gain, bool) and isfinite(gain) and gain >= 0


def _day(record: Record, key: str = "day") -> datetime | None:
    value = record.get(key)
    if value is None:
        return None
    try:
        found = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        found = None
    if found is None:
        raise BadRecord(key, "is not a date; write it as 2026-11-24")
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
