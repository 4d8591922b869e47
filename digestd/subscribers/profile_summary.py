"""What digestd thinks a subscriber likes, gathered so that they can look at it and correct it."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice

from sqlmodel import Session

from digestd.domain.digest import Reason
from digestd.domain.interest import Interest, Kind, Stance, values
from digestd.domain.paper import Paper, PaperId
from digestd.domain.reference import Reference
from digestd.domain.subscriber import Subscriber
from digestd.errors import NotFound
from digestd.ranking import profile_summary
from digestd.ranking.profile_summary import ProfileTerm
from digestd.store import feedback, mutings, papers, references, subscribers
from digestd.store.database import Database
from digestd.store.interests import for_ranking
from digestd.store.ledger import queries

LIKES = 100
"""Newest likes that are looked at."""
OTHERS = 300
"""Newest papers of any kind that the words of the likes are held against."""
DIGESTS = 30


@dataclass(frozen=True, slots=True)
class LikedPaper:
    """A paper they like or do not, by interest or by what they said of it."""

    paper: PaperId
    title: str
    url: str | None


@dataclass(frozen=True, slots=True)
class ProfileSummary:
    """`words` and `authors`: what the liked papers have in common. `led`: how many papers of the last digests came by
    each interest. `muted`: what they muted from papers, beside their own list."""

    words: tuple[ProfileTerm, ...]
    authors: tuple[ProfileTerm, ...]
    likes: tuple[LikedPaper, ...]
    dislikes: tuple[LikedPaper, ...]
    led: Mapping[tuple[str, str], int]
    muted: tuple[Interest, ...]


def summarise_profile(session: Session, subscriber: Subscriber) -> ProfileSummary:
    """The portrait as of now."""
    wants = for_ranking(session, [subscriber.key]).get(subscriber.key, ())
    liked = _named(session, subscriber.key, wants, Stance.LIKED)
    own = (
        *values(wants, Kind.TOPIC),
        *values(wants, Kind.TOPIC, Stance.MUTED),
        *values(wants, Kind.PHRASE, Stance.MUTED),
    )
    known = (*values(wants, Kind.AUTHOR), *values(wants, Kind.AUTHOR, Stance.MUTED))
    found = [paper for _, paper in liked if paper is not None]
    others = list(islice(papers.texts(session, OTHERS), OTHERS)) if found else []
    return ProfileSummary(
        words=tuple(profile_summary.words([paper.text for paper in found], others, own)),
        authors=tuple(profile_summary.names((paper.words.authors for paper in found), known)),
        likes=tuple(_like(name, paper) for name, paper in liked),
        dislikes=tuple(_like(name, paper) for name, paper in _named(session, subscriber.key, wants, Stance.MUTED)),
        led=_led(queries.reasons(session, subscriber.key, DIGESTS)),
        muted=mutings.active(session, [subscriber.key]).get(subscriber.key, ()),
    )


def _named(
    session: Session, subscriber: int, wants: tuple[Interest, ...], wish: Stance
) -> list[tuple[PaperId, Paper | Reference | None]]:
    names = [PaperId(name) for name in values(wants, Kind.PAPER, wish)[:LIKES]]
    known = references.resolved(session, subscriber, names)
    return [(name, known.get(name)) for name in names]


def _like(name: PaperId, paper: Paper | Reference | None) -> LikedPaper:
    if isinstance(paper, Paper):
        return LikedPaper(name, paper.plain_title, paper.url)
    return LikedPaper(name, paper.words.title or name if paper else name, None)


def _led(reasons: list[Reason]) -> dict[tuple[str, str], int]:
    return dict(Counter((reason.why.value, reason.value) for reason in reasons if reason.value))


def mute_interest(db: Database, subscriber: int, what: Interest, now: datetime) -> None:
    """Mute a topic, phrase, author or category, also where they followed it before. Raises NotFound."""
    with db.write() as session:
        known = _known(session, subscriber)
        kept = tuple(i for i in known.interests if (i.kind, i.value.casefold()) != (what.kind, what.value.casefold()))
        _store(session, known, (*kept, Interest(what.kind, what.value, Stance.MUTED)), now)


def remove_interest(db: Database, subscriber: int, what: Interest, now: datetime) -> None:
    """Let an interest go, be it liked or muted; of a paper also all that was said of it. Raises NotFound."""
    with db.write() as session:
        known = _known(session, subscriber)
        kept = tuple(i for i in known.interests if (i.kind, i.value) != (what.kind, what.value))
        _store(session, known, kept, now)
        if what.kind is Kind.PAPER:
            _unsay(session, subscriber, PaperId(what.value), now)
        else:
            mutings.undo_all(session, subscriber, what, now)


def _unsay(session: Session, subscriber: int, name: PaperId, now: datetime) -> None:
    found = papers.find(session, name)
    while found is not None and feedback.undo(session, subscriber, found.key, now) is not None:
        pass


def _store(session: Session, known: Subscriber, interests: tuple[Interest, ...], now: datetime) -> None:
    if interests != known.interests:
        subscribers.update_many(session, [replace(known, interests=interests)], now)


def _known(session: Session, subscriber: int) -> Subscriber:
    known = subscribers.by_key(session, subscriber, lock=True)
    if known is None:
        raise NotFound(f"there is no subscriber number {subscriber}")
    return known
