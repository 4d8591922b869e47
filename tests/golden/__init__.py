"""Golden mails: inputs.json holds the input of each case, `<case>.eml` and `<case>.txt` the expected mail and its text.

A paper of another case is named by the case and its place there: `personal 0`.

`DIGESTD_REGENERATE=1 pytest tests/mail/test_render.py tests/mail/test_message.py` writes the expected files again;
with tests/mail/test_templates.py it also updates the catalogues in `templates/locale`. Review the difference before
you commit it.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any

from digestd.domain.coverage import CoverageState
from digestd.domain.digest import Change, ChangeKind, DigestFacts, Occasion, Reason, ReasonKind, SavedNews, Section
from digestd.domain.paper import Paper, PaperFacts, PaperId, Words
from digestd.mail.content import (
    DigestContent,
    DigestItem,
    DigestLinks,
    EarlierDigest,
    NoticeContent,
    Rendered,
)
from digestd.mail.mime import DigestHeaders, Headers, NamedAddress
from digestd.mail.paper_view import PaperView

FOLDER = Path(__file__).parent
DIGESTS = (
    *("personal", "interests", "trending", "weekly", "caught_up", "after_gap", "not_whole", "thin", "single", "full"),
    *(
        "first",
        "empty",
        "held",
        "drawn",
        "followed",
        "tex",
        "rtl",
        "cjk",
        "german",
        "by_mail",
        "hostile",
        "sample",
        "saved",
        "withdrawn",
    ),
)
LINKS = DigestLinks(
    view="https://papers.example.org/d/kQAAAAAAAQAAAABrBTXwAAAAAAAAAAAAAAAAAAAA",
    unsubscribe="https://papers.example.org/u/kQAAAAAAAQAAAABrBTXwAAAAAAAAAAAAAAAAAAAB",
    home="https://papers.example.org/",
    feedback="https://papers.example.org/f/",
    tokens=tuple(f"kQAAAAAAAQAAAA{n:02}rBTXwAAAAAAAAAAAAAAAAAAA" for n in range(100)),
    mute="https://papers.example.org/p/kQAAAAAAAQAAAABrBTXwAAAAAAAAAAAAAAAAAAAC/mute",
    settings="https://papers.example.org/p/kQAAAAAAAQAAAABrBTXwAAAAAAAAAAAAAAAAAAAC",
)
UNSUBSCRIBE_MAILBOX = "unsubscribe+seaaaaaaaaaqaaaaabvqknpqaaaaaaaaaaaaaaaaaaaaaaab@papers.example.org"
BY_MAIL = DigestLinks(
    view="",
    unsubscribe="mailto:commands+uaaaaaaaaaqaaaaabvqknpqaaaaaaaaaaaaaaaaaaaaaaab@papers.example.org",
    home="",
    mail="commands+caaaaaaaaaqaaaaabvqknpqaaaaaaaaaaaaaaaaaaaaaaab@papers.example.org",
    replies=True,
)
POSTAL = "Papers Daily, Storgata 1, 0155 Oslo, Norway"
NOTICE = NoticeContent(
    list_name="Papers Daily",
    link="https://papers.example.org/confirm/kQAAAAAAAQAAAABrBTXwAAAAAAAAAAAAAAAAAAAD",
    home="https://papers.example.org/",
    postal_address=POSTAL,
    language="en",
    decline="https://papers.example.org/confirm/kQAAAAAAAQAAAABrBTXwAAAAAAAAAAAAAAAAAAAD/decline",
)


_INPUTS = json.loads((FOLDER / "inputs.json").read_text(encoding="utf-8"))


def digest(case: str) -> DigestContent:
    """Return the input of a case."""
    given = _INPUTS[case]
    items = [item for other in given.get("also", ()) for item in digest(other).items]
    items = [*map(_paper, given["items"]), *items][: given.get("limit", 50)]
    links = BY_MAIL if given.get("by_mail") else LINKS if items else replace(LINKS, view="")
    return DigestContent(
        list_name=given.get("list_name", "Papers Daily"),
        subscriber_name=given.get("subscriber_name", ""),
        period=given["period"],
        covers_from=given.get("covers_from", given["period"]),
        date=date.fromisoformat(given["date"]),
        items=tuple(sorted(items, key=lambda item: list(Section).index(item.section))),
        postal_address=given.get("postal_address", POSTAL),
        language=given.get("language", "en"),
        links=links,
        held=tuple(EarlierDigest(date.fromisoformat(day), f"{links.view}{day}") for day in given.get("held", ())),
        facts=DigestFacts(
            considered=given.get("considered", 0),
            coverage={name: CoverageState(state) for name, state in given.get("coverage", {}).items()},
            occasions=frozenset(map(Occasion, given.get("occasions", ()))),
            news=tuple(map(_news, given.get("news", ()))),
        ),
        most_read=_paper(given["most_read"]).paper if "most_read" in given else None,
    )


def paper(
    title: str,
    abstract: str = "",
    authors: tuple[str, ...] = (),
    categories: tuple[str, ...] = (),
    published: date | None = None,
    is_sample: bool = False,
    facts: PaperFacts = PaperFacts(),
    **given: Any,
) -> PaperView:
    """Return an invented paper as it is shown; the other fields are those of Paper."""
    day = datetime(2026, 11, 24, 12, tzinfo=UTC)
    dated = datetime.combine(published, time(), UTC) if published else day
    named = PaperId("sample:001" if is_sample else "invented:1")
    words = Words(title, abstract, authors, categories)
    return PaperView.of(Paper(1, named, 1, words, title, abstract, dated, day, facts=facts, **given))


def _news(given: Mapping[str, Any]) -> SavedNews:
    changes = (Change(**change | {"kind": ChangeKind(change["kind"])}) for change in given["changes"])
    return SavedNews(given["title"], given["url"], tuple(changes))


def _paper(given: dict[str, Any] | str) -> DigestItem:
    if isinstance(given, dict):
        return _item(given)
    case, _, place = given.partition(" ")
    return _item(_INPUTS[case]["items"][int(place)])


def _item(given: Mapping[str, Any]) -> DigestItem:
    why, *rest = given["reason"]
    words = tuple(rest[1]) if len(rest) > 1 else ()
    facts = PaperFacts(
        given.get("venue", ""),
        tuple(given.get("affiliations", ())),
        tuple(given.get("sources", ())),
        given.get("announced", "new"),
    )
    entry = paper(
        title=given["title"],
        abstract=given.get("abstract", ""),
        authors=tuple(given.get("authors", ())),
        categories=tuple(given.get("categories", ())),
        url=given.get("url"),
        links=given.get("links", {}),
        signals=given.get("signals", {}),
        published=date.fromisoformat(given["published"]) if "published" in given else None,
        is_sample=given.get("is_sample", False),
        facts=facts,
    )
    reason = Reason(ReasonKind(why), rest[0] if rest else "", words)
    return DigestItem(entry, reason, Section(given.get("section", "for_you")))


def notice(kind: str) -> NoticeContent:
    """Return a notice of this kind."""
    return replace(NOTICE, kind=kind, decline=NOTICE.decline if kind == "confirm" else "")


def notice_headers(rendered: Rendered) -> Headers:
    """Return the headers of a notice."""
    return Headers(
        from_=NamedAddress("Papers Daily", "digest@papers.example.org"),
        to="ada@example.com",
        reply_to="reply@papers.example.org",
        subject=rendered.subject,
        date=datetime(2026, 11, 24, 7, 0, tzinfo=UTC),
        message_id="<digest.2026-11-24.abcdefgh234567abcdefgh23@papers.example.org>",
        feedback_id="2026-11-24:en:confirm:digestd5f0c1a2b",
        complaint_address="complaints@papers.example.org",
        complaint_id="17:0:abcdefgh234567abcdefgh23",
    )


def digest_headers(rendered: Rendered, links: DigestLinks = LINKS) -> DigestHeaders:
    """Return the headers of a digest with these links."""
    by_mail = links.unsubscribe.removeprefix("mailto:")
    common = notice_headers(rendered)
    return DigestHeaders(
        from_=common.from_,
        to=common.to,
        reply_to=common.reply_to,
        subject=common.subject,
        date=common.date,
        message_id=common.message_id,
        list_name="Papers Daily",
        list_id="digest.papers.example.org",
        unsubscribe_url=links.unsubscribe if links.home else "",
        view_url=links.view,
        home_url=links.home,
        owner="owner@papers.example.org",
        unsubscribe_mailbox=UNSUBSCRIBE_MAILBOX if links.home else by_mail,
        feedback_id="2026-11-24:en:digest:digestd5f0c1a2b",
        complaint_address=common.complaint_address,
        complaint_id=common.complaint_id,
    )


def check(name: str, found: bytes) -> None:
    """Compare with the expected file, or write it with DIGESTD_REGENERATE=1."""
    path = FOLDER / name
    if os.environ.get("DIGESTD_REGENERATE"):
        path.write_bytes(found)
    assert found == path.read_bytes(), f"{name} differs; see the docstring of tests/golden"


def in_language(content: DigestContent, language: str) -> DigestContent:
    """Return the same digest in another language."""
    return replace(content, language=language)
