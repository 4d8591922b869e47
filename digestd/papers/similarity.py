"""Decide whether two sightings describe the same work when no identifier says so.

A wrong join hides a paper from everybody, a missed one shows a work twice. So
every rule asks for more than one kind of evidence (title, authors, abstract,
dates), and whatever tells the works of one group apart (numbers in a title,
`erratum`, another subject in the abstract) forbids a join. An abstract alone
proves nothing: repositories give the same one to many records, and groups reuse
theirs for the next paper. Under different titles it counts only between a
preprint and its publication, by the same people or under similar titles.

The first rule of a table that holds decides; `python -m tests.papers.pairs`
measures them. The order of this module: the rules, blocking keys, identifiers,
titles, abstracts, authors. All functions are pure.

Edit distances do not decide here: of 645 labelled pairs of different works, the
ratios of rapidfuzz in place of the abstracts' shared runs join 27, these rules none. Works of one group differ by a
single word.
"""

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from functools import cached_property, lru_cache
from hashlib import blake2b
from itertools import product

from digestd.domain.paper import PaperId, Sighting, Words
from digestd.papers.normalization import (
    STOP,
    content,
    editions,
    fold,
    is_spelling_variant,
    numbers,
    squash,
    title_words,
    unify_spelling,
    words,
)
from digestd.sources.identifiers import is_data_set, is_preprint, registrant, without_version
from digestd.text.people import may_be_same_person, name_readings

SAME = 0.9
"""The score from which two sightings count as one work."""
LIST_MIN, LIST_MAX = 2, 12
"""Lengths of an author list whose family names make a blocking key."""
REUSED_TITLE_DAYS = 6 * 365
"""Days after which the same title is taken for a new work."""
EDITION_DAYS = 200
"""The same for a title that returns every year."""
VERSION_DAYS = 4 * 365
"""Days after which a paper under another title is a new one, not the publication of a preprint."""
SHORT_TITLE_DAYS = 400
"""Days within which the same people give a short title to one work only."""
_LIKE_TITLES = ((0.7, 0.0), (0.5, 0.35), (0.3, 0.6), (0.2, 0.8))
"""Share that two abstracts have in common, and how similar the titles must be then."""


@dataclass(frozen=True, slots=True)
class Similarity:
    """Probability that two sightings are of one work, with evidence: from 0 to 1; the evidence is in words."""

    score: float
    evidence: str

    @property
    def is_same_work(self) -> bool:
        return self.score >= SAME


_Rule = tuple[Callable[["_Evidence"], bool], float, str]
_EQUAL_TITLES: tuple[_Rule, ...] = (
    (lambda it: it.authors is AuthorMatch.NOBODY, 0.1, "the same title by others"),
    (lambda it: it.abstracts.unlike and not it.is_rewritten, 0.3, "the same title on something else"),
    (lambda it: it.abstracts.same and (it.is_specific or it.abstracts.length >= 30)
        and (it.has_preprint or not it.is_another_edition), 0.99, "the same title and abstract"),
    (lambda it: it.is_another_edition, 0.5, "the same title at another time"),
    (lambda it: (it.authors is AuthorMatch.UNKNOWN or (it.authors is AuthorMatch.SOME and it.shared >= 2))
        and it.abstracts.alike and it.is_version, 0.92, "the same title and a similar abstract"),
    (lambda it: it.authors is AuthorMatch.FIRST and it.is_specific and (it.abstracts.alike or it.shared >= 3),
        0.92, "the same title and first author"),
    (lambda it: it.authors >= AuthorMatch.MOST and it.is_specific, 0.97, "the same title and authors"),
    (lambda it: it.authors >= AuthorMatch.MOST and it.abstracts.alike and it.weight >= 8,
        0.92, "the same short title and authors, and a similar abstract"),
    (lambda it: it.authors is AuthorMatch.ALL and it.shared >= 3 and it.weight >= 8
        and it.is_within(SHORT_TITLE_DAYS), 0.92, "the same short title and authors"),
    (lambda _: True, 0.5, "the same title, and too little is known of the authors"),
)  # fmt: skip
_CUT_TITLE: tuple[_Rule, ...] = (
    (lambda it: it.authors is AuthorMatch.NOBODY or it.abstracts.unlike or it.has_other_subject,
        0.2, "one title begins like the other"),
    (lambda it: it.abstracts.same and it.authors is not AuthorMatch.SOME,
        0.97, "one title begins like the other, and the abstract is the same"),
    (lambda it: it.is_serial or it.is_another_edition or it.titles.number_cut, 0.5, "one title begins like the other"),
    (lambda it: it.authors >= AuthorMatch.MOST and it.abstracts.alike,
        0.94, "one title begins like the other, by the same authors on the same subject"),
    (lambda it: it.authors is AuthorMatch.ALL and it.shared >= 2 and it.is_specific and not it.abstracts.known,
        0.91, "one title begins like the other, by the same authors"),
    (lambda _: True, 0.5, "one title begins like the other"),
)  # fmt: skip
"""One title without its subtitle, or cut for length."""
_OTHER_TITLE: tuple[_Rule, ...] = (
    (lambda it: not it.has_preprint, 0.4, "another title, and none is a preprint"),
    (lambda it: (it.days or 0) > VERSION_DAYS, 0.4, "another title, years later"),
    (lambda it: it.abstracts.length < 30, 0.2, "another title, and no abstracts to compare"),
    (lambda it: not it.is_rephrased, 0.2, "another title and another abstract"),
    (lambda it: it.has_other_subject, 0.2, "another title and another subject"),
    (lambda it: it.authors >= AuthorMatch.MOST, 0.95, "another title of a similar abstract and the same authors"),
    (lambda _: True, 0.5, "another title of the same abstract"),
)  # fmt: skip
"""A preprint's title and its publication's."""


def same_work(one: Sighting, other: Sighting, *, is_boilerplate: bool = False) -> Similarity:
    """Compare two sightings by identifiers, title, authors, abstract and date.

    `is_boilerplate`: the abstract is one of many works and does not count. The result does not depend on the order
    of the arguments.
    """
    if conflict := conflicting_ids(one.ids, other.ids):
        return Similarity(0.0, conflict)
    titles = compare_titles(one.words.title, other.words.title)
    if titles.conflict:
        return Similarity(0.0, titles.conflict)
    rules = {TitleMatch.CUT: _CUT_TITLE, TitleMatch.OTHER: _OTHER_TITLE}.get(titles.match, _EQUAL_TITLES)
    evidence = _Evidence(one, other, titles, is_boilerplate)
    score, why = next((score, why) for holds, score, why in rules if holds(evidence))
    return Similarity(score, evidence.describe(why) if score >= SAME else why)


class _Evidence:
    """Everything that speaks for or against two sightings being one work, computed when a rule asks for it."""

    titles: "TitleComparison"

    def __init__(self, one: Sighting, other: Sighting, titles: "TitleComparison", is_boilerplate: bool) -> None:
        self.one, self.other = one, other
        self.titles = titles
        self._is_boilerplate = is_boilerplate
        self.days: float | None = None
        if one.published and other.published:
            self.days = abs((one.published - other.published).total_seconds()) / 86_400

    @cached_property
    def abstracts(self) -> "AbstractComparison":
        if self._is_boilerplate:
            return AbstractComparison()
        return compare_abstracts(self.one.words.abstract, self.other.words.abstract)

    @cached_property
    def _people(self) -> tuple["AuthorMatch", int]:
        return compare_authors(self.one.words.authors, self.other.words.authors)

    @property
    def authors(self) -> "AuthorMatch":
        return self._people[0]

    @property
    def shared(self) -> int:
        return self._people[1]

    @property
    def has_preprint(self) -> bool:
        return any(map(is_preprint, (*self.one.ids, *self.other.ids)))

    @property
    def weight(self) -> int:
        return min(_weight(self.one.words.title), _weight(self.other.words.title))

    @property
    def is_specific(self) -> bool:
        return _is_specific(self.one.words.title) and _is_specific(self.other.words.title)

    @property
    def is_serial(self) -> bool:
        return _is_serial(self.one.words.title) or _is_serial(self.other.words.title)

    @cached_property
    def has_other_subject(self) -> bool:
        return _has_other_subject(self.one.words, self.other.words)

    @property
    def is_another_edition(self) -> bool:
        """Return True for a title that returns every year, or is reused years later."""
        if self.is_serial:
            return not self.is_within(EDITION_DAYS)
        return self.days is not None and self.days > REUSED_TITLE_DAYS and not self.abstracts.alike

    @property
    def is_version(self) -> bool:
        """Return True if only one work has such a title, and the dates allow two versions of it."""
        return self.is_specific and self.is_within(VERSION_DAYS) and not self.has_other_subject

    @property
    def is_rewritten(self) -> bool:
        """Return True for a preprint and a publication by the same people, whose abstract may be a new one."""
        return self.has_preprint and self.authors >= AuthorMatch.MOST and self.shared >= 2 and self.is_version

    @property
    def is_rephrased(self) -> bool:
        """Return True if the titles are as similar as two of one work are whose abstracts share so much."""
        needed = next((needed for held, needed in _LIKE_TITLES if self.abstracts.held >= held), 2.0)
        return _title_likeness(self.one.words, self.other.words) >= needed

    def is_within(self, days: float) -> bool:
        return self.days is not None and self.days <= days

    def describe(self, why: str) -> str:
        people = f"{self.authors.name.lower()} authors" + (f" ({self.shared} shared)" if self.shared else "")
        days = "" if self.days is None else f", {self.days:.0f} days apart"
        return f"{why}: title {self.titles.match}, {people}, {self.abstracts.describe()}{days}"


def contradiction(one: Sighting, other: Sighting) -> str | None:
    """Return why two sightings cannot be of one work, whatever joins them, or None.

    They have conflicting identifiers, titles that exclude each other, or authors of whom none is shared.
    """
    if conflict := conflicting_ids(one.ids, other.ids):
        return conflict
    if conflict := compare_titles(one.words.title, other.words.title).conflict:
        return conflict
    by_others = compare_authors(one.words.authors, other.words.authors)[0] is AuthorMatch.NOBODY
    return "no author is shared" if by_others else None


# Blocking keys


def blocking_keys(sighting: Sighting) -> frozenset[int]:
    """Return hashes of which two sightings of one work share at least one.

    Only papers that share a key are compared (blocking, in record linkage). The
    keys: the title; its beginning; the first author with the two longest words of
    the title; all family names; the beginning of the abstract. BLAKE2b gives the
    same hash on every machine, and at 64 bits a hundred million keys rarely collide.

    Returns:
        Two to five signed 64-bit integers.
    """
    found = title_words(sighting.words.title)
    names = list_people(sighting.words.authors)[0][: LIST_MAX + 1]
    family = [_family_name(name) for name in names]
    longest = sorted(sorted(set(content(found))), key=len, reverse=True)[:2]
    keys = [f"t{unify_spelling(squash(found))}", f"h{_head(sighting.words.title)}"]
    if family:
        keys.append(f"l{family[0]}:{':'.join(sorted(longest))}")
    if LIST_MIN <= len(family) <= LIST_MAX:
        keys.append(f"s{':'.join(sorted(family))}")
    if (beginning := abstract_key(sighting)) is not None:
        return frozenset((*map(_hash, keys), beginning))
    return frozenset(map(_hash, keys))


def abstract_key(sighting: Sighting) -> int | None:
    """Return the blocking key of the beginning of the abstract; None if it is too short."""
    beginning = _abstract_beginning(sighting.words.abstract)
    return _hash(f"a{beginning}") if beginning else None


def _hash(text: str) -> int:
    return int.from_bytes(blake2b(text.encode(errors="replace"), digest_size=8).digest(), "big", signed=True)


# Identifiers

_SEVERAL_PER_WORK = frozenset({"openreview", "feed", "merged"})
"""Schemes that give a work several identifiers: one per submission or address."""


def conflicting_ids(one: Iterable[PaperId], other: Iterable[PaperId]) -> str | None:
    """Return why two works differ by their identifiers, or None if they may be one.

    Two arXiv identifiers are two works, as in any scheme that gives a work one
    identifier. Two DOIs may be a preprint and its journal version if their
    registrants differ, or two versions of a preprint. What is in a data repository
    often has the title of its paper, and is another work. DBLP has one key for the preprint (`journals/corr`) and
    one for the published version.
    """
    mine, theirs = _by_scheme(one), _by_scheme(other)
    if _are_data(mine) != _are_data(theirs) and all(found.keys() & {"arxiv", "doi"} for found in (mine, theirs)):
        return "one is a data set, the other is not"
    for scheme in sorted(mine.keys() & theirs.keys() - _SEVERAL_PER_WORK):
        if mine[scheme].isdisjoint(theirs[scheme]) and not _may_differ(scheme, mine, theirs):
            return f"{min(mine[scheme])} and {min(theirs[scheme])} are two works"[:300]
    return None


def _are_data(found: Mapping[str, Iterable[PaperId]]) -> bool:
    return "arxiv" not in found and any(map(is_data_set, found.get("doi", ())))


def _by_scheme(ids: Iterable[PaperId]) -> dict[str, set[PaperId]]:
    found: dict[str, set[PaperId]] = {}
    for name in ids:
        found.setdefault(name.partition(":")[0], set()).add(name)
    return found


def _may_differ(scheme: str, one: Mapping[str, set[PaperId]], other: Mapping[str, set[PaperId]]) -> bool:
    if scheme == "dblp":
        return _are_corr(one[scheme]) != _are_corr(other[scheme])
    if scheme == "pmid":
        return _are_preprints(one.get("doi", ())) != _are_preprints(other.get("doi", ()))
    if scheme != "doi":
        return False
    mine, theirs = one[scheme], other[scheme]
    if not {*map(without_version, mine)}.isdisjoint(map(without_version, theirs)):
        return True
    has_preprint = _are_preprints(mine) or _are_preprints(theirs)
    return has_preprint and {*map(registrant, mine)}.isdisjoint(map(registrant, theirs))


def _are_preprints(dois: Collection[PaperId]) -> bool:
    return bool(dois) and all(map(is_preprint, dois))


def _are_corr(names: Iterable[PaperId]) -> bool:
    return all(name.startswith("dblp:journals/corr/") for name in names)


# Titles

CUT_MIN = 30
"""Letters that a title cut in mid-phrase must have left."""
HEAD_MIN = 12
"""Letters from which the beginning of a title identifies it."""
SPECIFIC, SHORT = 25, 18
"""Letters from which two works rarely share a title; a short one needs three content words too."""


class TitleMatch(StrEnum):
    """Relation between two titles."""

    EQUAL = "equal"
    WORDS = "equal but for small words and spelling"
    CUT = "cut"
    OTHER = "different"


@dataclass(frozen=True, slots=True)
class TitleComparison:
    """Relation between two titles with its details.

    Attributes:
        conflict: why the two cannot be titles of one work, if so.
        number_cut: True if what was cut off one title contains a number.
    """

    match: TitleMatch
    conflict: str | None = None
    number_cut: bool = False


# Labels around a title; the work is the same with or without them.
_LABEL = re.compile(
    r"^\W*(?:retracted(?: article| paper)?|withdrawn(?: article)?|preprint|arxiv preprint|invited(?: paper| talk)?"
    r"|featured article|original article|research article|regular paper|技术报告)\W{0,8}[:\]).–—-]\W*"
    r"|\W{0,8}[\[(:–—-]\s{0,8}(?:the )?(?:extended|full|long|journal|preprint|technical report|arxiv|conference)"
    r"(?: version| paper)?\s*(?:[\])]\s*)?$",
    re.IGNORECASE,
)
# Words that make a title one of another work about the first.
_ABOUT = re.compile(
    r"\b(?P<erratum>errat(?:um|a)|corrigend(?:um|a)|(?:author|publisher)(?:'?s)? correction"
    r"|corrections?(?= to\b| ?:)|berichtigung|fe de erratas|исправление|勘误|正誤表)"
    r"|\b(?P<retraction>retraction(?= of\b| ?:| note| notice)|expression of concern|withdrawal(?= of\b| ?:))"
    r"|(?P<comment>\bcomments? (?:on|to)\b|\bcommentary\b|\bcomment ?:|\bremarks? on\b|\bdiscussion (?:of|on)\b|评论)"
    r"|(?P<reply>\brepl(?:y|ies)\b|\bresponses? to\b|\brejoinder\b|\brebuttal\b|\bauthors?'? response|回复)"
    r"|\b(?P<addendum>addend(?:um|a)|supplement(?:ary|al)?|appendix|companion)\b"
    r"|\b(?P<review>book review|review of)\b|\b(?P<editorial>editorial|preface|foreword)\b"
    r"|\b(?P<revisited>revisited|reconsidered|continued|follow[- ]?up(?= (?:on|to|study)\b)|reloaded"
    r"|replication of|reproduc\w+ study)\b"
    r"|(?P<data>\A\W{0,4}(?:(?:raw |source |replication )?(?:data ?sets?|data|code|scripts|software)"
    r" (?:from|for|to accompany|accompanying|underlying)\b|replication (?:data|package|materials?)\b))"
    r"|\b(?P<protocol>study protocol|trial protocol|protocol for)\b|\b(?P<summary>extended abstract|short paper|poster"
    r"|demo|thesis|dissertation|slides|lay summary|plain language summary)\b"
    r"|\b(?P<survey>an? (?:\w+ )?(?:survey|review|tutorial|primer))\b",
    re.IGNORECASE,
)
_WEAK_ABOUT = frozenset({"revisited", "survey", "summary", "addendum"})
"""Groups of _ABOUT that tell works apart only if the rest of the titles agrees."""
_YEARLY_WORDS = (
    "report annual yearly proceedings statistics guideline guidelines editorial preface foreword newsletter bulletin "
    "minutes obituary yearbook workshop challenge edition monthly quarterly weekly status news bericht jahresbericht "
    "informe rapport 年报 年鉴"
)
_YEARLY = frozenset(_YEARLY_WORDS.split())
_BREAK = re.compile(r"(?:(?<!\s)\s+)?[:?.]\s+|(?<!\s)\s+[–—-]+\s+|：|——|。")
_ELLIPSIS = re.compile(r"(?:(?<!\s)\s+)?(?:\.\.\.|…)\s*$")


def compare_titles(one: str, other: str) -> TitleComparison:
    """Return how two titles relate, and whether one work can have both."""
    is_cut = _is_cut(one, other) or _is_cut(other, one)
    is_near = is_cut or _are_near(one, other)
    if about := (_about(one) ^ _about(other)) - (frozenset() if is_near else _WEAK_ABOUT):
        return TitleComparison(TitleMatch.OTHER, f"one is {'/'.join(sorted(about))}, the other is not")
    mine, theirs = title_words(_strip_labels(one)), title_words(_strip_labels(other))
    if squash(mine) == squash(theirs):
        return TitleComparison(TitleMatch.EQUAL)
    number_cut = is_cut and (_has_ellipsis(one) or _has_ellipsis(other))
    if not number_cut and numbers(mine) != numbers(theirs) and (is_near or _differ_in_edition(one, other)):
        named = " and ".join(" ".join(numbers(found)) or "none" for found in (mine, theirs))
        return TitleComparison(TitleMatch.OTHER, f"the titles have other numbers: {named[:200]}")
    if _same_words(content(mine), content(theirs)):
        return TitleComparison(TitleMatch.WORDS)
    return TitleComparison(TitleMatch.CUT if is_cut else TitleMatch.OTHER, number_cut=number_cut)


@lru_cache(maxsize=4096)
def _strip_labels(title: str) -> str:
    """Return a title without labels and without a cut word.

    Labels are like `RETRACTED:`; an ellipsis marks a cut word.
    """
    if _has_ellipsis(title):
        title = _ELLIPSIS.sub("", title).rpartition(" ")[0] or _ELLIPSIS.sub("", title)
    short = _LABEL.sub("", title)
    return short if len(short) >= HEAD_MIN else title


def _head(title: str) -> str:
    """Return the first five content words, up to the first break: what survives a cut."""
    first = _BREAK.split(_strip_labels(title), maxsplit=1)[0]
    found = content(title_words(first if len(first) >= HEAD_MIN else title))
    return unify_spelling(squash(found[:5]))


def _weight(title: str) -> int:
    """Count letters and digits; a character that is a syllable or a word counts three."""
    return sum(3 if ord(sign) > 0x2E80 else 1 for sign in squash(title_words(title)))


def _is_specific(title: str) -> bool:
    letters = _weight(title)
    return letters >= SPECIFIC or (letters >= SHORT and len(content(title_words(title))) >= 3)


def _is_serial(title: str) -> bool:
    found = title_words(title.lower().replace("technical report", ""))
    return not _YEARLY.isdisjoint(found) or any(word in "".join(found) for word in ("年报", "年鉴"))


@lru_cache(maxsize=4096)
def _about(title: str) -> frozenset[str]:
    return frozenset(found.lastgroup or "" for found in _ABOUT.finditer(fold(title)))


def _is_cut(short: str, long: str) -> bool:
    """Return True if one title begins the other, and ends at a break or, if long enough, anywhere."""
    left = squash(title_words(_strip_labels(short)))
    whole = squash(title_words(_strip_labels(long)))
    if not left or len(left) >= len(whole) or not whole.startswith(left):
        return False
    if _ELLIPSIS.search(short):
        return len(left) >= HEAD_MIN
    ends = {squash(title_words(long[: found.start()])) for found in _BREAK.finditer(long)}
    return left in ends or len(left) >= CUT_MIN * 2


def _has_ellipsis(title: str) -> bool:
    return _ELLIPSIS.search(title) is not None


def _are_near(one: str, other: str) -> bool:
    """Return True if two titles differ by little.

    They share half of their words and one has at most one of its own.

    Any number tells such titles apart.
    """
    mine, theirs = (
        {word for word in content(title_words(_strip_labels(title))) if not numbers([word])} for title in (one, other)
    )
    own = min(len(mine - theirs), len(theirs - mine))
    return own < 2 and 2 * len(mine & theirs) >= min(len(mine), len(theirs))


def _differ_in_edition(one: str, other: str) -> bool:
    """Return True if two titles name different editions.

    These are other parts, versions or years, or each a number of its own.
    """
    mine, theirs = set(numbers(title_words(one))), set(numbers(title_words(other)))
    return editions(one) != editions(other) or (bool(mine - theirs) and bool(theirs - mine))


def _same_words(mine: list[str], theirs: list[str]) -> bool:
    if unify_spelling(squash(mine)) == unify_spelling(squash(theirs)):
        return True
    return len(mine) == len(theirs) > 2 and all(map(is_spelling_variant, mine, theirs))


# Abstracts

SHINGLE = 3
LENGTH_MIN = 12
"""Words below which an abstract is no evidence."""
BEGINNING = 200
"""Characters from which the first words are taken."""
_BEGINNING_WORDS = 10
_STEM = 5
"""Letters that the forms of a word share."""


@dataclass(frozen=True, slots=True)
class AbstractComparison:
    """Overlap of two abstracts.

    Attributes:
        held: the share of the shorter one's runs of three words that the longer
            one contains (containment of shingles, Broder 1997).
        words: the same for content words.
        length: words of the shorter abstract; 0 if one is missing.
    """

    held: float = 0.0
    words: float = 0.0
    length: int = 0

    @property
    def known(self) -> bool:
        return self.length >= LENGTH_MIN

    @property
    def same(self) -> bool:
        """Return True for two versions of one text."""
        return self.length >= 20 and self.held >= 0.7

    @property
    def alike(self) -> bool:
        """Return True for texts on the same subject, even if rewritten."""
        return self.known and (self.held >= 0.3 or self.words >= 0.5)

    @property
    def unlike(self) -> bool:
        """Return True for texts on different subjects."""
        return self.length >= 25 and self.held < 0.1 and self.words < 0.25

    def describe(self) -> str:
        return f"abstracts {self.held:.0%} alike" if self.known else "no abstracts to compare"


def compare_abstracts(one: str, other: str) -> AbstractComparison:
    """Return how much two abstracts share."""
    mine, theirs = _abstract_words(one), _abstract_words(other)
    short, long = sorted((mine, theirs), key=len)
    if len(short) < LENGTH_MIN:
        return AbstractComparison()
    runs, all_runs = _shingles(short), _shingles(long)
    found, all_found = set(content(short)), set(content(long))
    return AbstractComparison(
        held=len(runs & all_runs) / len(runs),
        words=len(found & all_found) / len(found) if found else 0.0,
        length=len(short),
    )


def _title_likeness(one: Words, other: Words) -> float:
    """Return the share of content words that two titles have in common (Jaccard), from 0 to 1."""
    mine, theirs = ({word[:_STEM] for word in content(title_words(words.title))} for words in (one, other))
    return len(mine & theirs) / len(mine | theirs) if mine or theirs else 0.0


def _has_other_subject(one: Words, other: Words) -> bool:
    """Return True if two papers have different subjects.

    A word that only one title has replaces another word in its abstract.

    For example `in mice` and `in rats`, when the rest agrees word for word.
    """
    mine, theirs = _subject_words(one.title), _subject_words(other.title)
    found, all_found = set(content(_abstract_words(one.abstract))), set(content(_abstract_words(other.abstract)))
    if mine <= theirs or theirs <= mine:
        is_named = bool((mine - theirs) & (found - all_found) or (theirs - mine) & (all_found - found))
        return is_named and bool(found - all_found) and bool(all_found - found)
    return bool((mine - theirs) & (found - all_found)) and bool((theirs - mine) & (all_found - found))


def _abstract_beginning(abstract: str) -> str:
    """Return the first ten content words of an abstract, or "" if it is too short."""
    found = [word for word in words(abstract[:BEGINNING]) if word not in STOP]
    return "".join(found[:_BEGINNING_WORDS]) if len(found) >= _BEGINNING_WORDS else ""


def _subject_words(title: str) -> set[str]:
    found = content(title_words(_strip_labels(title)))
    return {piece for word in found for piece in (word if _is_spaceless(word) else [word])}


@lru_cache(maxsize=2048)
def _abstract_words(abstract: str) -> tuple[str, ...]:
    found = words(abstract)
    if abstract.endswith(("…", "...")):
        found = found[:-1]
    return tuple(found) if not _is_spaceless(abstract) else tuple(sign for sign in fold(abstract) if sign.isalnum())


def _is_spaceless(text: str) -> bool:
    """Return True for Chinese or Japanese, where every character counts as a word."""
    return sum(ord(sign) > 0x2E80 for sign in text[:200]) > len(text[:200]) / 3


def _shingles(found: tuple[str, ...]) -> set[tuple[str, ...]]:
    return set(zip(*(found[n:] for n in range(SHINGLE)), strict=False))


# Authors

COMPARED = 40
"""Names compared of each list; a collaboration of thousands is known by its first."""
_TOKEN = re.compile(r"[^\W\d_]+")
_PARTICLE_WORDS = (
    "van von der den de del della di da dos du la le el al bin ibn ben ter ten te zu zur y e jr sr ii iii phd md "
    "dr prof the and"
)
_PARTICLES = frozenset(_PARTICLE_WORDS.split())
_AND_OTHERS = re.compile(r"\b(?:et\.? al|and others|и др|u\. ?a)\b\.?|^(?:\.\.\.|…|others)$", re.IGNORECASE)
_ANONYMOUS = re.compile(
    r"\s*(?:anonym|unknown|n/?a$|double.blind|paper under|author\(?s\)?$|nan$|none$)", re.IGNORECASE
)


class AuthorMatch(IntEnum):
    """Agreement of two author lists; higher is more."""

    NOBODY = 0  # people on both sides, none in common
    UNKNOWN = 1  # a list is missing, anonymous, or in another script
    SOME = 2  # some, but not the first
    FIRST = 3  # the first, and too few of the others
    MOST = 4  # the first, and most of the others
    ALL = 5  # the same people, or everybody whom a shortened list names


def compare_authors(one: Sequence[str], other: Sequence[str]) -> tuple[AuthorMatch, int]:
    """Return what two author lists have in common, and how many people.

    Names may be written as `Smith, J.`, `John Smith` or `Smith JA`; `Nagy Péter` or
    `Péter Nagy`; `Müller`, `Mueller` or `Muller`. Names in two scripts cannot be
    compared, which does not mean that they differ.
    """
    (mine, cut_mine), (theirs, cut_theirs) = list_people(one), list_people(other)
    if not mine or not theirs or _is_latin(mine[0]) != _is_latin(theirs[0]):
        return AuthorMatch.UNKNOWN, 0
    few, many = sorted((mine, theirs), key=len)
    shared = _count_shared(few[:COMPARED], many[:COMPARED])
    first = same_name(mine[0], theirs[0])
    is_cut = cut_mine if few is mine else cut_theirs
    whole = len(few) == len(many) or (is_cut and first)
    return _degree(shared, min(len(few), COMPARED), len(many), first, whole), shared


def _degree(shared: int, few: int, many: int, first: bool, whole: bool) -> AuthorMatch:
    if shared == few and whole:
        return AuthorMatch.ALL
    if first and shared >= max(2, 0.6 * few) and few >= 0.5 * min(many, COMPARED):
        return AuthorMatch.MOST
    if first:
        return AuthorMatch.FIRST
    return AuthorMatch.SOME if shared else AuthorMatch.NOBODY


def list_people(names: Sequence[str]) -> tuple[list[str], bool]:
    """Return the names of people in a list, and True if it says that it is shortened."""
    kept = [_AND_OTHERS.sub("", name).strip(" ,;") for name in names[: COMPARED * 4] if not _ANONYMOUS.match(name)]
    return [name for name in kept if name], any(_AND_OTHERS.search(name) for name in names)


def _family_name(name: str) -> str:
    """Return the likely family name: what precedes a comma, else the last word that is no initial."""
    tokens = _TOKEN.findall(fold(name.partition(",")[0]))
    known: list[str] = [token for token in tokens if token not in _PARTICLES]
    if "," in name or len(known) < 2:
        return "".join(known)
    last = name.split()[-1].strip(".")
    is_initials = len(known[-1]) == 1 or (last.isupper() and len(last) <= 2)
    return known[0] if is_initials else known[-1]


@lru_cache(maxsize=8192)
def same_name(one: str, other: str) -> bool:
    """Return True if two names may be one person's, the likeliest reading of one and any of the other."""
    mine, theirs = name_readings(one), name_readings(other)
    pairs = {*product(mine[:1], theirs), *product(mine, theirs[:1])}
    return any(may_be_same_person(a, b, nicknames=True) for a, b in pairs)


def _count_shared(few: Sequence[str], many: Sequence[str]) -> int:
    """Count the pairs of a maximum matching, so that no order of the names decides.

    `J. Lee` fits both `John Lee` and `Jane Lee`: greedy pairing may waste it on the
    one that another name needs.
    """
    from scipy.sparse import csr_array  # noqa: PLC0415  # 0.3 s of CPU that commands without comparisons save
    from scipy.sparse.csgraph import maximum_bipartite_matching  # noqa: PLC0415  # likewise

    graph = csr_array([[same_name(a, b) for b in many] for a in few], dtype=bool)
    return int((maximum_bipartite_matching(graph, perm_type="column") >= 0).sum())


def _is_latin(name: str) -> bool:
    return any(letter.isascii() and letter.isalpha() for letter in fold(name))
