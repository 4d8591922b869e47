"""Show a digest in the browser, and offer it as files.

/d/{token}                    the digest
/d/{token}/digest.md, .bib…   the same as a file, see `mail.outlets`
"""

from html import escape
from typing import Annotated

from fastapi import APIRouter, Depends
from starlette.responses import HTMLResponse, Response

from digestd.delivery.composer import Composer
from digestd.domain.delivery import Claim
from digestd.errors import NotFound
from digestd.mail.outlets import FILES, by_ending
from digestd.security.tokens import Purpose, read_token
from digestd.store.database import Database
from digestd.store.ledger import queries
from digestd.web.dependencies import Db, Links, Now, SigningKeys, part
from digestd.web.middleware import INLINE_STYLE
from digestd.web.pages import SHOW, as_file

_END = "</body>"
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
def show(token: str, delivery: _Delivery, db: Db, composer: _Composer, urls: Links) -> Response:
    html = with_file_links(view_digest(db, composer, delivery), f"{urls.view(token)}/digest.")
    return HTMLResponse(html, headers={"Content-Security-Policy": INLINE_STYLE})


@router.api_route("/d/{token}/digest.{ending}", methods=SHOW)
def download(token: str, ending: str, delivery: _Delivery, db: Db, composer: _Composer, urls: Links) -> Response:
    claim, outlet = _digest(db, delivery), by_ending(ending)
    if outlet is None or outlet.is_feed:
        raise NotFound("no such file")
    listed = composer.paper_list(claim, urls.view(token))
    return as_file(outlet, listed, f"{claim.period}.{ending}")


def with_file_links(page: str, base: str) -> str:
    """Return the page of a digest with links to its files at the end. `base`: their URL without the ending."""
    links = " · ".join(
        f'<a href="{escape(base + outlet.ending)}" style="{_LINK_STYLE}">{outlet.label}</a>' for outlet in FILES
    )
    before, end, after = page.rpartition(_END)
    return f'{before}<footer class="foot" style="{_LINKS_STYLE}">{links}</footer>\n{end}{after}' if end else page


def view_digest(db: Database, composer: Composer, delivery: int) -> str:
    """Return the HTML of a digest, composed again from its frozen input.

    Damaged coverage is left out, as readers come for the papers. Titles of private references are left out, because
    people share the address of this page.

    Raises:
        NotFound: The digest does not exist or was removed.
    """
    claim = _digest(db, delivery)
    composer.prepare([claim])
    picks = tuple(pick._replace(reason=pick.reason.shareable) for pick in claim.picks)
    facts = claim.facts._replace(coverage=claim.facts.coverage or {})
    return composer.render_page(claim._replace(facts=facts, picks=picks))


def _digest(db: Database, delivery: int) -> Claim:
    """Return a digest of the ledger. Raises NotFound if it does not exist or was removed."""
    with db.read() as session:
        claim = queries.as_claim(session, delivery)
    if claim is None or not claim.picks:
        raise NotFound("there is no such digest any more")
    return claim
