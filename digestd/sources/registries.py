"""Single papers by identifier, at the registries that know it.

| registry | request | documented at |
|---|---|---|
| arXiv | GET /api/query?id_list=… | https://info.arxiv.org/help/api/user-manual.html |
| Hugging Face | GET /api/papers/… | https://huggingface.co/docs/hub/api |
| Crossref | GET /works/… | https://api.crossref.org/swagger-ui/index.html |
| DataCite | GET /dois/… | https://support.datacite.org/reference/get_dois-id |
| OpenReview | GET /notes?id=… | https://docs.openreview.net/reference/api-v2 |

DOIs are asked for at the two registries themselves. Content negotiation at doi.org would follow a redirect that whoever
registers a DOI can choose.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote, urlencode

from digestd.domain.paper import PaperId, Sighting
from digestd.errors import BadRecord
from digestd.sources.arxiv.api import ARXIV_PACE, read_entry
from digestd.sources.arxiv.calendar import DEFAULT_CALENDAR
from digestd.sources.crossref import Crossref, read_message, read_work
from digestd.sources.hugging_face import HfDaily, read_paper
from digestd.sources.identifiers import doi_at, doi_page
from digestd.sources.json_records import (
    JsonObject,
    as_list,
    list_at,
    load_object,
    object_at,
    read_records,
    require_object,
    text_at,
)
from digestd.sources.openreview import Openreview, read_note
from digestd.sources.source import Page, RateLimit, Request, make_words
from digestd.sources.xml_elements import ATOM, XmlElements, child_text
from digestd.text.markup import jats_to_text

UNKNOWN_STATUSES = frozenset({400, 404, 410})
"""Statuses by which a registry says that it has no such paper."""


@dataclass(frozen=True, slots=True)
class Registry:
    """A registry that can be asked for papers by identifier.

    Attributes:
        label: the name shown to people.
        base: the address of its API.
        rate_limit: how often requests may be sent, shared with the source of the same host.
        path: returns the rest of the address, given the values of identifiers.
        read: returns the papers of an answer; raises SourceFailed if it is not one of this registry.
        ids_max: how many identifiers one request may name.
        unknown_statuses: those by which it says that it has no such paper.
    """

    label: str
    base: str
    rate_limit: RateLimit
    path: Callable[[Sequence[str]], str]
    read: Callable[[bytes], list[Sighting]]
    ids_max: int = 1
    unknown_statuses: frozenset[int] = UNKNOWN_STATUSES

    @property
    def name(self) -> str:
        """Return its name; the parser process has one for each."""
        return f"registry:{self.label}"

    def request(self, names: Sequence[PaperId]) -> Request:
        return Request(self.base + self.path([name.partition(":")[2] for name in names]), fresh=True)

    def parse(self, body: bytes, cursor: str | None = None) -> Page:
        """Parse the answer: the papers that the registry has.

        Nothing if the record has no title, as covers and journals. Raises SourceFailed.
        """
        del cursor
        try:
            return Page(tuple(self.read(body)))
        except BadRecord:
            return Page()


def _arxiv_path(values: Sequence[str]) -> str:
    return f"/api/query?{urlencode({'id_list': ','.join(values), 'max_results': str(len(values))})}"


def _hugging_face_path(values: Sequence[str]) -> str:
    return f"/api/papers/{quote(values[0])}"


def _crossref_path(values: Sequence[str]) -> str:
    return f"/works/{quote(values[0], safe='')}"


def _datacite_path(values: Sequence[str]) -> str:
    return f"/dois/{quote(values[0], safe='')}"


def _openreview_path(values: Sequence[str]) -> str:
    return f"/notes?{urlencode({'id': values[0]})}"


def _read_arxiv(body: bytes) -> list[Sighting]:
    """Return the papers; of an unknown identifier there is no entry, or one that lacks nearly everything."""
    found: list[Sighting] = []
    for entry in XmlElements(body, frozenset({ATOM + "feed"})).read(ATOM + "entry"):
        if "/api/errors" in child_text(entry, ATOM + "id"):
            continue
        try:
            found.append(read_entry(entry, DEFAULT_CALENDAR))
        except (BadRecord, ValueError):
            continue
    return found


def _read_hugging_face(body: bytes) -> list[Sighting]:
    return [read_paper({"paper": load_object(body)})]


def _read_crossref(body: bytes) -> list[Sighting]:
    return list(read_work(read_message(load_object(body))))


def _read_datacite(body: bytes) -> list[Sighting]:
    work = object_at(object_at(load_object(body), "data"), "attributes")
    own = doi_at(work, "doi")
    titles = [text_at(one, "title") for one in _objects(work, "titles")]
    abstracts = [
        text_at(one, "description")
        for one in _objects(work, "descriptions")
        if text_at(one, "descriptionType") == "Abstract"
    ]
    words = make_words(
        jats_to_text(next(iter(titles), "")),
        jats_to_text(next(iter(abstracts), "")),
        [_creator(one) for one in _objects(work, "creators")],
    )
    return [Sighting((own,), words, url=doi_page([own]))]


def _read_openreview(body: bytes) -> list[Sighting]:
    """Return the notes that are papers; reviews and comments are none."""
    return read_records(list_at(load_object(body), "notes"), read_note)[0]


def _objects(work: JsonObject, key: str) -> list[JsonObject]:
    return [require_object(one, key) for one in as_list(work.get(key))]


def _creator(creator: JsonObject) -> str:
    names = [text_at(creator, key) for key in ("givenName", "familyName")]
    return " ".join(names) if all(names) else text_at(creator, "name")


_OPENREVIEW = (Openreview.rate_limit, _openreview_path, _read_openreview, 1, UNKNOWN_STATUSES | {403})
"""A note that is not public is forbidden."""
_DATACITE_PACE = RateLimit("api.datacite.org", 1.0, exclusive=True)
REGISTRIES: Mapping[str, tuple[Registry, ...]] = {
    "arxiv": (
        Registry("arXiv", "https://export.arxiv.org", ARXIV_PACE, _arxiv_path, _read_arxiv, ids_max=20),
        Registry("Hugging Face", "https://huggingface.co", HfDaily.rate_limit, _hugging_face_path, _read_hugging_face),
    ),
    "doi": (
        Registry("Crossref", "https://api.crossref.org", Crossref.rate_limit, _crossref_path, _read_crossref),
        Registry("DataCite", "https://api.datacite.org", _DATACITE_PACE, _datacite_path, _read_datacite),
    ),
    "openreview": (
        Registry("OpenReview", "https://api2.openreview.net", *_OPENREVIEW),
        Registry("OpenReview", "https://api.openreview.net", *_OPENREVIEW),
    ),
}
"""The registries of each scheme of identifiers, in the order asked (labels: domain.reference.REGISTRY_LABELS)."""
