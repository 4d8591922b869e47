"""The glossary: names of research subjects, in several languages, and the names of narrower subjects.

`glossary.txt` has a subject per line.
"""

import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import NamedTuple

from digestd.ranking.text import phrase_form

NAME_WORDS = 6
"""The most words of a name."""
_MARKS = re.compile(r"[^\w\s'’+&-]+")
_UNSPACED = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]{2}")


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

    @property
    def listed(self) -> str:
        """Return the name with those of narrower subjects."""
        return f"{self.names[0]}: {', '.join(self.narrower)}" if self.narrower else self.names[0]


def known(topic: str) -> Entry | None:
    """Return the subject that a topic names in any language."""
    return _entries().get(_form(topic))


def named_in(text: str) -> tuple[Entry, ...]:
    """Return the subjects that a text names in any language, by the longest names, in order."""
    found: dict[Entry, None] = {}
    words = _form(text).split()
    while words:
        ends = range(min(len(words), NAME_WORDS), 0, -1)
        names = ((end, entry) for end in ends if (entry := _entries().get(" ".join(words[:end]))))
        end, entry = next(names, (1, None))
        found |= dict.fromkeys([entry] if entry else _unspaced(words[0]))
        words = words[end:]
    return tuple(found)


def _unspaced(word: str) -> list[Entry]:
    """Return the subjects that a word of a script without spaces names."""
    return [] if word.isascii() else [entry for name, entry in _unspaced_names().items() if name in word]


@cache
def _unspaced_names() -> Mapping[str, Entry]:
    return {name: entry for name, entry in _entries().items() if _UNSPACED.search(name)}


@cache
def _entries() -> Mapping[str, Entry]:
    found: dict[str, Entry] = {}
    lines = files(__package__).joinpath("glossary.txt").read_text(encoding="utf-8").splitlines()
    fields = ([_names(part) for part in line.split("|")] for line in lines if line and not line.startswith("#"))
    entries = [Entry(*each) for each in fields]
    for entry in entries:
        for name in map(_form, entry.english):
            found.setdefault(name, entry)
            found.setdefault(f"{name}s", entry)
    for entry in entries:
        for name in entry.foreign:
            found.setdefault(_form(name), entry)
    return found


def _form(name: str) -> str:
    return phrase_form(_MARKS.sub(" ", name))


def _names(part: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in part.split(";") if name.strip())
