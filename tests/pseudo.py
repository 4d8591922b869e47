"""A pseudo language: each message in other letters, so that what cannot be translated stands out as English."""

import re
from collections.abc import Iterable, Iterator, Mapping
from io import BytesIO
from xml.etree.ElementTree import Element

from babel.messages.catalog import Catalog
from babel.messages.pofile import write_po

from tests import catalogues
from tests.web.html import tree

LANGUAGE = "el"
"""Greek, whose letters Babel's dates have as well."""
_LETTERS = str.maketrans(
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ", "αβξδεφγηιϳκλμνοπθρστυωχψζςΑΒΞΔΕΦΓΗΙΙΚΛΜΝΟΠΘΡΣΤΥΩΧΨΖΖ"
)
_KEPT = re.compile(r"%\(\w+\)s|</?\w[^>]*>|&\w+;|<!--")
_DATE = re.compile(r"[EMdyHm]+(?:[ ,.:]+[EMdyHm]+)*")
_ENGLISH = re.compile(r"[A-Za-z]{2,}")
_LINK = re.compile(r"(?:https?://|mailto:)\S+|\S+@\S+|\S+\.(?:org|com)\S*")
_SPOKEN = ("alt", "title", "aria-label", "placeholder", "label")


def with_pseudo_language(files: Mapping[str, str]) -> dict[str, str]:
    """Return the templates with the pseudo catalogue."""
    made, out = Catalog(LANGUAGE, fuzzy=False), BytesIO()
    for message in catalogues.wanted(files):
        if isinstance(message.id, str) and message.id:
            made.add(message.id, disguised(message.id), context=message.context)
        elif message.id:
            made.add(message.id, tuple(map(disguised, message.id)))
    write_po(out, made)
    return {**files, f"locale/{LANGUAGE}.po": out.getvalue().decode()}


def disguised(text: str) -> str:
    """Return the text in Greek letters, but placeholders, tags and patterns of dates as they are."""
    if _DATE.fullmatch(text):
        return text
    kept = [*_KEPT.findall(text), ""]
    return "".join(part.translate(_LETTERS) + mark for part, mark in zip(_KEPT.split(text), kept, strict=True))


def english(text: str, content: Iterable[str] = ()) -> set[str]:
    """Return the English words of a text, without links and what its content says."""
    said = {word.lower() for one in content for word in _ENGLISH.findall(one)}
    return {word for word in _ENGLISH.findall(_LINK.sub(" ", text)) if word.lower() not in said}


def spoken(html: str) -> str:
    """Return what a page says in its language: its text, and the attributes that browsers show or read out."""
    return "\n".join(_spoken(tree(html), LANGUAGE))


def _spoken(element: Element, language: str) -> Iterator[str]:
    is_shown = isinstance(element.tag, str) and element.tag not in ("style", "script")  # no comment
    if is_shown and element.get("lang", language) == language:
        yield from (element.attrib[name] for name in _SPOKEN if name in element.attrib)
        yield element.text or ""
        for child in element:
            yield from _spoken(child, language)
            yield child.tail or ""
