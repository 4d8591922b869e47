"""Compare the translation catalogues with the templates.

`python -m tests.catalogues` updates each catalogue: it removes unused messages, adds new ones without a translation,
and prints what is to be done. `python -m tests.catalogues nl` begins a new one. `DIGESTD_REGENERATE=1 pytest
tests/mail/test_templates.py` updates them too.
"""

import os
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract
from babel.messages.pofile import read_po, write_po

from digestd.resources import templates

FOLDER = Path(__file__).parents[1] / "templates" / "locale"
LANGUAGES = sorted(file.stem for file in FOLDER.glob("*.po"))
MAINTAINED = ("de", "de_formal", "en")
"""Languages in which whoever changes a message translates it; others follow before a release."""
QUOTED = "“%(words)s”"
"""The message that says which quotation marks a language has."""
_OPTIONS = {"newstyle_gettext": "true", "extensions": "jinja2.ext.i18n", "silent": "false"}
_PLACEHOLDER = re.compile(r"%\(\w+\)s|%%")
_TAG = re.compile(r"</?[a-z]+[^<>]*>")
_MARKS = re.compile(r"[“”„«»「」『』\"]")
_LETTERS = re.compile(r"[^\W\d_]{3,}")
_SAME_WORDS_MIN = 4
"""A translation of so many words is not the same as the English."""
_Id = str | Sequence[str]


def main() -> None:
    """Update each catalogue, and those of the languages that are named, and print what is to be done."""
    words = wanted(templates())
    for language in sorted({*LANGUAGES, *sys.argv[1:]}):
        _update(language, words)
        for fault in [*faults(_read(language), words), *gaps(_read(language))]:
            print(f"templates/locale/{language}.po: {fault}")


def wanted(files: Mapping[str, str]) -> Catalog:
    """Return the messages of the templates without translations."""
    found = Catalog(locale="en", project="digestd", version="1", fuzzy=False)
    for path, text in sorted(files.items()):
        if path.endswith(".j2"):
            for _, message, comments, context in extract(
                "jinja2", BytesIO(text.encode()), comment_tags=("Words:",), options=_OPTIONS, strip_comment_tags=True
            ):
                words = message if isinstance(message, str) else tuple(message)
                found.add(words, locations=[(path, 1)], auto_comments=comments, context=context)
    return found


def kept(language: str, words: Catalog) -> Catalog:
    """Return the shipped catalogue of a language.

    It is updated first if DIGESTD_REGENERATE is set.
    """
    if os.environ.get("DIGESTD_REGENERATE"):
        _update(language, words)
    return _read(language)


def gaps(catalogue: Catalog) -> Iterator[str]:
    """Yield what is not translated; readers get it in English."""
    for message in _messages(catalogue):
        forms = _forms(message)
        if not all(forms):
            yield f"translate {_named(message)}"
        elif catalogue.locale_identifier != "en" and forms[0] == _ids(message)[0] and _is_sentence(forms[0]):
            yield f"translate {_named(message)}: it is still in English"


def marks(catalogue: Catalog) -> str:
    """Return the quotation marks of a language around `%(words)s`."""
    message = catalogue.get(QUOTED)
    return str(message.string) if message and message.string else QUOTED


def faults(catalogue: Catalog, words: Catalog) -> Iterator[str]:
    """Yield what is wrong with the messages that are translated, and what to do."""
    known, used = ({(m.context, m.id): m for m in _messages(one)} for one in (catalogue, words))
    for names, what in ((used.keys() - known.keys(), "is missing"), (known.keys() - used.keys(), "is not used")):
        yield from (f"{name!r} {what}: run `python -m tests.catalogues`" for name in sorted(names, key=str))
    quotes = marks(catalogue).replace("%(words)s", "…")
    for message in known.values():
        forms = [form for form in _forms(message) if form]
        for why in [*_count(catalogue, message), *(fault for form in forms for fault in _wrong(message, form, quotes))]:
            yield f"{_named(message)}: {why}"
        for n, form in enumerate(forms):
            model = _ids(message)[-1 if n or catalogue.num_plurals == 1 else 0]
            if (there := set(_PLACEHOLDER.findall(form))) != (given := set(_PLACEHOLDER.findall(model))):
                yield f"{_named(message)}: has {_listed(there)}, where the English has {_listed(given)}; keep the same"


def _count(catalogue: Catalog, message: Message) -> Iterator[str]:
    if message.pluralizable and len(_forms(message)) != catalogue.num_plurals:
        yield (
            f"has {len(_forms(message))} forms, but the language has {catalogue.num_plurals}; "
            f"write msgstr[0] to msgstr[{catalogue.num_plurals - 1}]"
        )
    if message.fuzzy:
        yield "is marked as doubtful and so not used; check it, then delete `#, fuzzy`"


def _wrong(message: Message, form: str, quotes: str) -> Iterator[str]:
    """Yield faults of one form: its tags, blanks at the ends, and quotation marks."""
    ids = _ids(message)
    if sorted(_TAG.findall(form)) not in [sorted(_TAG.findall(one)) for one in ids]:
        given, there = _listed(_TAG.findall(ids[0])), _listed(_TAG.findall(form))
        yield f"has the tags {there}, where the English has {given}; keep the same"
    if [form[:1].isspace(), form[-1:].isspace()] != [ids[0][:1].isspace(), ids[0][-1:].isspace()]:
        yield "begins or ends with a blank, but the English does not, or the other way round"
    if foreign := set(_MARKS.findall(_TAG.sub("", form))) - set(quotes):
        yield f"has the quotation marks {_listed(foreign)}; this language has {quotes}, as in {QUOTED!r}"


def _messages(catalogue: Catalog) -> list[Message]:
    return [message for message in catalogue if message.id]


def _ids(message: Message) -> Sequence[str]:
    return (message.id,) if isinstance(message.id, str) else tuple(message.id)


def _forms(message: Message) -> Sequence[str]:
    return tuple(message.string) if isinstance(message.string, tuple | list) else (message.string or "",)


def _is_sentence(text: str) -> bool:
    return len(_LETTERS.findall(_PLACEHOLDER.sub("", text))) >= _SAME_WORDS_MIN


def _named(message: Message) -> str:
    where = f" ({message.context})" if message.context else ""
    return f"msgid {_ids(message)[0]!r}{where}"


def _listed(found: Sequence[str] | set[str]) -> str:
    return " ".join(sorted(found)) or "none"


def _path(language: str) -> Path:
    return FOLDER / f"{language}.po"


def _update(language: str, words: Catalog) -> None:
    old = _read(language) if _path(language).exists() else Catalog(language)
    with _path(language).open("wb") as file:
        write_po(file, _up_to_date(old, words), width=110, sort_output=True, include_lineno=False)


def _read(language: str) -> Catalog:
    with _path(language).open("rb") as file:
        return read_po(file, locale=language, abort_invalid=True)


def _up_to_date(old: Catalog, words: Catalog) -> Catalog:
    language = str(old.locale)
    fresh = Catalog(language, project="digestd", version="1", fuzzy=False, header_comment=old.header_comment)
    fresh.last_translator = fresh.language_team = fresh.msgid_bugs_address = ""
    fresh.creation_date = fresh.revision_date = datetime(2026, 11, 24, tzinfo=UTC)
    for message in _messages(words):
        known = old.get(message.id, message.context)
        translations = known.string if known else message.id if language == "en" else None
        flags = {"fuzzy"} if known and known.fuzzy else set()
        fresh.add(message.id, translations, message.locations, flags, message.auto_comments, context=message.context)
    return fresh


if __name__ == "__main__":
    main()
