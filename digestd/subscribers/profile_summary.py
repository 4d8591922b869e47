"""Summarise what digestd believes a subscriber likes.

This way, they can check and correct it.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from sqlmodel import Session

from digestd.domain.interest import Interest, Kind, Stance, values
from digestd.domain.paper import PaperId
from digestd.domain.subscriber import Subscriber
from digestd.ranking import profile_summary
from digestd.ranking.profile_summary import DocumentFrequencies, ProfileTerm
from digestd.store import feedback, papers, subscribers
from digestd.store.database import Database
from digestd.store.interests import with_rated
from digestd.store.ledger import queries
from digestd.subscribers.lookup import load_locked
from digestd.subscribers.named_papers import NamedPaper, named_papers

LIKES = 100
"""The number of newest likes that are summarised."""
OTHERS = 300
"""The number of newest papers that the words of the likes are compared with."""
DIGESTS = 30


@dataclass(frozen=True, slots=True)
class ProfileSummary:
    """Interests that digestd believes a subscriber has.

    Attributes:
        words, authors: what the liked papers have in common.
        picks_by_interest: the number of picks in recent digests by (kind of reason, interest).
        muted: what they muted from papers, in addition to their own list.
    """

    words: tuple[ProfileTerm, ...]
    authors: tuple[ProfileTerm, ...]
    likes: tuple[NamedPaper, ...]
    dislikes: tuple[NamedPaper, ...]
    picks_by_interest: Mapping[tuple[str, str], int]
    muted: tuple[Interest, ...]


class NewestPapers:
    """The words of the newest papers, counted again only when there are newer ones."""

    def __init__(self) -> None:
        self._counted: tuple[int | None, DocumentFrequencies] = None, DocumentFrequencies.of(())

    def frequencies(self, session: Session) -> DocumentFrequencies:
        """Return in how many of the newest papers each stem occurs."""
        newest = papers.newest(session)
        if newest != self._counted[0]:
            self._counted = newest, DocumentFrequencies.of(list(papers.texts(session, OTHERS)))
        return self._counted[1]


def summarise_profile(session: Session, subscriber: Subscriber, newest: NewestPapers) -> ProfileSummary:
    """Return the profile summary as of now.

    Args:
        newest: the papers that the words of the likes are compared with.
    """
    muted = feedback.active_mutings(session, [subscriber.key]).get(subscriber.key, ())
    rated = feedback.interests(session, [subscriber.key]).get(subscriber.key, ())
    interests = with_rated((*subscriber.interests, *muted), rated)
    likes, dislikes = _papers(session, subscriber.key, interests)
    own = (
        *values(interests, Kind.TOPIC),
        *values(interests, Kind.TOPIC, Stance.MUTED),
        *values(interests, Kind.PHRASE, Stance.MUTED),
    )
    known = (*values(interests, Kind.AUTHOR), *values(interests, Kind.AUTHOR, Stance.MUTED))
    found = [one.found for one in likes if one.found is not None]
    words = profile_summary.words([one.text for one in found], newest.frequencies(session), own) if found else []
    return ProfileSummary(
        words=tuple(words),
        authors=tuple(profile_summary.names((paper.words.authors for paper in found), known)),
        likes=likes,
        dislikes=dislikes,
        picks_by_interest=Counter(
            (one.kind.value, one.value) for one in queries.reasons(session, subscriber.key, DIGESTS) if one.value
        ),
        muted=muted,
    )


def _papers(
    session: Session, subscriber: int, interests: tuple[Interest, ...]
) -> tuple[tuple[NamedPaper, ...], tuple[NamedPaper, ...]]:
    """Return the newest papers that a subscriber likes, and those that they do not."""
    liked, disliked = ([PaperId(one) for one in values(interests, Kind.PAPER, of)[:LIKES]] for of in Stance)
    known = {one.paper: one for one in named_papers(session, subscriber, [*liked, *disliked])}
    return tuple(known[name] for name in liked), tuple(known[name] for name in disliked)


def mute_interest(db: Database, subscriber: int, what: Interest, now: datetime) -> None:
    """Mute something that can be followed; a like of the same is removed. Raises NotFound."""
    with db.write() as session:
        known = load_locked(session, subscriber)
        kept = tuple(i for i in known.interests if (i.kind, i.value.casefold()) != (what.kind, what.value.casefold()))
        _store(session, known, (*kept, Interest(what.kind, what.value, Stance.MUTED)), now)


def remove_interest(db: Database, subscriber: int, what: Interest, now: datetime) -> None:
    """Remove an interest, liked or muted; of a paper also all feedback on it. Raises NotFound."""
    with db.write() as session:
        known = load_locked(session, subscriber)
        kept = tuple(i for i in known.interests if (i.kind, i.value) != (what.kind, what.value))
        _store(session, known, kept, now)
        if what.kind is Kind.PAPER:
            found = papers.find(session, PaperId(what.value))
            while found is not None and feedback.undo(session, subscriber, found.key, now) is not None:
                pass
        else:
            feedback.undo_all_mutings(session, subscriber, what, now)


def _store(session: Session, known: Subscriber, interests: tuple[Interest, ...], now: datetime) -> None:
    if interests != known.interests:
        subscribers.update_many(session, [replace(known, interests=interests)], now)
