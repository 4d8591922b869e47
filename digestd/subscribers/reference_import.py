"""Import references: the entries of a file become liked papers.

The file is parsed in the confined parser process, like all untrusted input. Its entries stay with the subscriber: one
that a source knows is liked as that paper, any other as a private reference.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from digestd.domain.interest import Interest, Kind, Stance
from digestd.domain.paper import PaperId
from digestd.domain.reference import Reference, reference_of
from digestd.errors import SourceFailed, SourceUnavailable
from digestd.fetching.answer_parser import AnswerParser, ParserLimits
from digestd.papers.identity import without_shared_dois
from digestd.sources.imports import BYTES_MAX, FormatDetector, ReferenceFile
from digestd.sources.source import Page, Reject
from digestd.store import references, subscribers
from digestd.store.database import Database
from digestd.subscribers.lookup import load_locked
from digestd.subscribers.subscriber_record import ITEMS_MAX

_TOO_COSTLY = "the file takes too long to read, or too much memory; split it, or leave the abstracts out"
_UNDATED = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class ReferenceImportReport:
    """Counts of the entries of a file, and the entries that were rejected.

    `beyond`: how many found no room; these are the oldest.
    """

    added: int
    unchanged: int
    refused: tuple[Reject, ...]
    beyond: int = 0

    @property
    def all_refused(self) -> int:
        return len(self.refused) + self.beyond


async def read_references(
    body: bytes, form: str = "", note: Callable[[int], None] = lambda _count: None
) -> tuple[str, Page]:
    """Parse a reference file.

    Args:
        form: the name of its format; empty to recognise it.
        note: is called in another thread with the number of entries that were read so far.

    Returns:
        The name of the format, and the entries.

    Raises:
        SourceFailed: the file cannot be parsed; the message says what to do.
        BadInput: there is no such format.
    """
    source = ReferenceFile(form)
    cpu = 10 + 50 * len(body) // BYTES_MAX  # seconds; for the largest library five times what it usually takes
    async with AnswerParser(ParserLimits(cpu=cpu, seconds=5.0 * cpu)) as parser:
        try:
            if not form:
                form = (await parser.parse(FormatDetector(), body, None)).next or ""
                source = ReferenceFile(form)
            return form, await parser.parse(source, body, None, note)
        except SourceUnavailable as error:
            if "took more than" in str(error):
                raise SourceFailed(_TOO_COSTLY) from error
            raise


def import_references(db: Database, subscriber: int, page: Page, now: datetime) -> ReferenceImportReport:
    """Add the entries of a parsed file to the liked papers, the newest first if there is not room for all.

    Raises:
        NotFound: there is no such subscriber.
    """
    sightings = without_shared_dois(page.sightings, {})
    sightings = sorted(sightings, key=lambda sighting: sighting.published or _UNDATED, reverse=True)
    report = add_likes(db, subscriber, list(map(reference_of, sightings)), now)
    return ReferenceImportReport(len(report.added), len(report.unchanged), page.rejects, len(report.beyond))


@dataclass(frozen=True, slots=True)
class LikeReport:
    """References by outcome.

    Attributes:
        added: papers that are liked now.
        unchanged: papers that were liked or disliked before.
        beyond: references that exceed the maximum of liked papers.
    """

    added: tuple[PaperId, ...]
    unchanged: tuple[PaperId, ...]
    beyond: tuple[Reference, ...]


def add_likes(db: Database, subscriber: int, given: Sequence[Reference], now: datetime) -> LikeReport:
    """Add liked papers in the order given, until the list is full.

    A reference that a source knows is liked as that public paper. The text of any other is stored with this
    subscriber only.

    Raises:
        NotFound: there is no such subscriber.
    """
    with db.write() as session:
        known = load_locked(session, subscriber)
        own = {PaperId(i.value): i.stance for i in known.interests if i.kind is Kind.PAPER}
        public = references.public_names(session, given)
        named = _by_name(given, public, own)
        new = [name for name in named if name not in own]
        room = max(0, ITEMS_MAX[Kind.PAPER] - sum(stance is Stance.LIKED for stance in own.values()))
        added, beyond = tuple(new[:room]), new[room:]
        liked = own.keys() | set(added)
        kept = [replace(one, name=name) for name, one in named.items() if name in liked and one.name not in public]
        references.store(session, subscriber, kept, now)
        if added:
            likes = tuple(Interest(Kind.PAPER, name, Stance.LIKED) for name in added)
            subscribers.update_many(session, [replace(known, interests=(*known.interests, *likes))], now)
    return LikeReport(added, tuple(name for name in named if name in own), tuple(named[name] for name in beyond))


def _by_name(
    given: Sequence[Reference], public: Mapping[PaperId, PaperId], own: Collection[PaperId]
) -> dict[PaperId, Reference]:
    """Return the references by the name of their like, each once, in the order given.

    The name is that of an existing like, else the public paper's, else the reference's.
    """
    found: dict[PaperId, Reference] = {}
    for reference in given:
        name = public.get(reference.name, reference.name)
        found.setdefault(next((one for one in (name, *reference.ids) if one in own), name), reference)
    return found
