"""Show a digest in the browser, and offer it as files.

/d/{token}                    the digest; of a programme also what was picked for its n-th topic: ?topic=n
/d/{token}/digest.md, .bib…   the same as a file, see `mail.outlets`
/d/{token}/digest.ics         the sessions of a programme, as far as they are known
"""

import re
from collections import Counter
from collections.abc import Sequence
from html import escape
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from starlette.responses import HTMLResponse, Response

from digestd.delivery.composer import Composer
from digestd.domain.delivery import Claim
from digestd.domain.digest import INTEREST_KINDS
from digestd.errors import NotFound
from digestd.mail.calendar import ENDING, MEDIA_TYPE, Event, calendar
from digestd.mail.outlets import FILES, by_ending
from digestd.mail.rendering import render_page
from digestd.security.tokens import Purpose, read_token
from digestd.store.database import Database
from digestd.store.ledger import queries
from digestd.store.papers import conferences
from digestd.store.timestamps import from_us
from digestd.web.dependencies import Db, Links, Now, SigningKeys, part
from digestd.web.middleware import INLINE_STYLE
from digestd.web.pages import SHOW, as_file

_END = "</body>"
_BODY = re.compile("<body[^>]*>")
_LINKS_STYLE = "margin:0 auto;padding:0 16px 32px;max-width:600px;font:14px/1.5 sans-serif;text-align:center"
_LINK_STYLE = "color:#6a645a"
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
    topic: Annotated[int, Query(ge=0)] = 0,
) -> Response:
    claim, view = _digest(db, delivery), urls.view(token)
    reasons = [pick.reason.shareable for pick in claim.picks if claim.conference]  # other digests offer no choice
    topics = Counter(reason.value for reason in reasons if reason.kind in INTEREST_KINDS and reason.value)
    html = view_digest(composer, claim, ["", *topics][topic] if topic <= len(topics) else "")
    if len(topics) > 1:
        counts = {"topics": topics, "count": len(claim.picks), "chosen": topic}
        form = render_page(composer.templates, "web/programme_topics.html.j2", claim.language, **counts)
        html = _BODY.sub(lambda tag: tag[0] + form, html, count=1)
    more = [(ENDING, "iCalendar")] if _sessions(db, claim) else []
    html = with_file_links(html, f"{view}/digest.", more)
    return HTMLResponse(html, headers={"Content-Security-Policy": INLINE_STYLE})


@router.api_route("/d/{token}/digest.{ending}", methods=SHOW)
def download(token: str, ending: str, delivery: _Delivery, db: Db, composer: _Composer, urls: Links) -> Response:
    claim, outlet = _digest(db, delivery), by_ending(ending)
    name = f"{claim.period}.{ending}"
    if ending == ENDING and (known := _sessions(db, claim)):
        listed = composer.paper_list(claim, urls.view(token))
        events = [
            Event(
                *(listed.urn_of(item), item.paper.title, *known[item.paper.number], item.why),
                url=item.paper.page or urls.paper(item.paper.id),
            )
            for item in listed.items
            if item.paper.number in known
        ]
        named = {"Content-Disposition": f'attachment; filename="{name}"'}
        return Response(
            calendar(claim.conference, events, from_us(claim.dated_us)), media_type=MEDIA_TYPE, headers=named
        )
    if outlet is None or outlet.is_feed:
        raise NotFound("no such file")
    return as_file(outlet, composer.paper_list(claim, urls.view(token)), name)


def _sessions(db: Database, claim: Claim) -> conferences.Sessions:
    """Return the sessions of a programme that are known; none of any other digest."""
    if not claim.conference:
        return {}
    with db.read() as session:
        return conferences.sessions(session, claim.conference, [pick.paper for pick in claim.picks])


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


def view_digest(composer: Composer, claim: Claim, topic: str = "") -> str:
    """Return the HTML of a digest, composed again from its frozen input: all of it, or the papers for a topic.

    Damaged coverage is left out, as readers come for the papers. Titles of private references are left out, because
    people share the address of this page.
    """
    composer.prepare([claim])
    picks = tuple(pick._replace(reason=pick.reason.shareable) for pick in claim.picks)
    facts = claim.facts._replace(coverage=claim.facts.coverage or {})
    return composer.render_page(claim._replace(facts=facts, picks=picks), topic)


def _digest(db: Database, delivery: int) -> Claim:
    """Return a digest of the ledger. Raises NotFound if it does not exist or was removed."""
    with db.read() as session:
        claim = queries.as_claim(session, delivery)
    if claim is None or not claim.picks:
        raise NotFound("there is no such digest any more")
    return claim
