"""Papers as JSON lines: the input of `paper import`, and the source `jsonl:PATH`.

One object per line: `title` (required), `id`, `abstract`, `authors` [str], `categories` [str], `published`
(ISO 8601), `url`, `doi`, `signals` {name: number}, `links` {code, pdf, discussion, project}, `venue`, `affiliations`
[str], `summary` (shown as machine-written). A missing id is made from `doi`, else from title and first author. Unknown
keys are refused.
"""

import difflib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from json import JSONDecodeError

from digestd.domain.paper import AFFILIATIONS_MAX, NAME_MAX, SUMMARY_MAX, PaperId, Sighting, Words, doi_id, paper_id
from digestd.errors import BadRecord
from digestd.sources.identifiers import title_hash_id
from digestd.sources.source import (
    FileSource,
    Page,
    clean_line,
    clean_names,
    is_plain_name,
    make_words,
    parse_timestamp,
    read_each,
    web_url,
)
from digestd.text.inputs import load_json
from digestd.text.markup import without_styles
from digestd.text.people import plain_name

LINE_MAX = 1_000_000
KEYS = (
    *("title", "id", "abstract", "authors", "categories", "published", "url", "doi", "signals", "links"),
    *("venue", "affiliations", "summary"),
)
LINKS = ("code", "pdf", "discussion", "project")


@dataclass(frozen=True, slots=True)
class JsonlFile(FileSource):
    """A file of papers, read from disk by the fetcher."""

    kind = "jsonl"

    def parse(self, body: bytes, cursor: str | None = None) -> Page:
        """Parse every line; reject those that cannot be parsed and keep the others."""
        del cursor
        lines = ((f"line {number}", line) for number, line in enumerate(body.split(b"\n"), start=1))
        sightings, rejects = read_each(lines, lambda line: filter(None, [read_line(line)]))
        return Page(tuple(sightings), None, tuple(rejects))


def read_line(line: bytes) -> Sighting | None:
    """Return one line as a sighting, or None if it is empty. Raises BadRecord with field and remedy."""
    if len(line) > LINE_MAX:
        raise BadRecord("line", f"is longer than {LINE_MAX} bytes; one paper a line")
    line = line.removeprefix(b"\xef\xbb\xbf").strip()
    if not line:
        return None
    try:
        record = load_json(line)
    except UnicodeDecodeError as error:
        raise BadRecord("line", "is not UTF-8; convert the file first") from error
    except ValueError as error:
        why = error.msg if isinstance(error, JSONDecodeError) else str(error)[:100]
        raise BadRecord("line", f"is not a JSON object: {why}") from error
    if not isinstance(record, dict):
        raise BadRecord("line", "is not a JSON object; write one {…} a line")
    return read_record(record)


def read_record(record: Mapping[str, object]) -> Sighting:
    """Return one paper as a sighting. Raises BadRecord with field and remedy."""
    _refuse_unknown(record, KEYS, "")
    title, abstract, summary = (without_styles(_text(record, key)) for key in ("title", "abstract", "summary"))
    authors = [plain_name(without_styles(name)) for name in texts_at(record, "authors")]
    paper = make_words(title, abstract, authors, texts_at(record, "categories"))
    return Sighting(
        ids=_ids(_text(record, "id"), _text(record, "doi"), paper),
        words=paper,
        published=_published(_text(record, "published")),
        url=_url(record.get("url"), "url"),
        links=_links(record.get("links")),
        signals=_signals(record.get("signals")),
        venue=clean_line(_text(record, "venue"), NAME_MAX),
        affiliations=clean_names(texts_at(record, "affiliations"), AFFILIATIONS_MAX),
        summary=clean_line(summary, SUMMARY_MAX),
    )


def _refuse_unknown(record: Mapping[str, object], known: tuple[str, ...], prefix: str) -> None:
    for key in record:
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"leave it out; known are {', '.join(known)}"
            raise BadRecord(prefix + key[:80], f"unknown key; {hint}")


def _text(record: Mapping[str, object], key: str) -> str:
    value = record.get(key)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise BadRecord(key, f'must be text, as in "{key}": "…"')
    return value


def texts_at(record: Mapping[str, object], key: str) -> list[str]:
    """Return the list of texts under a key, empty if it is missing. Raises BadRecord."""
    value = record.get(key)
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise BadRecord(key, f'must be a list of texts, as in "{key}": ["…", "…"]')
    return value


def _ids(given: str, doi: str, paper: Words) -> tuple[PaperId, ...]:
    found: list[PaperId] = [paper_id(given)] if given.strip() else []
    if doi.strip():
        named = doi_id(doi)
        if named is None:
            raise BadRecord("doi", f"{doi[:80]!r} is not a DOI like 10.1101/2024.01.01; correct it or leave it out")
        found.append(named)
    if not found:
        found.append(title_hash_id(paper))
    if found[0].startswith("merged:"):
        raise BadRecord("id", "the scheme merged: is digestd's own; use another")
    return tuple(dict.fromkeys(found))


def _published(text: str) -> datetime | None:
    if not text.strip():
        return None
    try:
        return parse_timestamp(text)
    except (ValueError, OverflowError) as error:
        raise BadRecord(
            "published", f"{text[:40]!r} is not a date; write it as 2026-11-24 or 2026-11-24T07:00:00Z"
        ) from error


def _url(value: object, field: str) -> str | None:
    if value is None or value == "":
        return None
    if (url := web_url(value)) is None:
        raise BadRecord(field, "must be a web address that starts with http:// or https://")
    return url


def _links(value: object) -> dict[str, str]:
    links = _object(value, "links")
    _refuse_unknown(links, LINKS, "links.")
    urls = {name: _url(url, f"links.{name}") for name, url in links.items()}
    return {name: url for name, url in urls.items() if url}


def _signals(value: object) -> dict[str, float]:
    signals = _object(value, "signals")
    for name, number in signals.items():
        if not is_plain_name(name):
            raise BadRecord(f"signals.{name[:40]}", "a signal is named like upvotes, comments, stars or citations")
        if isinstance(number, bool) or not isinstance(number, int | float) or not _is_measure(number):
            raise BadRecord(f"signals.{name}", "must be a number from 0 to 10^12")
    return {name: float(number) for name, number in signals.items() if isinstance(number, int | float)}


def _is_measure(number: int | float) -> bool:
    return 0 <= number <= 1e12 and math.isfinite(number)


def _object(value: object, field: str) -> Mapping[str, object]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise BadRecord(field, f'must be an object, as in "{field}": {{"…": …}}')
    return value
