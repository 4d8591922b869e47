"""Search the papers of a subscriber, and save, tag, note and remove them."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Response

from digestd.domain.paper import paper_id
from digestd.errors import NotFound
from digestd.mail.outlets import FILES, by_ending
from digestd.security.tokens import Scope
from digestd.store.feedback import ReaderPaper
from digestd.subscribers import saved_papers
from digestd.web.api.auth import needs, run_without_disclosure
from digestd.web.api.papers import Searching, SearchQuery, paper_out
from digestd.web.api.shapes import Cursor, Limit, Number, ResultPage, SavedIn, SavedOut
from digestd.web.api.subscribers import ACCEPTED, Api, Writer
from digestd.web.dependencies import SitePages
from digestd.web.pages import as_file

router = APIRouter(prefix="/subscribers/{number}/saved", tags=["subscribers"])
_FILES: dict[int | str, dict[str, Any]] = {
    200: {"description": "A file", "content": {one.media_type: {} for one in FILES}}
}
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

    return await searching.run(q, find)


@router.get(".{ending}", dependencies=[Depends(needs(Scope.READ))], responses=_FILES, response_class=Response)
async def export_saved(
    number: Number,
    ending: Annotated[str, Path(description=f"One of {', '.join(one.ending for one in FILES)}")],
    api: Api,
    searching: Searching,
    pages: SitePages,
    q: SearchQuery = "",
    tag: Tag = "",
) -> Response:
    """Return the same papers as a file, with tags and notes."""
    outlet = by_ending(ending)
    if outlet is None or outlet.is_feed:
        raise NotFound("there is no such form of a list of papers")

    def export() -> Response:
        owner = api.one(number)
        with api.db.read() as session:
            found = saved_papers.find_papers(session, searching.open_encoder, owner.key, q, tag)
        listed = saved_papers.own_list(found, pages.templates, owner, pages.site.list_name, api.now)
        return as_file(outlet, listed, f"saved.{ending}")

    return await searching.run(q, export)


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
        with api.db.write() as session:
            saved_papers.save_in_session(session, key, paper, api.now)
            return _saved(saved_papers.annotate_in_session(session, key, paper, wanted.tags, wanted.note))

    return await run_without_disclosure(token, save)


@router.delete("/{id:path}", status_code=204)
async def remove_paper(number: Number, id: str, token: Writer, api: Api) -> Response:
    """Remove a saved paper, with its tags and note. Safe to repeat."""
    paper = paper_id(id, "paper")

    def remove() -> Response:
        saved_papers.remove(api.db, api.known(number).key, paper, api.now)
        return Response(status_code=204)

    return await run_without_disclosure(token, remove, 204)


def _saved(one: ReaderPaper) -> SavedOut:
    return SavedOut(paper=paper_out(one.paper), saved=one.saved, tags=list(one.tags), note=one.note)
