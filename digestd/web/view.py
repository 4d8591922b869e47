"""Show a digest in the browser, and offer it as files.

/d/{token}                    the digest
/d/{token}/digest.md, .bib…   the same as a file, see `mail.outlets`
/d/{token}/digest.ics         the sessions of a programme, as far as they are known

The page of a programme can be filtered: ?q= by words, ?topic= by what papers were picked for.
"""

import re
from collections.abc import Mapping, Sequence
from html import escape
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from starlette.responses import HTMLResponse, Response

from digestd.delivery.composer import Composer, KeepItem
from digestd.domain.delivery import Claim, MailKind
from digestd.domain.digest import INTEREST_KINDS
from digestd.errors import NotFound
from digestd.mail.calendar import ENDING, MEDIA_TYPE, Event, calendar
from digestd.mail.content import DigestItem
from digestd.mail.outlets import FILES, by_ending
from digestd.mail.rendering import render_page
from digestd.security.tokens import Purpose, read_token
from digestd.store.database import Database
from digestd.store.ledger import queries
from digestd.store.papers import conferences
from digestd.store.timestamps import from_us
from digestd.text.scripts import fold
from digestd.web.dependencies import Db, Links, Now, SigningKeys, part
from digestd.web.middleware import INLINE_STYLE
from digestd.web.pages import SHOW, as_file

_END = "</body>"
_BODY = re.compile("<body[^>]*>")
_LINKS_STYLE = "margin:0 auto;padding:0 16px 32px;max-width:600px;font:14px/1.5 sans-serif;text-align:center"
_LINK_STYLE = "color:#6a645a"
_FILTERED = INLINE_STYLE.replace("form-action 'none'", "form-action 'self'")
_Words = Annotated[str, Query(max_length=200)]
router = APIRouter()
_Composer = Annotated[Composer, Depends(part(lambda app: Composer(app.db, app.sender, app.templates)))]
"""One for all requests, as digests of a day share most of their papers."""


async def _delivery(token: str, keys: SigningKeys, now: Now) -> int:
    return read_token(keys, Purpose.VIEW, token, now).number


_Delivery = Annotated[int, Depends(_delivery)]
"""The number of the delivery that a link shows."""


@router.api_route("/d/{token}", methods=SHOW)
def show(
    token: str,
    delivery: _Delivery,
    db: Db,
    composer: _Composer,
    urls: Links,
    q: _Words = "",
    topic: _Words = "",
) -> Response:
    claim, view = _digest(db, delivery), urls.view(token)
    if claim.kind is not MailKind.PROGRAMME:
        html = with_file_links(view_digest(composer, claim), f"{view}/digest.")
        return HTMLResponse(html, headers={"Content-Security-Policy": INLINE_STYLE})
    kept: list[bool] = []

    def keep(item: DigestItem) -> bool:
        kept.append(_fits(item, q, topic))
        return kept[-1]

    html = view_digest(composer, claim, keep)
    more = [(ENDING, "iCalendar")] if _events(db, composer, claim, view) else []
    asked = {"view": view, "words": q, "topic": topic, "is_none": not any(kept)}
    html = _with_filter(with_file_links(html, f"{view}/digest.", more), composer, claim, asked)
    return HTMLResponse(html, headers={"Content-Security-Policy": _FILTERED})


@router.api_route("/d/{token}/digest.{ending}", methods=SHOW)
def download(token: str, ending: str, delivery: _Delivery, db: Db, composer: _Composer, urls: Links) -> Response:
    claim, outlet = _digest(db, delivery), by_ending(ending)
    if ending == ENDING and (events := _events(db, composer, claim, urls.view(token))):
        body = calendar(claim.period, events, from_us(claim.dated_us))
        named = {"Content-Disposition": f'attachment; filename="{claim.period}.{ENDING}"'}
        return Response(body, media_type=MEDIA_TYPE, headers=named)
    if outlet is None or outlet.is_feed:
        raise NotFound("no such file")
    listed = composer.paper_list(claim, urls.view(token))
    return as_file(outlet, listed, f"{claim.period}.{ending}")


def _events(db: Database, composer: Composer, claim: Claim, view: str) -> list[Event]:
    """Return the sessions of a programme that are known; none of any other digest."""
    if claim.kind is not MailKind.PROGRAMME:
        return []
    with db.read() as session:
        known = conferences.sessions(session, claim.period, [pick.paper for pick in claim.picks])
    listed = composer.paper_list(claim, view) if known else None
    if listed is None:
        return []
    shown = {item.paper.number: item for item in listed.items}
    return [
        Event(listed.urn_of(item), item.paper.title, *known[key], text=item.why, url=item.paper.page)
        for key in known
        if (item := shown.get(key))
    ]


def _fits(item: DigestItem, words: str, topic: str) -> bool:
    """Return True if a paper has each of some words, and was picked for a topic, if one is given."""
    paper, reason = item.paper, item.reason
    has = fold(" ".join([paper.title, paper.full_abstract, *(one.name for one in paper.people), reason.value]))
    return (not topic or reason.value == topic) and all(word in has for word in fold(words).split())


def _with_filter(page: str, composer: Composer, claim: Claim, asked: Mapping[str, object]) -> str:
    """Return the page of a programme with the form that filters it. `asked`: what the form is filled with."""
    named = [pick.reason.shareable.value for pick in claim.picks if pick.reason.kind in INTEREST_KINDS]
    topics = list(dict.fromkeys(named))
    form = render_page(composer.templates, "web/programme_filter.html.j2", claim.language, topics=topics, **asked)
    return _BODY.sub(lambda tag: tag[0] + form, page, count=1)


def with_file_links(page: str, base: str, more: Sequence[tuple[str, str]] = ()) -> str:
    """Return the page of a digest with links to its files at the end.

    Args:
        base: Their URL without the ending.
        more: Ending and label of other files.
    """
    files = [*((outlet.ending, outlet.label) for outlet in FILES), *more]
    links = " · ".join(
        f'<a href="{escape(base + ending)}" style="{_LINK_STYLE}">{label}</a>' for ending, label in files
    )
    before, end, after = page.rpartition(_END)
    return f'{before}<footer class="foot" style="{_LINKS_STYLE}">{links}</footer>\n{end}{after}' if end else page


def view_digest(composer: Composer, claim: Claim, keep: KeepItem = lambda _item: True) -> str:
    """Return the HTML of a digest, composed again from its frozen input, with the papers that are kept.

    Damaged coverage is left out, as readers come for the papers. Titles of private references are left out, because
    people share the address of this page.
    """
    composer.prepare([claim])
    picks = tuple(pick._replace(reason=pick.reason.shareable) for pick in claim.picks)
    facts = claim.facts._replace(coverage=claim.facts.coverage or {})
    return composer.render_page(claim._replace(facts=facts, picks=picks), keep)


def _digest(db: Database, delivery: int) -> Claim:
    """Return a digest of the ledger. Raises NotFound if it does not exist or was removed."""
    with db.read() as session:
        claim = queries.as_claim(session, delivery)
    if claim is None or not claim.picks:
        raise NotFound("there is no such digest any more")
    return claim
