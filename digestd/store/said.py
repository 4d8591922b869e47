"""What is said of a paper, what is kept of it, and what is to be written: between the store and who decides."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from digestd.domain.paper import PaperId, Sighting, Words
from digestd.store import core


@dataclass(frozen=True, slots=True)
class PaperText:
    """What a revision holds."""

    words: Words
    url: str | None
    links: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class StoredSighting:
    """What a source says of a paper under one identifier (`sighting.ids[0]`); `digest` is its hash.

    `seen`: when it was said last; None for what is said just now. `record`: the sighting as it will
    be kept, where it was made already.
    """

    source: str
    digest: bytes
    sighting: Sighting
    seen: datetime | None = None
    record: Mapping[str, object] | None = None


@dataclass(frozen=True, slots=True)
class PaperState:
    """One paper as kept: `said` is the newest of each source and identifier, `older` the rest.

    `is_plain`: its words are there for people too.
    """

    key: int
    id: PaperId
    aliases: tuple[PaperId, ...]
    archived: bool
    first_seen: datetime
    published: datetime
    withdrawn: bool
    is_plain: bool
    text: PaperText
    said: tuple[StoredSighting, ...]
    older: tuple[StoredSighting, ...]
    signals: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class PaperWrite:
    """What to write of one work: a new paper (`key` None) or what changed of a known one.

    `absorbed`: papers that turned out to be this one, `by` what and on what `evidence`. `text`: the
    new revision, None if the words stand. `becomes_plain`: the words that stand, where they are to
    be made words for people now. `said`, `again`: sightings to add, and kept ones that hold again.
    `aliases` and `signals`: only those that are new.
    """

    key: int | None
    id: PaperId
    archived: bool
    first_seen: datetime
    published: datetime
    withdrawn: bool = False
    absorbed: tuple[int, ...] = ()
    aliases: tuple[PaperId, ...] = ()
    text: PaperText | None = None
    becomes_plain: PaperText | None = None
    said: tuple[StoredSighting, ...] = ()
    again: tuple[StoredSighting, ...] = ()
    signals: Mapping[str, float] | None = None
    restated: bool = False
    """Whether id, archived, first_seen, published or withdrawn of a known paper change."""
    by: str = "identifier"
    evidence: str = ""


def record(sighting: Sighting) -> dict[str, object]:
    """A sighting without its signals, as kept; what can be left out is."""
    words = sighting.words
    full: dict[str, object] = {
        "ids": list(sighting.ids),
        "title": words.title,
        "abstract": words.abstract,
        "authors": list(words.authors),
        "categories": list(words.categories),
        "published": sighting.published.isoformat() if sighting.published else None,
        "url": sighting.url,
        "links": dict(sighting.links),
        "withdrawn": sighting.withdrawn,
    }
    return {name: value for name, value in full.items() if value}


def from_record(row: core.Record) -> Sighting:
    """The sighting a row keeps."""
    kept = row.record
    return Sighting(
        ids=tuple(map(PaperId, kept["ids"])),
        words=Words(
            kept["title"], kept.get("abstract", ""), tuple(kept.get("authors", ())), tuple(kept.get("categories", ()))
        ),
        published=datetime.fromisoformat(kept["published"]) if "published" in kept else None,
        version=row.version,
        announced=row.announced,
        url=kept.get("url"),
        links=kept.get("links", {}),
        withdrawn=kept.get("withdrawn", False),
    )
