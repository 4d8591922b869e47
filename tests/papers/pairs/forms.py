"""How another source gives the same work: names, case, cuts, TeX.

Each takes a sighting and gives another.
"""

import unicodedata
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

from digestd.domain.paper import PaperId, Sighting, Words

Form = Callable[[Sighting], Sighting]
_WORDS = "a an the of on in for and to from with without by at is do not"
_SMALL = frozenset(_WORDS.split())
_TEX = {
    "é": r"\'e", "á": r"\'{a}", "ö": r'\"o', "ü": r'{\"u}', "ø": r"{\o}", "ł": r"\l{}", "ß": r"{\ss}", "ó": r"\'o",
    "í": r"\'\i", "ñ": r"\~n", "č": r"\v{c}", "Č": r"\v{C}", "ń": r"\'n", "å": r"{\aa}", "Ö": r'\"{O}', "è": r"\`e",
    "β": r"$\beta$", "γ": r"$\gamma$", "₂": "$_2$",
}  # fmt: skip


def of(work: Sighting, name: str, **changed: Any) -> Sighting:
    """Under another name, with other words."""
    words = replace(work.words, **{key: changed.pop(key) for key in list(changed) if key in Words.__slots__})
    return replace(work, ids=(PaperId(name),), words=words, **changed)


def later(work: Sighting, days: int) -> Sighting:
    """The same so many days later."""
    return replace(work, published=work.published and work.published + timedelta(days=days))


def journal(work: Sighting) -> Sighting:
    """As Crossref has it: every word with a capital, `Family, G.

    H.`, no abstract, a year later.
    """
    words = work.words.title.split()
    title = " ".join(word if word.lower() in _SMALL or "$" in word else word[0].upper() + word[1:] for word in words)
    return later(of(work, "doi:10.5555/j.1", title=title, abstract="", authors=_each(work, _family_initials)), 330)


def subtitled(work: Sighting) -> Sighting:
    """As Crossref has it where the subtitle is a field of its own: the title's head."""
    return journal(of(work, "x:1", title=work.words.title.partition(": ")[0]))


def dblp(work: Sighting) -> Sighting:
    """As DBLP has it: a full stop after the title, no abstract, the first of January."""
    published = work.published and work.published.replace(month=1, day=1)
    return of(work, "dblp:conf/x/1", title=f"{work.words.title}.", abstract="", published=published)


def pubmed(work: Sighting) -> Sighting:
    """As PubMed has it: `Family GH`, a full stop, a label before the abstract."""
    abstract = work.words.abstract and f"SUMMARY: {work.words.abstract}"
    authors = _each(work, _family_glued)
    return later(of(work, "pmid:1", title=f"{work.words.title}.", abstract=abstract, authors=authors), 120)


def shouted(work: Sighting) -> Sighting:
    """As an old catalogue has it: capitals without accents, in names too; no abstract."""
    title = work.words.title if "$" in work.words.title else _ascii(work.words.title).upper()
    return of(work, "cat:1", title=title, abstract="", authors=_each(work, lambda name: _ascii(name).upper()))


def family_first(work: Sighting) -> Sighting:
    """Family name first and no comma, as in Hungary, China, Korea.

    Half of the abstract.
    """
    half = work.words.abstract[: len(work.words.abstract) // 2]
    return of(work, "feed:1", abstract=half, authors=_each(work, _turned))


def anonymous(work: Sighting) -> Sighting:
    """As submitted for blind review, some months before."""
    return later(of(work, "openreview:a1", authors=("Anonymous",)), -120)


def et_al(work: Sighting) -> Sighting:
    """The first author and `et al.`; no abstract."""
    return of(work, "feed:2", abstract="", authors=(f"{work.words.authors[0]} et al.",))


def cut_short(work: Sighting) -> Sighting:
    """As a narrow feed has it: title and abstract end in an ellipsis."""
    title, abstract = work.words.title, work.words.abstract
    return of(work, "feed:3", title=f"{title[: len(title) * 2 // 3].rstrip(' :')}…", abstract=f"{abstract[:220]}…")


def in_tex(work: Sighting) -> Sighting:
    """As LaTeX has it: accents, Greek letters and emphasis as macros."""
    title = work.words.title if "$" in work.words.title else rf"\emph{{{_tex(work.words.title)}}}"
    return of(work, "x:tex", title=title, abstract=_tex(work.words.abstract), authors=_each(work, _tex))


def marked_up(work: Sighting) -> Sighting:
    """As a publisher's feed has it: HTML in the title, curly quotes, other dashes."""
    title = work.words.title.replace("-", "‐").replace("'", "’").replace(" – ", " — ")
    return of(work, "feed:4", title=f"<b>{title}</b>", abstract=f"<p>{work.words.abstract}</p>")


def extended(work: Sighting) -> Sighting:
    """With what the title is called besides."""
    return of(work, "x:long", title=f"{work.words.title} (extended version)")


def retracted(work: Sighting) -> Sighting:
    """As the publisher marks it when it is taken back; a year later."""
    return later(of(work, "doi:10.5555/r", title=f"RETRACTED: {work.words.title}", withdrawn=True), 365)


def initials(work: Sighting) -> Sighting:
    """`G. Family`; the names in the alphabet's order, as some proceedings have them."""
    authors = tuple(sorted(_each(work, _initialled)))
    return of(work, "x:proc", authors=authors, abstract=work.words.abstract[:150])


FORMS: dict[str, Form] = {
    form.__name__: form
    for form in (journal, dblp, pubmed, shouted, family_first, anonymous, et_al, cut_short, in_tex, marked_up,
                 extended, retracted, initials)
}  # fmt: skip


def _each(work: Sighting, change: Callable[[str], str]) -> tuple[str, ...]:
    return tuple(change(name) for name in work.words.authors)


def _parts(name: str) -> tuple[list[str], list[str]]:
    """Given names and the family name with its particles."""
    if not name.isascii() and not any("a" <= sign <= "z" for sign in name.lower()) and " " not in name:
        return [], [name]
    words = name.split()
    place = next((n for n, word in enumerate(words) if word.islower() and n), len(words) - 1)
    return words[:place], words[place:]


def _family_initials(name: str) -> str:
    given, family = _parts(name)
    return f"{' '.join(family)}, {' '.join(f'{word[0]}.' for word in given)}" if given else name


def _family_glued(name: str) -> str:
    given, family = _parts(name)
    return f"{' '.join(family)} {''.join(word[0] for word in given)}" if given else name


def _initialled(name: str) -> str:
    given, family = _parts(name)
    return " ".join([*(f"{word[0]}." for word in given), *family])


def _turned(name: str) -> str:
    given, family = _parts(name)
    return " ".join([*family, *given])


def _ascii(text: str) -> str:
    plain = "".join(sign for sign in unicodedata.normalize("NFKD", text) if not unicodedata.combining(sign))
    return plain.replace("ø", "o").replace("ł", "l").replace("Ł", "L").replace("ß", "ss")


def _tex(text: str) -> str:
    return "".join(_TEX.get(sign, sign) for sign in text)
