"""Test that mails say nothing that cannot be translated."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import pytest

from digestd.domain.coverage import CoverageState
from digestd.domain.delivery import ReplyLine
from digestd.domain.digest import Reason, ReasonKind
from digestd.mail.content import Rendered, ReplyContent
from digestd.mail.digest import render_digest
from digestd.mail.rendering import render_notice, render_page, render_reason, render_reply
from digestd.mail.templates import Templates
from digestd.resources import templates
from tests import golden, pseudo
from tests.mail.mail_samples import NOTICES

TEMPLATES = Templates.of(pseudo.with_pseudo_language(templates()))
NAMES = (golden.NOTICE.list_name, golden.POSTAL)
CODES = frozenset(
    {
        *("period", "covers_from", "date", "also", "published", "section", "occasions", "announced", "most_read"),
        "kind",
    }
)
"""Keys of golden inputs that are no text."""
REPLIES = (
    *("unsubscribed", "paused", "resumed", "active", "left", "more", "less", "save", "no_paper", "added", "topic_read"),
    *("topic_empty", "topic_unknown", "removed", "muted", "not_there", "refused", "not_by_mail", "unclear", "prove"),
    *("help", "leaving", "why", "anything"),
)


@pytest.fixture
def _greek(monkeypatch: pytest.MonkeyPatch) -> None:
    """Write the papers of the golden mails in the letters of the pseudo language."""
    inputs = {case: _disguised(given) for case, given in golden._INPUTS.items()}
    monkeypatch.setattr(golden, "_INPUTS", inputs)


def _disguised(given: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in given.items():
        if key in {"items", "news", "changes"}:
            found[key] = [_disguised(item) if isinstance(item, dict) else item for item in value]
        elif key == "reason":
            found[key] = [value[0], *map(_in_greek, value[1:])]
        elif key == "coverage":
            found[key] = {pseudo.disguised(name): state for name, state in value.items()}
        else:
            found[key] = value if key in CODES or "url" in key else _in_greek(value)
    return found


def _in_greek(value: Any) -> Any:
    if isinstance(value, list):
        return [_in_greek(one) for one in value]
    return pseudo.disguised(value) if isinstance(value, str) else value


@pytest.mark.usefixtures("_greek")
def test_mails_say_nothing_untranslatable() -> None:
    found = {name: _english(mail) for name, mail in _mails()}
    assert len(found) > 50
    assert {name: words for name, words in found.items() if words} == {}


def _mails() -> Iterator[tuple[str, Rendered]]:
    for case in set(golden.DIGESTS) - {"hostile"}:  # whose texts are markup
        yield case, render_digest(TEMPLATES, golden.in_language(golden.digest(case), pseudo.LANGUAGE))
    late = golden.in_language(golden.digest("not_whole"), pseudo.LANGUAGE)
    for state in CoverageState:
        facts = late.facts._replace(coverage={"αβγ": state, "δεζ": state, "ηθι": state, "κλμ": state, "νξο": state})
        yield state, render_digest(TEMPLATES, replace(late, facts=facts))
    for kind in NOTICES:
        yield kind, render_notice(TEMPLATES, replace(golden.NOTICE, kind=kind.value, language=pseudo.LANGUAGE))
    by_mail = replace(golden.NOTICE, link="", home="", decline="", mail="a@b.example", language=pseudo.LANGUAGE)
    yield "by mail", render_notice(TEMPLATES, by_mail)
    for what in REPLIES:
        for settings in ("", golden.NOTICE.link):
            values = {"prove": ("pause", "add"), "unclear": ("pause", "αβγ")}.get(what, ("αβγ", "δεζ", "3"))
            lines = (ReplyLine(what, values),)
            content = ReplyContent("Papers Daily", lines, True, golden.POSTAL, pseudo.LANGUAGE, settings)
            yield f"{what} {settings}", render_reply(TEMPLATES, content)


def _english(mail: Rendered) -> set[str]:
    return pseudo.english(f"{mail.subject}\n{mail.text}\n{pseudo.spoken(mail.html)}", NAMES)


@pytest.mark.parametrize("kind", ReasonKind)
def test_reasons_say_nothing_untranslatable(kind: ReasonKind) -> None:
    for value in ("αβγ", "7"):
        for words in (("αβγ",), ("αβγ", "δεζ")):
            assert not pseudo.english(render_reason(TEMPLATES, Reason(kind, value, words), pseudo.LANGUAGE))


def test_consent_says_nothing_untranslatable() -> None:
    for name in ("change_address", "confirm", "resubscribe", "subscribe"):
        assert not pseudo.english(render_page(TEMPLATES, f"web/consent/{name}.txt.j2", pseudo.LANGUAGE))
