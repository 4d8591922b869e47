"""Whether two sightings are of one work where no identifier says so: the title, the authors, the abstract. Pure.

A wrong join hides a paper from everybody, a missed one shows a work twice; so every rule asks for
more than one kind of evidence, and whatever tells works of one group apart (numbers in the title,
`erratum`, another subject in the abstract) forbids a join.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import blake2b

from digestd.domain.paper import PaperId, Sighting
from digestd.ingest.likeness_abstracts import compare_abstracts, other_subject, start
from digestd.ingest.likeness_names import Authors, compare, people, surname
from digestd.ingest.likeness_titles import Kind, Titles, compare_titles, head, is_serial, is_specific, weight
from digestd.ingest.normalization import content, spelt, squashed, title_words

SAME = 0.9
"""The score from which on two sightings count as one work."""
LIST_MIN, LIST_MAX = 3, 12
DAYS_APART = 6 * 365
EDITION_DAYS = 200


@dataclass(frozen=True, slots=True)
class Verdict:
    """How likely two sightings are of one work (0 to 1), and on what evidence, in words."""

    score: float
    evidence: str

    @property
    def same(self) -> bool:
        """Whether they are to be joined."""
        return self.score >= SAME


def same_work(one: Sighting, other: Sighting) -> Verdict:
    """Judge two sightings by their words, where their identifiers leave it open."""
    if against := ids_apart(one.ids, other.ids):
        return Verdict(0.0, against)
    titles = compare_titles(one.words.title, other.words.title)
    if titles.against:
        return Verdict(0.0, titles.against)
    evidence = _Evidence(one, other, titles)
    if titles.kind is Kind.EQUAL or titles.kind is Kind.WORDS:
        return _titles_agree(evidence)
    if titles.kind is Kind.CUT:
        return _title_cut(evidence)
    return _retitled(evidence)


# A scheme gives a work one identifier. These give it several: a forum for each submission, a hash
# for each address.
_MANY = frozenset({"openreview", "feed", "merged"})
# DOI registrants of preprints: a work has a DOI here and another of its journal.
_REGISTRANTS = (
    "10.1101 10.64898 10.21203 10.2139 10.20944 10.26434 10.31234 10.31219 10.31235 10.31223 10.36227 10.22541 "
    "10.5281 10.6084 10.32942 10.55458 10.12688 10.7287"
)
_PREPRINTS = frozenset(_REGISTRANTS.split())


def ids_apart(one: Iterable[PaperId], other: Iterable[PaperId]) -> str | None:
    """Why two works cannot be one by their identifiers; None where these leave it open.

    Two arXiv ids are two works, and so for any scheme that gives a work one identifier. Two DOIs
    may be a preprint and its journal, but only of different registrants. DBLP has a key for the
    preprint (`journals/corr`) and one for what was published.
    """
    mine, theirs = _by_scheme(one), _by_scheme(other)
    for scheme in sorted(mine.keys() & theirs.keys() - _MANY):
        if mine[scheme].isdisjoint(theirs[scheme]) and not _may_differ(scheme, mine[scheme], theirs[scheme]):
            return f"{min(mine[scheme])} and {min(theirs[scheme])} are two works"[:300]
    return None


def keys(sighting: Sighting) -> frozenset[int]:
    """Hashes, 64 bits with a sign, of which two sightings of one work have one in common.

    The title; its head; the first author with its two longest words; all family names; how the
    abstract begins. BLAKE2b, as its hashes are the same in every process and on every machine,
    and none of a hundred million keys meets another by accident, as with 32 bits they would.
    """
    found = title_words(sighting.words.title)
    names = people(sighting.words.authors)[0][: LIST_MAX + 1]
    family = [surname(name) for name in names]
    longest = sorted(sorted(set(content(found))), key=len, reverse=True)[:2]
    said = [f"t{spelt(squashed(found))}", f"h{head(sighting.words.title)}"]
    if family:
        said.append(f"l{family[0]}:{':'.join(sorted(longest))}")
    if LIST_MIN <= len(family) <= LIST_MAX:
        said.append(f"s{':'.join(sorted(family))}")
    if begun := start(sighting.words.abstract):
        said.append(f"a{begun}")
    return frozenset(_hashed(text) for text in said)


def _hashed(text: str) -> int:
    return int.from_bytes(blake2b(text.encode(errors="replace"), digest_size=8).digest(), "big", signed=True)


class _Evidence:
    """What speaks for two sightings, each measured once and only where a rule asks."""

    def __init__(self, one: Sighting, other: Sighting, titles: Titles) -> None:
        self.titles = titles
        self.authors, self.shared = compare(one.words.authors, other.words.authors)
        self.abstracts = compare_abstracts(one.words.abstract, other.words.abstract)
        self.weight = min(weight(one.words.title), weight(other.words.title))
        self.is_specific = is_specific(one.words.title) and is_specific(other.words.title)
        self.is_serial = is_serial(one.words.title)
        self.is_other_subject = other_subject(one.words, other.words)
        self.days: float | None = None
        if one.published and other.published:
            self.days = abs((one.published - other.published).total_seconds()) / 86_400

    def say(self, score: float, why: str) -> Verdict:
        """A verdict with what was found."""
        people = f"{self.authors.name.lower()} authors" + (f" ({self.shared} shared)" if self.shared else "")
        days = "" if self.days is None else f", {self.days:.0f} days apart"
        return Verdict(score, f"{why}: title {self.titles.kind}, {people}, {self.abstracts.say()}{days}")


def _titles_agree(found: _Evidence) -> Verdict:
    if found.authors is Authors.NOBODY:
        return found.say(0.1, "the same title by others")
    if found.abstracts.unlike:
        return found.say(0.3, "the same title on something else")
    if found.abstracts.same and (found.is_specific or found.abstracts.length >= 30):
        return found.say(0.99, "the same title and abstract")
    if found.authors < Authors.FIRST:
        return found.say(0.5, "the same title, and too little is known of the authors")
    if _is_another_edition(found):
        return found.say(0.5, "the same title at another time")
    return _titles_and_people_agree(found)


def _is_another_edition(found: _Evidence) -> bool:
    """A title that comes every year, or the same words a long time apart."""
    if found.is_serial:
        return found.days is None or found.days > EDITION_DAYS
    return found.days is not None and found.days > DAYS_APART and not found.abstracts.alike


def _titles_and_people_agree(found: _Evidence) -> Verdict:
    if found.authors is Authors.FIRST:
        good = found.abstracts.alike and found.is_specific
        return found.say(0.92 if good else 0.6, "the same title and first author")
    if found.is_specific:
        return found.say(0.97, "the same title and authors")
    is_short_but_ours = found.abstracts.alike or (
        found.authors is Authors.ALL and found.shared >= LIST_MIN and found.days is not None and found.days < 400
    )
    return found.say(0.92 if is_short_but_ours and found.weight >= 8 else 0.6, "the same short title and authors")


def _title_cut(found: _Evidence) -> Verdict:
    """One title is the beginning of the other: a subtitle dropped, or cut for length."""
    if found.authors is Authors.NOBODY or found.abstracts.unlike or found.is_other_subject:
        return found.say(0.2, "one title begins like the other")
    if found.abstracts.same and found.authors is not Authors.SOME:
        return found.say(0.97, "one title begins like the other, and the abstract is the same")
    if found.authors < Authors.MOST or _is_another_edition(found) or found.is_serial:
        return found.say(0.5, "one title begins like the other")
    if found.abstracts.alike and not found.titles.number_cut:
        return found.say(0.94, "one title begins like the other, by the same authors")
    unknown = not found.abstracts.known and not found.titles.number_cut
    whole = found.authors is Authors.ALL and found.shared >= 2 and found.is_specific
    return found.say(0.91 if unknown and whole else 0.6, "one title begins like the other, by the same authors")


def _retitled(found: _Evidence) -> Verdict:
    """Another title: a new version's, or a translation's. The abstract must be the same, and of the same thing."""
    if not found.abstracts.same or found.abstracts.length < 30 or found.is_other_subject:
        return found.say(0.2, "another title")
    if found.abstracts.figures_differ:
        return found.say(0.4, "another title and other figures")
    if found.authors >= Authors.MOST:
        return found.say(0.95, "another title of the same abstract and authors")
    if found.authors is Authors.UNKNOWN and found.abstracts.verbatim:
        return found.say(0.93, "another title of the same abstract, word for word")
    return found.say(0.5, "another title of the same abstract")


def _by_scheme(ids: Iterable[PaperId]) -> dict[str, set[PaperId]]:
    found: dict[str, set[PaperId]] = {}
    for name in ids:
        found.setdefault(name.partition(":")[0], set()).add(name)
    return found


def _may_differ(scheme: str, mine: set[PaperId], theirs: set[PaperId]) -> bool:
    if scheme == "dblp":
        return _are_corr(mine) != _are_corr(theirs)
    if scheme == "doi":
        one, other = _registrants(mine), _registrants(theirs)
        return one.isdisjoint(other) and (one <= _PREPRINTS or other <= _PREPRINTS)
    return False


def _are_corr(names: Iterable[PaperId]) -> bool:
    return all(name.startswith("dblp:journals/corr/") for name in names)


def _registrants(names: Iterable[PaperId]) -> set[str]:
    return {name.removeprefix("doi:").partition("/")[0] for name in names}
