"""Gists that a language model writes: which papers lack one, what was tried, and the revision with the result."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, insert, literal, select, update
from sqlmodel import Session

from digestd.domain.gist import Gist, GistKind
from digestd.store import core, papers, sightings
from digestd.store.bulk import reserve
from digestd.store.timestamps import to_us

_P, _R, _A = core.paper.c, core.revision.c, core.gist_attempt.c


@dataclass(frozen=True, slots=True)
class UnwrittenGist:
    """A paper whose text no language model has been asked about, with its gist so far."""

    paper: int
    paper_id: str
    revision: int
    title: str
    abstract: str
    gist: Gist


def newest_unwritten(session: Session, since: datetime) -> UnwrittenGist | None:
    """Return the newest paper first seen since then that was not tried yet; None if there is none."""
    query = (
        select(_P.id.label("paper"), _P.paper_id, _R.id, _R.plain_title, _R.plain_abstract)
        .add_columns(_R.gist, _R.brief_gist, _R.gist_kind)
        .join_from(core.paper, core.revision, _R.id == _P.revision_id)
        .outerjoin(core.gist_attempt, _A.revision == _R.id)
        .where(_P.archived.is_(False), _P.first_seen_us > to_us(since), _A.revision.is_(None))
        .where(_R.gist_kind.in_([GistKind.EXTRACTED, GistKind.SOURCE]), _R.plain_abstract != "")
        .order_by(_P.first_seen_us.desc(), _P.id.desc())
        .limit(1)
    )
    row = session.connection().execute(query).first()
    if row is None:
        return None
    gist = Gist(row.gist, row.brief_gist, GistKind(row.gist_kind))
    return UnwrittenGist(row.paper, row.paper_id, row.id, row.plain_title, row.plain_abstract, gist)


def earlier_result(session: Session, paper: UnwrittenGist) -> tuple[Gist | None, dict[str, Gist]] | None:
    """Return what was written for the same text in an earlier revision, as when a link was added since.

    Returns:
        The gist, None if it was not written, and its translations; None if there is no such revision.
    """
    current = select(_R.title, _R.abstract, _R.summary).where(_R.id == paper.revision).subquery().c
    query = (
        select(_R.gist, _R.brief_gist, _R.gist_kind, _R.translations)
        .where(_R.paper == paper.paper, _R.id < paper.revision)
        .where(_R.title == current.title, _R.abstract == current.abstract, _R.summary == current.summary)
        .order_by(_R.id.desc())
    )
    for row in session.connection().execute(query):
        is_written = row.gist_kind == GistKind.GENERATED
        if is_written or row.translations:
            gist = Gist(row.gist, row.brief_gist, GistKind.GENERATED) if is_written else None
            return gist, papers.translated(row.translations)
    return None


def count_attempts(session: Session, since: datetime) -> int:
    """Return the number of papers that the model was asked about since then."""
    query = select(func.count()).where(_A.at_us > to_us(since), _A.outcome.not_in(_NOT_ASKED))
    return int(session.connection().execute(query).scalar_one())


RESULT, EARLIER = "result", "earlier"
"""Outcomes without a request: a revision that the model wrote, and one whose text it was asked about before."""
_NOT_ASKED = (RESULT, EARLIER)


def record_attempt(session: Session, revision: int, outcome: str, now: datetime) -> None:
    """Record that the model was asked about a revision."""
    session.connection().execute(insert(core.gist_attempt).values(revision=revision, at_us=to_us(now), outcome=outcome))


def append_revision(
    session: Session, paper: UnwrittenGist, gist: Gist | None, translations: Mapping[str, Gist], now: datetime
) -> bool:
    """Append a copy of a revision with another gist, or with translations, and make it current.

    What was computed from the text is copied with it. The new revision counts as tried.

    Returns:
        False if the paper's text has changed meanwhile; nothing is written then.
    """
    connection = session.connection()
    sightings.lock(session)
    [number] = reserve(session, core.revision, 1)
    shown = gist or paper.gist
    changed = {
        "id": number,
        "gist": shown.text,
        "brief_gist": shown.brief,
        "gist_kind": shown.kind.value,
        "made_us": to_us(now),
    }
    columns = [column for column in core.revision.c if column.name not in {*changed, "translations"}]
    values = [literal(value).label(name) for name, value in changed.items()]
    texts = {language: [one.text, one.brief] for language, one in translations.items()}
    source = select(*columns, *values, literal(texts, _R.translations.type).label("translations"))
    names = [*(column.name for column in columns), *changed, "translations"]
    is_current = _P.id == paper.paper, _P.revision_id == paper.revision
    if connection.execute(select(_P.id).where(*is_current).with_for_update()).first() is None:
        return False
    connection.execute(insert(core.revision).from_select(names, source.where(_R.id == paper.revision)))
    connection.execute(update(core.paper).where(*is_current).values(revision_id=number))
    for table in (core.embedding, core.encoding):
        kept = [column for column in table.c if column.name != "revision"]
        copy = select(literal(number).label("revision"), *kept).where(table.c.revision == paper.revision)
        connection.execute(insert(table).from_select(["revision", *(column.name for column in kept)], copy))
    record_attempt(session, number, RESULT, now)
    return True
