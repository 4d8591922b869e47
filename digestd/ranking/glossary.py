"""The glossary: names of research subjects, in several languages, and the names of narrower subjects.

`glossary.txt` has a subject per line, `translations.txt` a common word that topics in other languages consist of.
"""

from collections.abc import Iterator, Mapping
from functools import cache, lru_cache
from importlib.resources import files
from typing import NamedTuple

from digestd.ranking.lexicon import lemmas
from digestd.ranking.text import phrase_form

_TASKS = frozenset(lemmas("detection recognition attack"))
"""Words that end the names of subjects and that readers leave out."""
_TOOLS = {(word,) for word in lemmas("solver model method algorithm system technique")}
"""Words that readers add to the names of subjects."""


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


@lru_cache(maxsize=4096)
def known(topic: str) -> Entry | None:
    """Return the subject that a topic names in any language, or in English in another inflection."""
    if found := _entries_by_name().get(phrase_form(topic)):
        return found
    words = tuple(lemmas(topic)) if topic.isascii() else ()
    return _entries_by_lemmas().get(words) or (_entries_by_lemmas().get(words[:-1]) if words[-1:] in _TOOLS else None)


def is_english_name(topic: str) -> bool:
    """Return True for an English name or an acronym of a subject, but not for what readers type for it ("pruning")."""
    return phrase_form(topic) in _english_names()


def narrower_text(subject: str) -> str:
    """Return a subject, given by its first English name, with the names of all narrower ones."""
    entry = known(subject)
    return f"{subject}: {', '.join(entry.narrower)}" if entry and entry.narrower else subject


def is_foreign_name(topic: str) -> bool:
    """Return True if the glossary has the topic under a name in another language only."""
    name = phrase_form(topic)
    is_foreign = name in _entries_by_name() and name not in _english_names()
    return is_foreign and not english_words().issuperset(name.split())


@cache
def glossary_names() -> Mapping[str, str]:
    """Return the names of subjects in all languages, as in `phrase_form` → the first English name."""
    return {name: entry.names[0] for name, entry in _entries_by_name().items()}


@cache
def foreign_names() -> Mapping[str, str]:
    """Return the names of subjects and of words in other languages, as in `phrase_form` → the first English name."""
    names = {phrase_form(name): english[0] for english, foreign in _lines("translations.txt") for name in foreign}
    for name, entry in _entries_by_name().items():
        if name not in _english_names():
            names[name] = entry.names[0]
    for english in {*names.values()}:
        names.pop(english, None)
    return names


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
    found = dict(_english_names())
    for entry in _entries():
        for name in entry.foreign:
            found.setdefault(phrase_form(name), entry)
    return found


@cache
def _english_names() -> Mapping[str, Entry]:
    found: dict[str, Entry] = {}
    for entry in _entries():
        for name in map(phrase_form, entry.english):
            found.setdefault(name, entry)
            found.setdefault(f"{name}s", entry)
    return found


@cache
def _entries_by_lemmas() -> Mapping[tuple[str, ...], Entry]:
    """Return the subjects by the lemmas of their English names, and without the task ("hate speech (detection)")."""
    found: dict[tuple[str, ...], Entry] = {}
    for entry in _entries():
        for words in map(tuple, map(lemmas, entry.english)):
            found.setdefault(words, entry)
    for words, entry in list(found.items()):
        if len(words) > 2 and words[-1] in _TASKS:
            found.setdefault(words[:-1], entry)
    return found


def _lines(name: str) -> Iterator[list[tuple[str, ...]]]:
    """Yield the fields of each line of a data file, each a tuple of names."""
    for line in files(__package__).joinpath(name).read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            yield [tuple(name.strip() for name in part.split(";") if name.strip()) for part in line.split("|")]
