"""Replay the feedback of an installation in the order of time.

Progressive validation (Dawid 1984; Blum, Kalai & Langford 1999): every digest with feedback is ranked again by a
profile made of the interests and feedback from before it was planned, against the candidates and votes of that time.
The papers liked afterwards are relevant. A verdict never reaches the profile that predicts it.

Two things are of today: the text model, which no verdict enters; and interests that were removed since, which are
not stored. Nobody can like a paper that was not shown, so the figures favour the ranker that chose the picks.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import groupby

import numpy as np
from sqlmodel import Session

from digestd.domain.digest import FIRST_WINDOW, WINDOW
from digestd.domain.interest import POSITIVE_VERDICTS, Interest, Kind
from digestd.domain.paper import Paper, PaperId
from digestd.domain.reference import Reference
from digestd.evaluation.dense import stored_vectors
from digestd.evaluation.judgments import EPOCH, NO_LIKES, Judgment, OtherLikes
from digestd.evaluation.scoring import DAY_LENGTH, Case, build_cases
from digestd.ranking.community import ESTABLISHED_AFTER, TRUSTED_AFTER, counted_likes
from digestd.ranking.dense import Encoder, NoEncoder
from digestd.ranking.model import TextModel, fit, loads
from digestd.store import feedback, papers, references
from digestd.store.database import Database
from digestd.store.interests import for_ranking_at
from digestd.store.ledger.sent_digests import SentDigest, digests
from digestd.store.ranking import text_models

BLOCK = 500
"""Digests of one day that are ranked together."""
ARCHIVE = 20_000
"""Papers that a text model is fitted on where none is kept."""


@dataclass(frozen=True, slots=True, eq=False)
class RerankedDigest:
    """A digest with feedback, ranked again.

    Attributes:
        names: the paper id of each pick; None if the paper no longer exists.
    """

    digest: SentDigest
    names: tuple[str | None, ...]
    case: Case


@dataclass(frozen=True, slots=True, eq=False)
class _DaySnapshot:
    """The data that all digests of one day share: papers by row number, the models, and likes given before."""

    papers: dict[int, Paper]
    first: datetime
    model: TextModel
    encoder: Encoder
    others: OtherLikes = NO_LIKES


def replay(
    db: Database,
    since: datetime | None = None,
    encoder: Encoder = NoEncoder(),
    advance: Callable[[int], None] = lambda _: None,
    co_likes: bool = True,
) -> Iterator[RerankedDigest]:
    """Yield every digest with feedback, planned at `since` or later, ranked again.

    Reads the digests as a stream and changes nothing.

    Args:
        co_likes: Whether the likes of subscribers count for others, as far as they were given by then.
    """
    with db.read() as session:
        model, earlier, n = _model(session), _SentHistory(everything=since is None), 0
        for _, group in groupby(digests(session, since), key=lambda shown: shown.planned.date()):
            day = list(group)
            spoken = [shown for shown in day if any(shown.verdicts)]
            for start in range(0, len(spoken), BLOCK):
                block = spoken[start : start + BLOCK]
                then = _day_snapshot(session, block, model, encoder)
                then = replace(then, others=_others(session, then.first)) if co_likes else then
                for done in _rank_again(session, then, block, earlier):
                    yield replace(done, case=replace(done.case, n=n))
                    n += 1
                advance(len(block))
            earlier.record(day)


class _SentHistory:
    """The papers that each subscriber was sent lately, which are no longer candidates."""

    def __init__(self, *, everything: bool) -> None:
        self._everything = everything
        self._had: defaultdict[int, list[tuple[datetime, tuple[int, ...]]]] = defaultdict(list)

    def record(self, day: Sequence[SentDigest]) -> None:
        for shown in day:
            lately = [one for one in self._had[shown.subscriber] if one[0] > shown.planned - WINDOW]
            self._had[shown.subscriber] = [*lately, (shown.planned, shown.papers)]

    def candidates(self, then: _DaySnapshot, shown: SentDigest) -> tuple[str, ...]:
        """Return the papers that a digest was chosen from, its own picks included."""
        first = self._everything and shown.subscriber not in self._had
        since = shown.planned - (FIRST_WINDOW if first and not shown.is_weekly else WINDOW)
        had = {paper for _, sent in self._had.get(shown.subscriber, ()) for paper in sent} - set(shown.papers)
        own = set(shown.papers)
        return tuple(
            paper.id
            for key, paper in then.papers.items()
            if key in own or (key not in had and since < paper.first_seen <= shown.planned)
        )


def _model(session: Session) -> TextModel:
    newest = text_models.in_use(session)
    if newest is not None:
        try:
            return loads(text_models.data(session, newest.version))
        except ValueError:  # of an earlier release, in another form
            pass
    return fit(papers.texts(session, ARCHIVE))


def _day_snapshot(session: Session, block: Sequence[SentDigest], model: TextModel, encoder: Encoder) -> _DaySnapshot:
    first, last = min(shown.planned for shown in block), max(shown.planned for shown in block)
    news = papers.candidates(session, first - WINDOW, last, as_of=first)
    held = papers.by_keys(session, {key for shown in block for key in shown.papers}, as_of=first)
    return _DaySnapshot({paper.key: paper for paper in [*news, *held.values()]}, first, model, encoder)


def _others(session: Session, at: datetime) -> OtherLikes:
    """Return the likes that planning used at a time."""
    verdicts = feedback.verdicts_of_community(session, at, trusted=TRUSTED_AFTER, established=ESTABLISHED_AFTER)
    people, papers = counted_likes(*verdicts)
    users = {str(key): key for key in people.tolist()}
    return OtherLikes(users, people, papers, np.full(len(people), -np.inf))


def _rank_again(
    session: Session, then: _DaySnapshot, block: Sequence[SentDigest], earlier: _SentHistory
) -> Iterator[RerankedDigest]:
    wants = for_ranking_at(session, {shown.subscriber: shown.planned for shown in block})
    library = {str(paper.id): paper for paper in then.papers.values()}
    interests = {  # without what may be younger: undated papers that were still candidates
        who: tuple(i for i in given if i.kind is not Kind.PAPER or i.since is not None or i.value not in library)
        for who, given in wants.items()
    }
    named = {PaperId(i.value) for given in interests.values() for i in given if i.kind is Kind.PAPER}
    library |= {str(name): paper for name, paper in papers.by_ids(session, named).items()}
    brought, interests = _resolve_references(session, interests)
    library = brought | library
    judgments = [
        _judgment(then, shown, interests[shown.subscriber], earlier.candidates(then, shown)) for shown in block
    ]
    dense = stored_vectors(session, then.encoder, library.values())
    for case in build_cases(library, judgments, then.model, dense=dense, others=then.others):
        shown = block[case.n]
        yield RerankedDigest(shown, tuple(_name(then, key) for key in shown.papers), case)


def _resolve_references(
    session: Session, interests: Mapping[int, tuple[Interest, ...]]
) -> tuple[dict[str, Paper], dict[int, tuple[Interest, ...]]]:
    """Return the papers that references stand for.

    Also return the interests with the ids of these papers.

    A reference that no source knows becomes a paper with an id of its own.
    """
    found: dict[str, Paper] = {}
    renamed = dict(interests)
    for who, theirs in references.of_interests(session, list(interests)).items():
        known = {
            name: _as_paper(who, one)
            for name, one in references.resolved(session, who, list(theirs)).items()
            if isinstance(one, Paper) or one.words.title
        }
        found |= {str(paper.id): paper for paper in known.values()}
        renamed[who] = tuple(_renamed(interest, known) for interest in interests[who])
    return found, renamed


def _as_paper(who: int, one: Paper | Reference) -> Paper:
    if isinstance(one, Paper):
        return one
    words, name = one.words, PaperId(f"reference:{who}:{one.name}")
    return Paper(0, name, 0, words, words.title, words.abstract, EPOCH, EPOCH)


def _renamed(interest: Interest, known: Mapping[PaperId, Paper]) -> Interest:
    name = PaperId(interest.value)
    return replace(interest, value=known[name].id) if interest.kind is Kind.PAPER and name in known else interest


def _judgment(
    then: _DaySnapshot, shown: SentDigest, interests: tuple[Interest, ...], candidates: tuple[str, ...]
) -> Judgment:
    verdicts = zip(shown.papers, shown.verdicts, strict=True)
    liked = [_name(then, key) for key, verdict in verdicts if verdict in POSITIVE_VERDICTS]
    return Judgment(
        user=str(shown.subscriber),
        interests=interests,
        relevant={name: 1.0 for name in liked if name is not None},
        candidates=candidates,
        day=then.first - DAY_LENGTH,
    )


def _name(then: _DaySnapshot, key: int) -> str | None:
    return str(then.papers[key].id) if key in then.papers else None
