"""List and show digests and deliveries."""

from fastapi import APIRouter, Depends
from sqlmodel import Session

from digestd.domain.delivery import MailKind, State
from digestd.errors import NotFound
from digestd.security.tokens import Scope
from digestd.store.ledger import queries
from digestd.store.ledger.queries import DeliveryView
from digestd.web.api.auth import needs
from digestd.web.api.shapes import (
    Cursor,
    DeliveryOut,
    DigestOut,
    Limit,
    Number,
    Period,
    PickOut,
    ResultPage,
    Whose,
    page_of,
)
from digestd.web.dependencies import Db

router = APIRouter(dependencies=[Depends(needs(Scope.READ))])


@router.get("/digests", tags=["digests"])
def list_digests(
    db: Db, limit: Limit = 20, cursor: Cursor = None, subscriber: Whose = None, period: Period = None
) -> ResultPage[DigestOut]:
    """List digests with their picks, newest first."""
    wanted = queries.DeliveryFilter(None, subscriber, MailKind.DIGEST, cursor, period)
    with db.read() as session:
        found = [_digest(session, entry) for entry in queries.entries(session, limit + 1, wanted)]
    return page_of(found, limit, lambda item: item.number)


@router.get("/digests/{number}", tags=["digests"])
def show_digest(number: Number, db: Db) -> DigestOut:
    """Return a digest."""
    with db.read() as session:
        entry = queries.entry(session, number)
        if entry is None or entry.kind is not MailKind.DIGEST:
            raise NotFound(f"there is no digest number {number}")
        return _digest(session, entry)


@router.get("/deliveries", tags=["deliveries"])
def list_deliveries(
    db: Db,
    limit: Limit = 50,
    cursor: Cursor = None,
    state: State | None = None,
    kind: MailKind | None = None,
    subscriber: Whose = None,
) -> ResultPage[DeliveryOut]:
    """List deliveries, newest first."""
    wanted = queries.DeliveryFilter(state, subscriber, kind, cursor)
    with db.read() as session:
        found = [DeliveryOut.model_validate(entry) for entry in queries.entries(session, limit + 1, wanted)]
    return page_of(found, limit, lambda item: item.number)


@router.get("/deliveries/{number}", tags=["deliveries"])
def show_delivery(number: Number, db: Db) -> DeliveryOut:
    """Return a delivery."""
    with db.read() as session:
        entry = queries.entry(session, number)
    if entry is None:
        raise NotFound(f"there is no delivery number {number}")
    return DeliveryOut.model_validate(entry)


def _digest(session: Session, entry: DeliveryView) -> DigestOut:
    picks = [
        PickOut(
            paper=pick.paper,
            score=pick.score,
            section=pick.section,
            why=pick.reason.kind,
            value=pick.reason.shareable.value,
        )
        for pick in queries.picks(session, entry.key)
    ]
    return DigestOut(**dict(DeliveryOut.model_validate(entry)), covers_from=entry.covers_from, picks=picks)
