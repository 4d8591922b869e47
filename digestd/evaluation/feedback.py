"""The install's own feedback, replayed in time order.

Progressive validation (Dawid 1984; Blum, Kalai & Langford 1999): every digest of which something was said
is ranked again by a profile made only of what had been asked for and said before it was planned, against
the candidates it was chosen from, with the votes of that time. What was liked since is right. Nothing of a
verdict is known to the profile that predicts it.

Two things are of today: the text model, which no verdict enters; and interests that were given up since,
which are not kept. And nobody likes what they were never shown: the figures tell how well
the ranker puts what was liked before the rest, and favour the ranker that chose what to show.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import groupby

from sqlmodel import Session

from digestd.domain.digest import FIRST_WINDOW, WINDOW
from digestd.domain.feedback import POSITIVE_VERDICTS
from digestd.domain.interest import Interest, Kind
from digestd.domain.paper import Paper, PaperId
from digestd.domain.reference import Reference
from digestd.evaluation.cases import EPOCH, Judgment
from digestd.evaluation.dense import stored
from digestd.evaluation.run import EVENING, Case, cases_of
from digestd.ranking.dense import Encoder, NoEncoder
from digestd.ranking.model import TextModel, fit, loads
from digestd.store import papers, references, text_models
from digestd.store.database import Database
from digestd.store.interests import for_ranking_at
from digestd.store.ledger.sent_digests import SentDigest, digests

BLOCK = 500
"""Digests of one day that are ranked together."""
ARCHIVE = 20_000
"""Papers that a text model is fitted on where none is kept."""


@dataclass(frozen=True, slots=True, eq=False)
class Replayed:
    """A digest of which something was said, ranked again. `names`: of the paper of each pick; None if it is gone."""

    shown: SentDigest
    names: tuple[str | None, ...]
    case: Case


@dataclass(frozen=True, slots=True, eq=False)
class _Then:
    """What is the same for all digests of one day: papers by row number, and the texts' models."""

    papers: dict[int, Paper]
    first: datetime
    model: TextModel
    encoder: Encoder


def replay(
    db: Database,
    since: datetime | None = None,
    encoder: Encoder = NoEncoder(),
    advance: Callable[[int], None] = lambda _: None,
) -> Iterator[Replayed]:
    """Every digest of which something was said, from those planned at `since` on; changes nothing. Streamed."""
    with db.read() as session:
        model, earlier, n = _model(session), _Earlier(everything=since is None), 0
        for _, group in groupby(digests(session, since), key=lambda shown: shown.planned.date()):
            day = list(group)
            spoken = [shown for shown in day if any(shown.verdicts)]
            for start in range(0, len(spoken), BLOCK):
                block = spoken[start : start + BLOCK]
                for done in _ranked(session, _then(session, block, model, encoder), block, earlier):
                    yield replace(done, case=replace(done.case, n=n))
                    n += 1
                advance(len(block))
            earlier.note(day)


class _Earlier:
    """Which papers each subscriber had been sent lately: they were no candidates any more."""

    def __init__(self, *, everything: bool) -> None:
        self._everything = everything
        self._had: defaultdict[int, list[tuple[datetime, tuple[int, ...]]]] = defaultdict(list)

    def note(self, day: Sequence[SentDigest]) -> None:
        for shown in day:
            lately = [one for one in self._had[shown.subscriber] if one[0] > shown.planned - WINDOW]
            self._had[shown.subscriber] = [*lately, (shown.planned, shown.papers)]

    def candidates(self, then: _Then, shown: SentDigest) -> tuple[str, ...]:
        """What the digest was chosen from, its own picks among them."""
        first = self._everything and shown.subscriber not in self._had
        since = shown.planned - (FIRST_WINDOW if first else WINDOW)
        had = {paper for _, sent in self._had.get(shown.subscriber, ()) for paper in sent} - set(shown.papers)
        own = set(shown.papers)
        return tuple(
            paper.id
            for key, paper in then.papers.items()
            if key in own or (key not in had and since < paper.first_seen <= shown.planned)
        )


def _model(session: Session) -> TextModel:
    newest = text_models.newest(session)
    if newest is not None:
        try:
            return loads(text_models.data(session, newest.version))
        except ValueError:  # of an earlier release, in another form
            pass
    return fit(papers.texts(session, ARCHIVE))


def _then(session: Session, block: Sequence[SentDigest], model: TextModel, encoder: Encoder) -> _Then:
    first, last = min(shown.planned for shown in block), max(shown.planned for shown in block)
    news = papers.candidates(session, first - WINDOW, last, as_of=first)
    held = papers.by_keys(session, {key for shown in block for key in shown.papers}, as_of=first)
    return _Then({paper.key: paper for paper in [*news, *held.values()]}, first, model, encoder)


def _ranked(session: Session, then: _Then, block: Sequence[SentDigest], earlier: _Earlier) -> Iterator[Replayed]:
    wants = for_ranking_at(session, {shown.subscriber: shown.planned for shown in block})
    library = {str(paper.id): paper for paper in then.papers.values()}
    interests = {who: tuple(i for i in given if _was_known(i, library)) for who, given in wants.items()}
    named = {PaperId(i.value) for given in interests.values() for i in given if i.kind is Kind.PAPER}
    library |= {str(name): paper for name, paper in papers.by_ids(session, named).items()}
    brought, interests = _brought(session, interests)
    library = brought | library
    judgments = [
        _judgment(then, shown, interests[shown.subscriber], earlier.candidates(then, shown)) for shown in block
    ]
    dense = stored(session, then.encoder, library.values())
    for case in cases_of(library, judgments, then.model, dense=dense):
        shown = block[case.n]
        yield Replayed(shown, tuple(_name(then, key) for key in shown.papers), case)


def _brought(
    session: Session, interests: Mapping[int, tuple[Interest, ...]]
) -> tuple[dict[str, Paper], dict[int, tuple[Interest, ...]]]:
    """Return the papers that references stand for, and the interests by the names of these papers.

    A reference that no source knows is a paper under a name of its owner's own.
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


def _was_known(interest: Interest, library: dict[str, Paper]) -> bool:
    """A paper that was a candidate then had not been named yet, where it is not known since when it is."""
    return interest.kind is not Kind.PAPER or interest.since is not None or interest.value not in library


def _judgment(then: _Then, shown: SentDigest, interests: tuple[Interest, ...], candidates: tuple[str, ...]) -> Judgment:
    verdicts = zip(shown.papers, shown.verdicts, strict=True)
    liked = [_name(then, key) for key, verdict in verdicts if verdict in POSITIVE_VERDICTS]
    return Judgment(
        user=str(shown.subscriber),
        interests=interests,
        relevant={name: 1.0 for name in liked if name is not None},
        candidates=candidates,
        day=then.first - EVENING,
    )


def _name(then: _Then, key: int) -> str | None:
    return str(then.papers[key].id) if key in then.papers else None
