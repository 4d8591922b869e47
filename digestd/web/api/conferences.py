"""List conferences, and have their programmes planned."""

from datetime import datetime

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict

from digestd.security.tokens import Scope
from digestd.store.papers import conferences
from digestd.store.papers.conferences import Conference, Programmes
from digestd.web.api.auth import needs
from digestd.web.dependencies import Db

router = APIRouter(prefix="/conferences", tags=["conferences"], dependencies=[Depends(needs(Scope.READ))])


class ConferenceOut(BaseModel):
    """A conference: how many papers its source has listed, and how many subscribers have a programme."""

    model_config = ConfigDict(json_schema_serialization_defaults_required=True)
    name: str
    source: str
    state: Programmes
    papers: int
    newest: datetime | None
    programmes: int


@router.get("")
def list_conferences(db: Db) -> list[ConferenceOut]:
    """List conferences in the order they were added."""
    with db.read() as session:
        return list(map(_shown, conferences.listing(session)))


@router.post("/{name}/plan", status_code=202, dependencies=[Depends(needs(Scope.WRITE))])
def plan_programmes(name: str, db: Db) -> ConferenceOut:
    """Have programmes planned within minutes for those who follow a conference and have none. Safe to repeat."""
    with db.write() as session:
        conferences.set_programmes(session, conferences.find(session, name).name, Programmes.ASKED)
        return _shown(conferences.find(session, name))


def _shown(one: Conference) -> ConferenceOut:
    return ConferenceOut(
        name=one.name,
        source=one.source,
        state=one.state,
        papers=len(one.papers),
        newest=one.newest,
        programmes=one.sent,
    )
