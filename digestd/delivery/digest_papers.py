"""Return a digest as a list of papers, for outlets."""

from digestd.domain.delivery import Claim, MailKind
from digestd.mail.outlets import ListedPaper, PaperList
from digestd.mail.templates import Templates
from digestd.store import papers
from digestd.store.database import Database
from digestd.store.timestamps import from_us


def digest_papers(db: Database, templates: Templates, list_name: str, claim: Claim, view: str = "") -> PaperList:
    """Return the papers of a digest as they were when it was planned, with their reasons.

    People share files, so it contains nothing personal: no name, no title of a private reference, and no link but that
    of its web page.

    Args:
        templates: Render the reasons.
        list_name: The name of the mailing list, for the title.
        view: URL of its web page, or empty.
    """
    with db.read() as session:
        found = papers.revisions(session, sorted({pick.revision for pick in claim.picks}))
    at, language = from_us(claim.dated_us), claim.language
    items = [
        ListedPaper.of(found[pick.revision], at, templates, language, pick.reason)
        for pick in claim.picks
        if pick.revision in found
    ]
    title = f"{list_name}, {claim.covers_from if claim.kind is MailKind.COPY else claim.period}"
    return PaperList(claim.message_id, title, view, "", language, at, tuple(items))
