"""Text analysis: turn text into the stems that all ranking compares.

`analyse` returns Snowball stems without numbers and English function words. The stop list leaves out words that may
name a subject ("system", "few", "full", "interest"). Scripts without spaces yield pairs of neighbouring characters, as
Lucene's CJKBigramFilter does. `phrase_form` normalises text for literal search.
"""

import re
from collections.abc import Iterable, Sequence
from itertools import chain

import Stemmer

from digestd.text.scripts import fold
from digestd.text.tokens import word_tokens, words

_ARTICLES_AND_PRONOUNS = """
a an the this that these those such same other another others each every either neither both all any some none no
i me my myself we us our ours ourselves you your yours yourself yourselves he him his himself she her hers herself
it its itself they them their theirs themselves one ones who whom whose which what whatever whoever whichever
someone somebody something anyone anybody anything everyone everybody everything nobody nothing noone
"""
_VERBS = """
am is are was were be been being have has had having do does did doing done can cannot could may might must shall
should will would ought let get gets got become becomes became seem seems seemed
"""
_PREPOSITIONS_AND_CONJUNCTIONS = """
of in on at by for from to into onto upon with within without about above across after against along among amongst
around as before behind below beneath beside besides between beyond despite down during except inside like near off
out outside over past per since than through throughout till toward towards under until up via
and or but nor so yet if unless whether while whereas because although though when whenever where wherever how
however therefore thus hence thereby therein whereby wherein moreover furthermore nevertheless otherwise
"""
_ADVERBS = """
not only also too very much many more most less least well even ever never always often sometimes still just already
again almost quite rather enough else here there then now once perhaps indeed namely together why
s t d m ll re ve don doesn didn isn aren wasn weren couldn wouldn shouldn hasn haven etc eg ie
"""
STOP_WORDS = frozenset(" ".join((_ARTICLES_AND_PRONOUNS, _VERBS, _PREPOSITIONS_AND_CONJUNCTIONS, _ADVERBS)).split())
_TOKEN = re.compile(r"[a-z0-9]+")
_HYPHENS = dict.fromkeys([ord("-"), *range(0x2010, 0x2016), 0x2212], " ")


def phrase_form(text: str) -> str:
    """Return folded text for phrase search.

    Each run of spaces and hyphens is one space.
    """
    return " ".join(fold(text).translate(_HYPHENS).split())


def lower(text: str) -> str:
    """Return lower case of the same length, for patterns: ignoring case would make them up to three times as slow."""
    return text.replace("İ", "I").lower()


def folded_tokens(text: str) -> list[str]:
    """Return the words of folded text, unstemmed, including stop words."""
    return _TOKEN.findall(text)


def analyse(texts: Sequence[str]) -> list[list[str]]:
    """Return the stems of each text in order.

    Each distinct word of the batch is stemmed once.
    """
    batch, stems_of = _tokenise(texts)
    return [list(chain.from_iterable(map(stems_of.__getitem__, row))) for row in batch]


def tokens(text: str) -> list[str]:
    return analyse([text])[0]


def surfaces(texts: Sequence[str]) -> list[dict[str, str]]:
    """Return for each text a map from stem to the first word with that stem."""
    batch, stems_of = _tokenise(texts)
    pairs = {word: [(stem, word) for stem in each] for word, each in stems_of.items()}
    return [{stem: one for word in reversed(row) for stem, one in pairs[word]} for row in batch]


def stems(surfaces: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Map each word to its Snowball stems.

    A stop word or a number has none.

    A run of characters without spaces yields each pair of neighbours, as Lucene's CJKBigramFilter does.
    """
    stem = Stemmer.Stemmer("english", 0).stemWord
    return {
        word: tuple([stem(token) for token in word_tokens(word) if token not in STOP_WORDS and not token.isdigit()])
        for word in surfaces
    }


def _tokenise(texts: Sequence[str]) -> tuple[list[list[str]], dict[str, tuple[str, ...]]]:
    batch = [words(text) for text in texts]
    return batch, stems(set(chain.from_iterable(batch)))
