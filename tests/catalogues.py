"""Compare the translation catalogues with the templates.

`python -m tests.catalogues` updates each catalogue: it removes unused messages, adds new ones without a translation,
and prints what is to be translated. `DIGESTD_REGENERATE=1 pytest tests/mail/test_templates.py` does the same.
"""

import os
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract
from babel.messages.pofile import read_po, write_po

from digestd.resources import templates

FOLDER = Path(__file__).parents[1] / "templates" / "locale"
LANGUAGES = sorted(file.stem for file in FOLDER.glob("*.po"))
_OPTIONS = {"newstyle_gettext": "true", "extensions": "jinja2.ext.i18n", "silent": "false"}


def main() -> None:
    """Update each catalogue and print its faults."""
    words = wanted(templates())
    for language in LANGUAGES:
        _update(language, words)
        for fault in faults(_read(_path(language)), words):
            print(f"{_path(language).name}: {fault}")


def wanted(files: Mapping[str, str]) -> Catalog:
    """Return the messages of the templates without translations."""
    found = Catalog(locale="en", project="digestd", version="1", fuzzy=False)
    for path, text in sorted(files.items()):
        if path.endswith(".j2"):
            for _, message, comments, _ in extract("jinja2", BytesIO(text.encode()), options=_OPTIONS):
                words = message if isinstance(message, str) else tuple(message)
                found.add(words, locations=[(path, 1)], auto_comments=comments)
    return found


def kept(language: str, words: Catalog) -> Catalog:
    """Return the shipped catalogue of a language.

    It is updated first if DIGESTD_REGENERATE is set.
    """
    if os.environ.get("DIGESTD_REGENERATE"):
        _update(language, words)
    return _read(_path(language))


def faults(catalogue: Catalog, words: Catalog) -> Iterator[str]:
    """Yield messages that are missing, unused, fuzzy, or without their placeholders."""
    known = {message.id: message for message in catalogue if message.id}
    used = {message.id for message in words if message.id}
    yield from (f"not translated: {spelled!r}" for spelled in sorted(map(str, used - known.keys())))
    yield from (f"used by no template: {spelled!r}" for spelled in sorted(map(str, known.keys() - used)))
    for message in known.values():
        translations = message.string if isinstance(message.string, tuple | list) else (message.string,)
        forms = [form for form in translations if form]
        if len(forms) < len(translations):
            yield f"not translated: {message.id!r}"
        elif message.pluralizable and len(translations) != catalogue.num_plurals:
            yield f"{len(translations)} forms, where the language has {catalogue.num_plurals}: {message.id!r}"
        elif message.fuzzy:
            yield f"marked as doubtful: {message.id!r}"
        elif not all(_placeholders(form) == _placeholders(_form(message, n)) for n, form in enumerate(forms)):
            yield f"other placeholders than {message.id!r}: {message.string!r}"


def _form(message: Message, n: int) -> str:
    return message.id if isinstance(message.id, str) else message.id[min(n, 1)]


def _placeholders(text: str) -> set[str]:
    return {part.partition(")")[0] for part in text.split("%(")[1:]}


def _path(language: str) -> Path:
    return FOLDER / f"{language}.po"


def _update(language: str, words: Catalog) -> None:
    fresh = _up_to_date(_read(_path(language)), words)
    with _path(language).open("wb") as file:
        write_po(file, fresh, width=110, sort_output=True, include_lineno=False)


def _read(path: Path) -> Catalog:
    with path.open("rb") as file:
        return read_po(file, locale=path.stem, abort_invalid=True)


def _up_to_date(old: Catalog, words: Catalog) -> Catalog:
    language = str(old.locale)
    fresh = Catalog(language, project="digestd", version="1", fuzzy=False, header_comment=old.header_comment)
    fresh.last_translator = fresh.language_team = fresh.msgid_bugs_address = ""
    fresh.creation_date = fresh.revision_date = datetime(2026, 11, 24, tzinfo=UTC)
    for message in words:
        if message.id:
            known = old.get(message.id)
            translations = known.string if known else message.id if language == "en" else None
            fresh.add(message.id, translations, message.locations, auto_comments=message.auto_comments)
    return fresh


if __name__ == "__main__":
    main()
