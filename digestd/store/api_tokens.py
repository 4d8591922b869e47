"""API tokens; only a hash of each is stored."""

import hashlib
import hmac
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, insert, select, update
from sqlmodel import Session

from digestd.security.tokens import Scope
from digestd.store import core
from digestd.store.timestamps import from_us, to_us

_T = core.api_token.c


@dataclass(frozen=True, slots=True)
class ApiToken:
    """A token as listed; its secret is not stored."""

    key: int
    name: str
    scopes: frozenset[Scope]
    created: datetime
    revoked: datetime | None


def add(session: Session, name: str, secret: str, scopes: Collection[Scope], now: datetime) -> int:
    """Store the hash of a new token and return its number."""
    row = {
        "name": name,
        "hash": _hash(secret),
        "scopes": " ".join(sorted(scopes)),
        "created_us": to_us(now),
        "revoked_us": None,
    }
    return int(session.connection().execute(insert(core.api_token).values(row).returning(_T.id)).scalar_one())


def authenticate(session: Session, number: int, secret: str) -> ApiToken | None:
    row = session.connection().execute(select(core.api_token).where(_T.id == number)).first()
    is_same = hmac.compare_digest(_hash(secret), bytes(32) if row is None else bytes(row.hash))
    return _token(row) if row is not None and is_same and row.revoked_us is None else None


def is_any_valid(session: Session) -> bool:
    return bool(session.connection().execute(select(func.count()).where(_T.revoked_us.is_(None))).scalar_one())


def listing(session: Session) -> list[ApiToken]:
    """Return all tokens, including revoked ones, oldest first."""
    return [_token(row) for row in session.connection().execute(select(core.api_token).order_by(_T.id))]


def revoke(session: Session, number: int, now: datetime) -> bool:
    """Revoke a token; return False if there is no valid one of this number."""
    change = update(core.api_token).where(_T.id == number, _T.revoked_us.is_(None)).values(revoked_us=to_us(now))
    return session.connection().execute(change.returning(_T.id)).first() is not None


def _hash(secret: str) -> bytes:
    """Return a plain hash; secrets are 32 random bytes, so nobody can guess them."""
    return hashlib.sha256(secret.encode()).digest()


def _token(row: core.Record) -> ApiToken:
    return ApiToken(
        key=row.id,
        name=row.name,
        scopes=frozenset(Scope(scope) for scope in row.scopes.split()),
        created=from_us(row.created_us),
        revoked=None if row.revoked_us is None else from_us(row.revoked_us),
    )
