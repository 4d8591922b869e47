"""Outlets: forms in which papers leave the mail, as files and feeds.

An outlet is a function and one line in OUTLETS. Every outlet writes any list of papers: one digest, all digests of a
subscriber, their saved papers, and the public papers of the day. The web page of a digest is not among them: it is the
HTML part of the mail (see `Composer.render_page`).
"""

from collections.abc import Mapping

from digestd.mail.outlets.citations import bibtex, csl, ris
from digestd.mail.outlets.feeds import atom, json_feed
from digestd.mail.outlets.markdown import markdown
from digestd.mail.outlets.outlet import ListedPaper, Outlet, PaperList

__all__ = ["FEEDS", "FILES", "OUTLETS", "ListedPaper", "Outlet", "PaperList", "by_ending"]

OUTLETS: Mapping[str, Outlet] = {
    "markdown": Outlet("Markdown", "md", "text/markdown; charset=utf-8; variant=CommonMark", markdown),
    "bibtex": Outlet("BibTeX", "bib", "application/x-bibtex; charset=utf-8", bibtex),
    "ris": Outlet("RIS", "ris", "application/x-research-info-systems; charset=utf-8", ris),
    "csl": Outlet("CSL-JSON", "csl.json", "application/vnd.citationstyles.csl+json; charset=utf-8", csl),
    "atom": Outlet("Atom", "atom", "application/atom+xml; charset=utf-8", atom, is_feed=True),
    "json": Outlet("JSON Feed", "json", "application/feed+json; charset=utf-8", json_feed, is_feed=True),
}
"""By name, as in `digestd preview --as markdown`; pages show them in this order."""
FILES = tuple(outlet for outlet in OUTLETS.values() if not outlet.is_feed)
FEEDS = tuple(outlet for outlet in OUTLETS.values() if outlet.is_feed)
_BY_ENDING = {outlet.ending: outlet for outlet in OUTLETS.values()}


def by_ending(ending: str) -> Outlet | None:
    return _BY_ENDING.get(ending)
