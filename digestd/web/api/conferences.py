"""List conferences, and open their programmes."""

from fastapi import APIRouter, Depends

from digestd.security.tokens import Scope
from digestd.store.papers import conferences
from digestd.store.papers.conferences import Conference
from digestd.web.api.auth import needs
from digestd.web.dependencies import Db

router = APIRouter(prefix="/conferences", tags=["conferences"], dependencies=[Depends(needs(Scope.READ))])


@router.get("")
def list_conferences(db: Db) -> list[Conference]:
    """List conferences in the order they were added."""
    with db.read() as session:
        return conferences.listing(session)


@router.post("/{name}/plan", dependencies=[Depends(needs(Scope.WRITE))])
def plan_programmes(name: str, db: Db) -> Conference:
    """Have each follower get their programme after their next digest, whether or not the list is complete."""
    with db.write() as session:
        return conferences.open_programmes(session, name)
