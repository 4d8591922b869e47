"""Mentions: where and how the day's papers name the concepts that subscribers ask for.

A concept of several words is named where they stand in order within a short window of a sentence, or as neighbours in
a clause with the last one first ("generation of videos"). Scattered words name nothing, nor do examples ("fields such
as robotics"). An acronym is named where it is written as one.

The words of all papers form one sequence of numbers, in which the concepts of many topics are searched for at once.
"""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from itertools import chain
from typing import TypeAlias

import numpy as np

from digestd.domain.paper import Paper
from digestd.ranking.arrays import NOWHERE, Bools, Cells, Columns, Floats, Groups, Ints, distinct, grouped
from digestd.ranking.concepts import Names
from digestd.ranking.inverted_index import in_category
from digestd.ranking.lexicon import CACHE_SIZE, COMPOUND, acronym, compound_lemmas, definitions, lemmas
from digestd.ranking.model import TextModel
from digestd.ranking.quotes import BACKGROUND, CONTRIBUTION, SENTENCE_END, excerpt, sentences
from digestd.ranking.text import STOP_WORDS, lower

GAP = 1
"""Words that may stand between two words of a form, as in "video *world* generation"."""
OFTEN = 8
"""Mentions beyond this number say no more."""
NAMED, HINTED, LISTED = range(3)
"""What a place in a paper tells: a form or an acronym, a form without its head noun, only the category; best first."""

DIRECTIONS = frozenset({"to", "in", "by"})
"""Words that separate: "images to 4D generation" is no image generation, "reward in flow models" no reward model."""
_TORN = re.compile(rf"[,;:]|(?<!\S)(?:{'|'.join(STOP_WORDS)})(?!\S)", re.IGNORECASE)
"""Signs and words between those of a term that only stand near each other: "agents in mobile"."""
_COMMA = re.compile("[,;:]")
"""Separates as well."""
WINDOW, TELLING = 5, 0.1
"""Words that a part of a title has at most, and the share of papers below which one word relates it to a topic."""
_CLAUSE_END = re.compile(r"[^\w\s'’\u2010-\u2015-]|\b(?:and|or)\b")
TITLE = CONTRIBUTION + 1
"""What the words of a title tell, above what sentences of an abstract do."""
MEANT = np.array([[7, 5, 2, 1, 0], [11, 10, 9, 8, 4], [12] * 5])
"""How well each kind of place tells what the paper is about, by what its words tell; the best is 0."""
PHRASE_OF_TITLE = 3
"""The same for two words or more of a title that hint at the concept."""
_EXAMPLES = re.compile(
    r"(?<![\w-])(?:(?:such as|including|covering|spanning|ranging from|like|for example|for instance|e\.g\.),?\s"
    r"(?:(?!\b(?:that|which|who|we|it|they|is|are|was|were|has|have|can|may|by|to|for|while|with)\b)[^.!?;:]|[.:](?!\s))*"
    r"|\((?:e\.g\.|such as|including|like)[^)]*)"
)
"""Lists of examples."""
_AVOIDED = re.compile(
    r"(?<![\w-])(?:without|instead of|rather than|unlike|as opposed to|no longer"
    r"|eschew(?:s|ed|ing)?|avoid(?:s|ed|ing)?|bypass(?:es|ed|ing)?|circumvent(?:s|ed|ing)?)\s[^,.;:!?()]*"
)
"""Match what the authors do not do or use, up to the end of the clause."""

Place: TypeAlias = tuple[int, int]
"""The start and length of words in the index."""
_PlacedWord: TypeAlias = tuple[int, int, int, int]
"""The place of a word, its clause, what it tells, and its number."""


@dataclass(frozen=True, eq=False)
class Mentions:
    """The k (topic, paper) cells in which a paper mentions the concept of a topic.

    Attributes:
        often: (k,) ln(1 + number of mentions, or of those without the head noun if there are no others).
        is_listed: (k,) whether the paper is in an arXiv category that is the concept as a whole.
        starts, lengths: (k,) the place in the index that says the most: in the title, in what is new, in what the
            authors did, else the first; length 0 for a category.
    """

    cells: Cells
    often: Floats
    is_listed: Bools
    starts: Ints
    lengths: Ints
    papers: int

    def place(self, topic: int, paper: int) -> Place | None:
        """Return the start and length of what says the most in a paper; None if nothing does."""
        return self._places.get(topic * self.papers + paper)

    def titled(self, tells: Ints) -> Cells:
        """Return the cells in which a title names the topic by two words or more.

        Args:
            tells: (w,) what each word of the papers tells.
        """
        found = (self.lengths > 1) & (tells[self.starts] == TITLE)
        return Cells(self.cells.rows[found], self.cells.columns[found])

    @cached_property
    def _places(self) -> Mapping[int, Place]:
        """Return the place of each cell that has words."""
        keys, worded = self.cells.rows * self.papers + self.cells.columns, self.lengths > 0
        places = zip(self.starts[worded].tolist(), self.lengths[worded].tolist(), strict=True)
        return dict(zip(keys[worded].tolist(), places, strict=True))


@dataclass(frozen=True, slots=True, eq=False)
class MentionIndex:
    """The w words of m papers without stop words, one paper after the other with gaps between them.

    Attributes:
        categories: Category → papers.
        words: Lemma → its number, from 1.
        sequence: (w,) number of each word; 0 in a gap.
        postings, ends: (w,) the places of each number, one number after the other; those of k end before ends[k].
        acronyms: Acronym → the places where it is written.
        defined: Acronym → the papers that define it, each with the lemmas of its long form there.
        papers: (w,) the paper of each word.
        sentences, clauses: (w,) numbers that grow from one to the next.
        spans: (w, 2) where the word, or the compound that it is part of, stands in the text of its paper.
        tells: (w,) TITLE, or what the sentence of the word tells.
        objects: (w,) whether the word may be the object of the word before ("generate images", "generation of images"):
            not in the same compound, nor after an adjective ("generative programs").
        directed: (w,) whether one of DIRECTIONS or a comma stands before the word.
        begins, titles: (m,) first place of each paper, and the number of words in its title.
        texts: (m,) the text of each paper.
    """

    model: TextModel
    categories: Mapping[str, Ints]
    words: Mapping[str, int]
    sequence: Columns
    postings: Ints
    ends: Ints
    acronyms: Mapping[str, Ints]
    defined: Mapping[str, Sequence[tuple[int, tuple[str, ...]]]]
    papers: Ints
    sentences: Ints
    clauses: Ints
    spans: Ints
    tells: Ints
    objects: Bools
    directed: Bools
    begins: Ints
    titles: Ints
    texts: Sequence[str]
    _quotes: dict[tuple[int, int], str] = field(default_factory=dict)
    _words: dict[int, Sequence[Mapping[int, Sequence[_PlacedWord]]]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.titles)

    def of(self, topics: Sequence[Names]) -> Mentions:
        """Return the mentions of concepts, by what names them."""
        places = np.concatenate([self._standing(topics), self._acronyms(topics), self._listed(topics)])
        start = places[:, 3]
        topic, paper, kind, start, length = places[np.lexsort([start, *places.T[2::-1]])].T
        first = np.flatnonzero(np.diff(topic * len(self) + paper, prepend=-1))  # of each cell
        sizes = np.diff(first, append=len(topic))
        told = kind[first]
        used = kind == np.repeat(np.where(told == LISTED, -1, told), sizes)
        counted = used & (np.diff(start, prepend=-1) != 0)
        counted[first] = used[first]
        best = self._best(kind, start, length, first)
        return Mentions(
            Cells(topic[first], paper[first]),
            np.log1p(np.minimum(np.add.reduceat(counted, first, dtype=np.intp), OFTEN)).astype(np.float32),
            kind[first + sizes - 1] == LISTED,
            start[best],
            length[best],
            len(self),
        )

    def _best(self, kind: Ints, start: Ints, length: Ints, first: Ints) -> Ints:
        """Return the place of each cell that says the most; of equal ones the longest, then the first."""
        if not len(first):
            return first
        meant = MEANT[kind, self.tells[start]]
        meant[(kind == HINTED) & (length > 1) & (self.tells[start] == TITLE)] = PHRASE_OF_TITLE
        long = int(length.max()) + 1
        key = (meant * long + long - 1 - length) * len(kind) + np.arange(len(kind))
        best: Ints = np.minimum.reduceat(key, first) % len(kind)
        return best

    def quote(self, start: int, length: int) -> str:
        """Return what stands at a place, as written: where authors speak of their own work, with what they say.

        Empty if it is torn.
        """
        place = start, length
        found = self._quotes.get(place)
        return self._quotes.setdefault(place, self._quote(start, length)) if found is None else found

    def has_close(self, form: Sequence[str], paper: int) -> bool:
        """Return True if the words of a form stand in a paper in this order, with at most GAP others among them."""
        begin, end = int(self.begins[paper]), int(np.searchsorted(self.papers, paper, side="right"))
        words, wanted = self.sequence[begin:end].tolist(), [self.words.get(lemma, 0) for lemma in form]
        starts = [n for n, word in enumerate(words) if word == wanted[0]] if 0 not in wanted else []
        return any(_is_within(wanted, words[start : start + len(wanted) + GAP]) for start in starts)

    def related(self, form: Sequence[str], paper: int) -> tuple[int, int] | None:
        """Return the start and length of the words that come nearest to a form: of the title, else of the abstract.

        They are the most different words of the form that stand close in a clause; None if they tell nothing.
        """
        lemma_of = {number: lemma for lemma in form if (number := self.words.get(lemma))}
        for words in self._words_of(paper):
            if 2 * len(lemma_of.keys() & words.keys()) < len(form):  # "large" alone is not large language models
                continue
            found = sorted(chain.from_iterable(words[number] for number in lemma_of.keys() & words.keys()))
            near = [_near(found, n) for n in range(len(found))]
            best = near[max(range(len(found)), key=lambda n: (len(near[n]), found[n][2], -n))]
            is_common = len(best) == 1 and self.model.lexicon.share(lemma_of[next(iter(best))]) > TELLING
            if not is_common and 2 * len(best) >= len(form):
                return min(best.values()), max(best.values()) + 1 - min(best.values())
        return None

    def _words_of(self, paper: int) -> Sequence[Mapping[int, Sequence[_PlacedWord]]]:
        """Return the places of each word in the title, and in the abstract."""
        if (known := self._words.get(paper)) is not None:
            return known
        begin, end = int(self.begins[paper]), int(np.searchsorted(self.papers, paper, side="right"))
        abstract = begin + int(self.titles[paper])
        found: list[dict[int, list[_PlacedWord]]] = [{}, {}]
        parts = (each[begin:end].tolist() for each in (self.sequence, self.clauses, self.tells))
        for place, (word, clause, tells) in enumerate(zip(*parts, strict=True), begin):
            found[place >= abstract].setdefault(word, []).append((place, clause, tells, word))
        return self._words.setdefault(paper, found)

    def _quote(self, start: int, length: int) -> str:
        text = self.texts[self.papers[start]]
        first, last = int(self.spans[start, 0]), int(self.spans[start + length - 1, 1])
        quote = excerpt(text, first, last) if BACKGROUND < self.tells[start] < TITLE else ""
        term = text[first:last]
        return quote or ("" if _TORN.search(term) else term)

    def _standing(self, topics: Sequence[Names]) -> Ints:
        """Return the places of forms, with and without their head noun."""
        wanted = [
            (topic, kind, numbers)
            for topic, names in enumerate(topics)
            for kind, forms in ((NAMED, names.forms), (HINTED, names.cores))
            for form in forms
            if all(numbers := [self.words.get(word, 0) for word in form])
        ]
        forms = [numbers for _, _, numbers in wanted]
        turned = [[numbers[-1], *numbers[:-1]] if len(numbers) > 1 else [] for numbers in forms]
        backwards = self._search(turned, 0, self.clauses)
        backwards = backwards[self.objects[backwards[:, 1] + 1]]
        found = np.concatenate([self._search(forms, GAP, self.sentences), backwards])
        form, start, length = found[np.argsort(found[:, 0], kind="stable")].T
        topic, kind = np.array([(topic, kind) for topic, kind, _ in wanted], dtype=np.intp).reshape(-1, 2)[form].T
        last, ends = start + length - 1, self.spans[:, 1]
        # "vision-language" hints at its models, but "vision, language" and "vision-language-action" do not
        is_apart = (self.clauses[start] != self.clauses[last]) | (ends[last] == ends[last + 1])
        kept = (kind == NAMED) | (length == 1) | ~is_apart
        kept &= (ends[start - 1] != ends[start]) | (ends[start] == ends[last])  # not "vision-(language models)"
        places: Ints = np.column_stack([topic, self.papers[start], kind, start, length])[kept]
        return places

    def _search(self, forms: Sequence[Sequence[int]], gap: int, parts: Ints) -> Ints:
        """Return where forms stand: rows of the number of the form, the place, and its length.

        Args:
            forms: The numbers of their words; an empty form stands nowhere.
            gap: Words that may stand between two of them.
            parts: (w,) parts of texts that they stand within.
        """
        spans = grouped([len(form) for form in forms])
        words = np.array(list(chain.from_iterable(forms)), dtype=np.intp)
        form, start = self._starts(spans, words, gap)
        last, length, found = start, 1, [np.zeros((0, 3), dtype=np.intp)]
        while len(form):
            form, start, last = (each[parts[start] == parts[last]] for each in (form, start, last))
            ended = spans.sizes[form] == length
            found.append(np.column_stack([form[ended], start[ended], last[ended] + 1 - start[ended]]))
            form, start, last = form[~ended], start[~ended], last[~ended]
            step = np.zeros(len(form), dtype=np.intp)
            for distance in range(gap + 1, 0, -1):
                may = self.sequence[last + distance] == words[spans.starts[form] + length]
                if distance > 1:  # not "vision-language-(action) models", "large (vision-)language models"
                    ends = self.spans[:, 1]
                    may &= (ends[last - 1] != ends[last + 1]) & (ends[last + 1] != ends[last + 2])
                    # not "images *to* 4D generation", "camera encoders, control"
                    may &= ~(self.directed[last + 1] | self.directed[last + 2])
                step[may] = distance
            form, start, last, length = form[step > 0], start[step > 0], (last + step)[step > 0], length + 1
        return np.concatenate(found)

    def _starts(self, spans: Groups, words: Ints, gap: int) -> tuple[Ints, Ints]:
        """Return the places of first words of forms that stand as far before the rarest word as they may.

        Returns:
            The number of the form, and the place.
        """
        counts = np.diff(self.ends, prepend=0)[words]
        _, where = spans.peaks(-counts.astype(np.float32))
        form = np.flatnonzero(spans.sizes)
        rarest, before = words[where[form]], (where - spans.starts)[form]
        each = grouped(counts[where[form]])
        place = self.postings[(self.ends[rarest - 1] - each.starts)[each.owner] + np.arange(len(each.owner))]
        form, before = form[each.owner], before[each.owner]
        found = []
        for distance in range((gap + 1) * int(before.max(initial=0)) + 1):
            start = np.maximum(place - distance, 0)
            may = (before <= distance) & (distance <= (gap + 1) * before)
            may &= self.sequence[start] == words[spans.starts[form]]
            found.append(form[may] * len(self.sequence) + start[may])
        form, start = np.divmod(distinct(np.concatenate(found)), len(self.sequence))
        return form, start

    def _acronyms(self, topics: Sequence[Names]) -> Ints:
        """Return the places of acronyms, save in papers in which they stand for something else."""
        places = [
            (topic, place)
            for topic, names in enumerate(topics)
            for short in names.acronyms
            for place in self._meant(short, names.forms).tolist()
        ]
        topic, start = np.array(places, dtype=np.intp).reshape(-1, 2).T
        return np.column_stack([topic, self.papers[start], np.full_like(topic, NAMED), start, np.ones_like(topic)])

    def _meant(self, short: str, forms: Sequence[tuple[str, ...]]) -> Ints:
        found = self.acronyms.get(short, NOWHERE)
        others = [
            paper
            for paper, long_form in self.defined.get(short, ())
            if forms and not any(long_form == form[: len(long_form)] for form in forms)  # VLA (models)
        ]
        return found[~np.isin(self.papers[found], others)] if others else found

    def _listed(self, topics: Sequence[Names]) -> Ints:
        """Return the papers in the categories of concepts, as places of no length."""
        found = [
            (topic, paper, LISTED, 0, 0)
            for topic, names in enumerate(topics)
            for label in names.categories
            for paper in in_category(self.categories, label).tolist()
        ]
        return np.array(found, dtype=np.intp).reshape(-1, 5)


def _is_within(wanted: Sequence[int], words: Sequence[int]) -> bool:
    left = iter(words)
    return all(word in left for word in wanted)


def _near(found: Sequence[_PlacedWord], n: int) -> dict[int, int]:
    """Return the numbers of words that stand within WINDOW words and one clause from the n-th on, and where."""
    start, clause, _, number = found[n]
    near = {number: start}
    for place, own, _, number in found[n + 1 : n + WINDOW]:
        if place >= start + WINDOW or own != clause:
            break
        near[number] = place
    return near


def build_mention_index(papers: Sequence[Paper], model: TextModel, categories: Mapping[str, Ints]) -> MentionIndex:
    """Index the words of the papers' titles and abstracts.

    Args:
        categories: Category → papers.
    """
    texts = [unicodedata.normalize("NFC", paper.text) for paper in papers]
    titles = [unicodedata.normalize("NFC", paper.plain_title) for paper in papers]
    words = {"": 0}
    shorts: dict[str, str] = {}
    acronyms: dict[str, list[int]] = {}
    defined: dict[str, list[tuple[int, tuple[str, ...]]]] = {}
    tables, first = [], 0
    for j, (title, text) in enumerate(zip(titles, texts, strict=True)):
        found = _words(len(title), text)
        tables.append(_table(found, words))  # numbers take a tenth of the memory of words
        before = 0
        for place, (_, word, _, end, _, _) in enumerate(found, first):
            if word not in shorts:
                shorts[word] = acronym(word)
            if shorts[word] and end != before:  # "LLM-based", not "HELMET-LLM"
                acronyms.setdefault(shorts[word], []).append(place)
            before = end
        for short, long_form in dict(definitions(text)).items():
            defined.setdefault(short, []).append((j, tuple(lemmas(long_form))))
        first += len(found)
    sizes = np.array([*(len(table.T) for table in tables), len(BETWEEN)], dtype=np.intp)
    sequence, start, end, told, follows = np.concatenate([*tables, _table(BETWEEN, words)], axis=1)
    owner, tells = np.repeat(np.arange(len(sizes)), sizes), told.astype(np.intp)
    return MentionIndex(
        model=model,
        categories=categories,
        words=words,
        sequence=sequence,
        postings=np.argsort(sequence, kind="stable"),
        ends=np.cumsum(np.bincount(sequence)),
        acronyms={of: np.array(places) for of, places in acronyms.items()},
        defined=defined,
        papers=owner,
        sentences=np.cumsum(follows & _NEXT_SENTENCE > 0),
        clauses=np.cumsum(follows & _NEXT_CLAUSE > 0),
        spans=np.column_stack([start, end]).astype(np.intp),
        tells=tells,
        objects=follows & _OBJECT > 0,
        directed=follows & _DIRECTED > 0,
        begins=(np.cumsum(sizes) - sizes)[:-1] + len(BETWEEN),
        titles=np.bincount(owner[tells == TITLE], minlength=len(sizes))[:-1],
        texts=texts,
    )


def _table(found: "Sequence[_Word]", words: dict[str, int]) -> Columns:
    """Return words as rows of numbers: of their lemmas, which are added to `words`, and all that follows `word`."""
    lemma, _, *rest = zip(*found, strict=True)
    return np.array([[words.setdefault(one, len(words)) for one in lemma], *rest], dtype=np.int32)


_Word: TypeAlias = tuple[str, str, int, int, int, int]
"""A word of a paper: its lemma, and as written; both are empty in a gap and within examples.

Then where it stands in the text, what it tells, and how it follows the word before: some of the next four.
"""
_OBJECT, _DIRECTED, _NEXT_CLAUSE, _NEXT_SENTENCE = 1, 2, 4, 8
"""As an object or directed (see `MentionIndex`), after the end of a clause, of a sentence."""
BETWEEN: Sequence[_Word] = [("", "", 0, 0, BACKGROUND, _NEXT_CLAUSE | _NEXT_SENTENCE)] * (GAP + 2)
"""A gap between title and abstract, and between papers, so that no phrase stands across."""


def _words(abstract: int, text: str) -> list[_Word]:
    """Return the words of a paper, with gaps before its title and its abstract, which begins at text[abstract:]."""
    found = [*BETWEEN]
    told = sentences(text, abstract)
    sentence_end, tells, last_word = abstract, TITLE, ""
    examples, avoided = (_places(pattern, text, abstract) for pattern in (_EXAMPLES, _AVOIDED))
    before = 0
    for match in COMPOUND.finditer(text):
        own = compound_lemmas(match[0])
        if not own:
            continue
        start, end = match.span()
        if before < abstract <= start:
            found += BETWEEN
        while start >= sentence_end and sentence_end < len(text):
            sentence_end, tells = next(told)
        follows = _separation(text[before:start])
        if last_word.endswith("ive"):
            follows &= ~_OBJECT
        for lemma, word in own:
            lemma, last_word = ("", "") if start in examples else (lemma, word)
            found.append((lemma, last_word, start, end, BACKGROUND if start in avoided else tells, follows))
            follows = 0
        before = end
    return found


def _places(pattern: re.Pattern[str], text: str, start: int) -> set[int]:
    """Return the places of text[start:] in matches of a pattern in lower case."""
    return {place for match in pattern.finditer(lower(text), start) for place in range(*match.span())}


@lru_cache(maxsize=CACHE_SIZE)  # few different texts stand between words
def _separation(between: str) -> int:
    """Return how a word follows another one with this text between them, if it may be its object."""
    follows = _OBJECT if between else 0
    if not DIRECTIONS.isdisjoint(between.lower().split(" ")) or _COMMA.search(between):
        follows |= _DIRECTED
    if len(between) > 1 and _CLAUSE_END.search(between):
        follows |= _NEXT_CLAUSE
    if len(between) > 1 and SENTENCE_END.search(between):
        follows |= _NEXT_SENTENCE
    return follows
