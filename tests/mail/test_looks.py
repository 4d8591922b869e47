"""Test how our mails look: alternative texts, TeX made readable, encrypted links; axe-core judges colours."""

import re
from email import message_from_bytes, policy
from email.message import EmailMessage

import pytest

from tests import golden
from tests.mail.html_document import elements_of

MAILS = sorted(path.stem for path in golden.FOLDER.glob("*.eml") if path.stem != "hostile")
TEX = re.compile(r"\\[A-Za-z]{2,}|\$[A-Za-z]{1,3}\$|\$[^\s$][^$]{0,80}[\\^_{}][^$]{0,80}\$|[\^_]\{")


def part(name: str, kind: str) -> str:
    """Return the text or HTML part of a golden mail."""
    message = message_from_bytes((golden.FOLDER / f"{name}.eml").read_bytes(), policy=policy.default)
    assert isinstance(message, EmailMessage)
    body = message.get_body((kind,))
    assert body is not None
    return str(body.get_content())


@pytest.mark.parametrize("name", MAILS)
def test_golden_mails_look_right(name: str) -> None:
    found = elements_of(part(name, "html"))
    assert [one.label for one in found if one.tag == "img" and "alt" not in one.attributes] == []
    links = [one.attributes.get("href", "") for one in found if one.tag == "a"]
    assert [link for link in links if not link.startswith(("https://", "mailto:", "#"))] == []
    words = [part(name, "plain"), *(one.text for one in found if one.tag != "style")]
    assert [one for text in words for one in TEX.findall(text)] == []
