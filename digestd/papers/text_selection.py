"""Select the texts of a paper from its sightings, by trust and without regard to time. Pure."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from digestd.domain.paper import PaperId, Words
from digestd.domain.tex import to_plain
from digestd.store.sightings import PaperText, StoredSighting

_TRUST = {"arxiv": 4, "arxiv-oai": 3, "import": 2, "arxiv-rss": 1}
_NOW = datetime.max.replace(tzinfo=UTC)


class PlainTexts(dict[str, str]):
    """Texts converted for readers, each once."""

    def __missing__(self, text: str) -> str:
        self[text] = found = to_plain(text)
        return found


def select_text(name: PaperId, said: Sequence[StoredSighting]) -> PaperText:
    """Return the texts of the most trusted source; gaps are filled from the next."""
    ranked = [one.sighting for one in sorted(said, key=_trust, reverse=True)]
    links = _files(name)
    for sighting in reversed(ranked):
        links |= sighting.links
    return PaperText(
        words=Words(
            title=ranked[0].words.title,
            abstract=next((s.words.abstract for s in ranked if s.words.abstract), ""),
            authors=next((s.words.authors for s in ranked if s.words.authors), ()),
            categories=next((s.words.categories for s in ranked if s.words.categories), ()),
        ),
        url=next((s.url for s in ranked if s.url), None) or _home(name),
        links=dict(sorted(links.items())),
    )


def is_withdrawn(said: Sequence[StoredSighting]) -> bool:
    """Return True if the work was withdrawn: by arXiv's newest sighting, without one by any.

    Of one version any of arXiv's interfaces may know it. A word without a version counts if it
    came no earlier than those of the newest.
    """
    own = [one for one in said if _is_arxiv(one)]
    newest = max((one.sighting.version or 0 for one in own), default=0)
    since = min((one.seen or _NOW for one in own if (one.sighting.version or 0) == newest), default=_NOW)
    counted = [one for one in own if (one.sighting.version or newest) == newest and (one.seen or _NOW) >= since]
    return any(one.sighting.withdrawn for one in counted or said)


def _trust(said: StoredSighting) -> tuple[bool, int, int, bool, str, str]:
    """Return the sort key: arXiv's newest version first, then by source, then by name."""
    kind = said.source.partition(":")[0]
    own = said.sighting.ids[0]
    is_arxiv = _is_arxiv(said)
    version = (said.sighting.version or 0) if is_arxiv else 0
    return is_arxiv, version, _TRUST.get(kind, 0), own.startswith("arxiv:"), said.source, own


def _is_arxiv(said: StoredSighting) -> bool:
    return said.source.partition(":")[0].partition("-")[0] == "arxiv"


def _home(name: PaperId) -> str | None:
    scheme, _, value = name.partition(":")
    homes: Mapping[str, str] = {"arxiv": "https://arxiv.org/abs/", "doi": "https://doi.org/"}
    return homes[scheme] + value if scheme in homes else None


def _files(name: PaperId) -> dict[str, str]:
    """Return the links to store with the texts, so that a planned digest keeps its links."""
    scheme, _, value = name.partition(":")
    return {"pdf": f"https://arxiv.org/pdf/{value}"} if scheme == "arxiv" else {}
