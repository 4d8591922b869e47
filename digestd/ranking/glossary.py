"""The glossary: names of research subjects, in several languages, and the names of narrower subjects.

`glossary.txt` has a subject per line, `translations.txt` a common word that topics in other languages consist of.
"""

from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from typing import NamedTuple

from digestd.ranking.text import phrase_form


class Entry(NamedTuple):
    """A subject, as a line of the glossary. The first English name is the one that papers are compared with."""

    names: tuple[str, ...]
    acronyms: tuple[str, ...]
    categories: tuple[str, ...]
    foreign: tuple[str, ...]
    narrower: tuple[str, ...]

    @property
    def english(self) -> tuple[str, ...]:
        return *self.names, *self.acronyms


def known(topic: str) -> Entry | None:
    """Return the subject that a topic names in any language."""
    return _entries_by_name().get(phrase_form(topic))


def is_foreign_name(topic: str) -> bool:
    """Return True if the glossary has the topic under a name in another language only."""
    entry, name = known(topic), phrase_form(topic)
    own = {phrase_form(name) for name in entry.english} if entry else {name}
    return name not in own and name.removesuffix("s") not in own


@cache
def glossary_names() -> Mapping[str, str]:
    """Return the names of subjects in all languages, as in `phrase_form` → the first English name."""
    return {name: entry.names[0] for name, entry in _entries_by_name().items()}


@cache
def foreign_names() -> Mapping[str, str]:
    """Return the names of subjects and of words in other languages, as in `phrase_form` → the first English name."""
    found = {phrase_form(name): entry.names[0] for entry in _entries() for name in entry.foreign}
    for english, foreign in _lines("translations.txt"):
        for name in foreign:
            found.setdefault(phrase_form(name), english[0])
    own = {phrase_form(name) for entry in _entries() for name in entry.english} | set(found.values())
    return {name: english for name, english in found.items() if name not in own}


@cache
def english_words() -> frozenset[str]:
    """Return the words of all English names."""
    names = (name for entry in _entries() for name in (*entry.english, *entry.narrower))
    return frozenset(" ".join((*names, *foreign_names().values())).lower().replace("-", " ").split())


@cache
def _entries() -> tuple[Entry, ...]:
    return tuple(Entry(*fields) for fields in _lines("glossary.txt"))


@cache
def _entries_by_name() -> Mapping[str, Entry]:
    found: dict[str, Entry] = {}
    for entry in _entries():
        for name in (*entry.english, *entry.foreign, *(f"{name}s" for name in entry.english)):
            found.setdefault(phrase_form(name), entry)
    return found


def _lines(name: str) -> Iterator[list[tuple[str, ...]]]:
    """Yield the fields of each line of a data file, each a tuple of names."""
    for line in files(__package__).joinpath(name).read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            yield [tuple(name.strip() for name in part.split(";") if name.strip()) for part in line.split("|")]
