"""Search the papers of a subscriber, and save, tag, note and remove them."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response
from fastapi.concurrency import run_in_threadpool

from digestd.domain.paper import PaperId, paper_id
from digestd.security.tokens import Scope
from digestd.store.feedback import ReaderPaper
from digestd.subscribers import saved_papers
from digestd.web.api.auth import needs, run_without_disclosure
from digestd.web.api.papers import Searching, SearchQuery, paper_out
from digestd.web.api.shapes import Cursor, Limit, Number, ResultPage, SavedIn, SavedOut
from digestd.web.api.subscribers import ACCEPTED, Api, Writer

router = APIRouter(prefix="/subscribers/{number}/saved", tags=["subscribers"])
Tag = Annotated[str, Query(max_length=saved_papers.TAG_MAX, description="Only saved papers with this tag")]


@router.get("", dependencies=[Depends(needs(Scope.READ))])
async def list_saved(
    number: Number,
    api: Api,
    searching: Searching,
    limit: Limit = 50,
    cursor: Cursor = None,
    q: SearchQuery = "",
    tag: Tag = "",
) -> ResultPage[SavedOut]:
    """List the saved papers of a subscriber, newest first.

    With `q`: the papers that fit these words best, of all that they were sent and saved.
    """

    def find() -> ResultPage[SavedOut]:
        key, start = api.one(number).key, cursor or 0
        with api.db.read() as session:
            found = saved_papers.find_papers(session, searching.open_encoder, key, q, tag)
        items = [_saved(one) for one in found[start : start + limit]]
        return ResultPage(items=items, next=start + limit if len(found) > start + limit else None)

    return await (searching.run(find) if q.strip() else run_in_threadpool(find))


@router.put("/{id:path}", response_model=SavedOut, responses=ACCEPTED)
async def save_paper(
    number: Number, id: str, token: Writer, api: Api, given: SavedIn | None = None
) -> SavedOut | Response:
    """Save a paper, unless it is saved, and replace its tags and note if they are sent. Safe to repeat."""
    paper, wanted = paper_id(id, "paper"), given or SavedIn()
    saved_papers.read_tags(wanted.tags or ())
    saved_papers.read_note(wanted.note or "")

    def save() -> SavedOut:
        key = api.known(number).key
        saved_papers.save(api.db, key, paper, api.now)
        before = _one(api, key, paper)
        tags = before.tags if wanted.tags is None else wanted.tags
        saved_papers.annotate(api.db, key, paper, tags, before.note if wanted.note is None else wanted.note)
        return _saved(_one(api, key, paper))

    return await run_without_disclosure(token, save)


@router.delete("/{id:path}", status_code=204)
async def remove_paper(number: Number, id: str, token: Writer, api: Api) -> Response:
    """Remove a saved paper, with its tags and note. Safe to repeat."""
    paper = paper_id(id, "paper")

    def remove() -> Response:
        saved_papers.remove(api.db, api.known(number).key, paper, api.now)
        return Response(status_code=204)

    return await run_without_disclosure(token, remove, 204)


def _one(api: Api, key: int, paper: PaperId) -> ReaderPaper:
    with api.db.read() as session:
        return saved_papers.saved_paper(session, key, paper)


def _saved(one: ReaderPaper) -> SavedOut:
    return SavedOut(paper=paper_out(one.paper), saved=one.saved, tags=list(one.tags), note=one.note)
