"""Fine-tune MiniLM so that the cosine of a topic and a paper says whether the paper is about the topic.

Each step takes papers of one day and, each in one of its wordings, wishes that were read for it and wishes of somebody
who wants one of the papers. The loss adds

- the log loss of the grade by the cosine, under one slope and bias for all topics, so that one threshold fits all;
- the cross entropy of the wanted papers among those of the step (Oord et al. 2018, arXiv:1807.03748);
- the squared change of the cosines between papers, so that papers stay as alike as they were (Hinton et al. 2015,
  arXiv:1503.02531);
- the cross entropy of papers that the same people liked, and of two names of a subject or of one within it.

Only the upper layers and the vectors of new pieces are trained: the states of papers below them are computed once.
AdamW: Loshchilov & Hutter 2019.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from tokenizers import Tokenizer

from tests.fitting.bert import Weights, embed, pool, trained_names
from tests.fitting.labels import PARTLY, WANTED, Names, Reading, Text
from tests.fitting.vocabulary import WORDS

PAPERS, TOPICS, PARAGRAPHS, ASKED, PAIRS, NAMES = 40, 32, 6, 24, 6, 64
"""Papers, short and long wishes that were read, wishes for one paper, and pairs of liked papers and names of a step."""
PAPER_TOKENS, TOPIC_TOKENS, PARAGRAPH_TOKENS, NAME_TOKENS = 96, 20, 112, 12
TOPIC_LETTERS = 80
"""Topics of more letters are read as paragraphs."""
NEW = "new"
"""The name of the vectors of new pieces while they are trained."""
GRADES = {WANTED: 1.0, PARTLY: 0.35, 0: 0.0}
UNREAD = 0.3
"""How much a paper counts that was not read for a topic because nothing found it near."""
SLOPE, BIAS = np.log(12.0), -5.0
LIST, ALIKE, LIKED, NAMED = 0.5, 5.0, 0.2, 0.3
"""Weights of the parts of the loss."""
FOREIGN = 0.35
"""How often a wish is put in another language, if it has one."""
NARROWER = 0.35
"""How often a subject is paired with a narrower one, if it has one."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """How to train: `layers` from the top, the largest learning rate, and the seed of all that is random."""

    steps: int = 400
    layers: int = 3
    rate: float = 4e-5
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Lessons:
    """What to learn from.

    Attributes:
        readings: what was read for wishes.
        texts: the papers of each day that was read.
        asked: what somebody might type who wants a paper, by paper: wishes, each in one or more languages.
        names: names of subjects.
        liked: the texts of papers that the same person liked, at least two each.
    """

    readings: Sequence[Reading]
    texts: Mapping[str, Mapping[str, Text]]
    asked: Mapping[str, Sequence[Sequence[str]]]
    names: Sequence[Names]
    liked: Sequence[Sequence[str]]


class Batch(NamedTuple):
    """What a step reads: token ids, the states below the trained layers, target and weight of each topic and paper.

    `papers` and `states` have PAPERS papers of the day and then PAIRS pairs; `before` are vectors of the former (p, e).
    """

    papers: np.ndarray
    states: np.ndarray
    topics: np.ndarray
    paragraphs: np.ndarray
    targets: np.ndarray
    weights: np.ndarray
    before: np.ndarray
    names: np.ndarray


def train(
    weights: Mapping[str, jax.Array], tokenizer: Tokenizer, new: np.ndarray, lessons: Lessons, recipe: Recipe
) -> dict[str, jax.Array]:
    """Return the weights after training.

    Args:
        weights: those to begin with.
        new: the ids of pieces whose vectors are trained.
    """
    batches = _Batches(weights, tokenizer, lessons, recipe)
    names = trained_names(weights, recipe.layers)
    free = {name: weights[name] for name in names} | {NEW: weights[WORDS][new]}
    fixed = {name: value for name, value in weights.items() if name not in names}
    head = jnp.array([SLOPE, BIAS])
    rates = optax.warmup_cosine_decay_schedule(0, recipe.rate, recipe.steps // 10, recipe.steps, recipe.rate / 20)
    rule = optax.chain(optax.clip_by_global_norm(1.0), optax.adamw(rates, weight_decay=0.01))
    head_rule = optax.adam(0.02)
    state, head_state = rule.init(free), head_rule.init(head)

    @jax.jit
    def step(free: Any, head: Any, state: Any, head_state: Any, batch: Batch) -> Any:
        loss, (down, head_down) = jax.value_and_grad(_loss, argnums=(0, 1))(
            free, head, fixed, new, batch, recipe.layers
        )
        change, state = rule.update(down, state, free)
        head_change, head_state = head_rule.update(head_down, head_state, head)
        return optax.apply_updates(free, change), optax.apply_updates(head, head_change), state, head_state, loss

    for _ in range(recipe.steps):
        free, head, state, head_state, _ = step(free, head, state, head_state, batches.draw())
    return _joined(free, fixed, new)


def encode(weights: Weights, tokenizer: Tokenizer, texts: Sequence[str], tokens: int = 128) -> np.ndarray:
    """Return unit vectors (n, e) of texts, in single precision."""
    ids = _ids(tokenizer, texts, tokens)
    run = jax.jit(lambda part: pool(weights, part, embed(weights, part, 0), 0))
    return np.concatenate([np.asarray(run(part))[:count] for part, count in _parts(ids)])


def average_precision(
    weights: Weights, tokenizer: Tokenizer, readings: Sequence[Reading], texts: Mapping[str, Mapping[str, Text]]
) -> dict[str, float]:
    """Return the mean average precision of the cosine by language, over the papers read for each wish in each wording.

    A wish of which nothing is wanted does not count.
    """
    found: dict[str, list[float]] = {}
    vectors = {day: encode(weights, tokenizer, [text.both for text in texts[day].values()]) for day in _days(readings)}
    places = {day: {name: n for n, name in enumerate(texts[day])} for day in vectors}
    for reading in readings:
        names = list(texts[reading.day]) if reading.is_whole else list(reading.grades)
        is_wanted = np.array([reading.grades.get(name) == WANTED for name in names])
        if not is_wanted.any():
            continue
        rows = vectors[reading.day][[places[reading.day][name] for name in names]]
        for language, wordings in reading.wordings.items():
            for cosines in encode(weights, tokenizer, wordings) @ rows.T:
                hits = is_wanted[np.argsort(-cosines, kind="stable")]
                precision = np.cumsum(hits)[hits] / (np.flatnonzero(hits) + 1)
                found.setdefault(language, []).append(float(precision.mean()))
    return {language: round(float(np.mean(values)), 3) for language, values in sorted(found.items())}


def _days(readings: Sequence[Reading]) -> list[str]:
    return sorted({reading.day for reading in readings if reading.wordings})


def _joined(free: Weights, fixed: Weights, new: np.ndarray) -> dict[str, jax.Array]:
    weights = {**fixed, **free}
    vectors = weights.pop(NEW)
    return weights | {WORDS: weights[WORDS].at[new].set(vectors)}


def _loss(free: Weights, head: jax.Array, fixed: Weights, new: np.ndarray, batch: Batch, layers: int) -> jax.Array:
    weights = _joined(free, fixed, new)
    vectors = pool(weights, batch.papers, jnp.asarray(batch.states, dtype=jnp.float32), layers)
    papers, one, other = vectors[:PAPERS], vectors[PAPERS : PAPERS + PAIRS], vectors[PAPERS + PAIRS :]
    topics = jnp.concatenate(
        [pool(weights, ids, embed(weights, ids, layers), layers) for ids in (batch.topics, batch.paragraphs)]
    )
    cosines = topics @ papers.T
    used = batch.weights > 0
    wanted = jnp.where(used, batch.targets, 0)
    many = wanted.sum(1, keepdims=True)
    log_odds = jnp.exp(head[0]) * cosines + head[1]
    counts = batch.weights / jnp.sqrt(1 + many)
    by_grade = (counts * (jnp.logaddexp(0, log_odds) - wanted * log_odds)).sum() / counts.sum() * 4
    among = jax.nn.log_softmax(jnp.where(used, 20 * cosines, -1e9), axis=1)
    has = many[:, 0] > 0
    by_list = -((wanted * among).sum(1) / jnp.maximum(many[:, 0], 1e-6) * has).sum() / jnp.maximum(has.sum(), 1)
    alike = jnp.square(papers @ papers.T - batch.before @ batch.before.T).mean()
    pairs = jax.nn.log_softmax(20 * one @ jnp.concatenate([other, papers]).T, axis=1)
    names = pool(weights, batch.names, embed(weights, batch.names, layers), layers)
    near = 20 * names[:NAMES] @ names[NAMES:].T
    named = sum(jnp.diagonal(jax.nn.log_softmax(near, axis=axis)).mean() for axis in (0, 1))
    loss: jax.Array = by_grade + LIST * by_list + ALIKE * alike - LIKED * jnp.diagonal(pairs).mean() - NAMED * named / 2
    return loss


class _Batches:
    """Draws the batches of a training."""

    def __init__(
        self,
        weights: Weights,
        tokenizer: Tokenizer,
        lessons: Lessons,
        recipe: Recipe,
    ) -> None:
        self._random = np.random.default_rng(recipe.seed)
        self._tokenizer = tokenizer
        self._readings: dict[str, list[Reading]] = {}
        for reading in lessons.readings:
            if reading.wordings:
                self._readings.setdefault(reading.day, []).append(reading)
        self._names = {day: list(lessons.texts[day]) for day in self._readings}
        written = {day: [text.both for text in lessons.texts[day].values()] for day in self._readings}
        self._ids = {day: _ids(tokenizer, own, PAPER_TOKENS) for day, own in written.items()}
        below = jax.jit(lambda ids: embed(weights, ids, recipe.layers).astype(jnp.float16))
        self._states = {day: _run(below, ids) for day, ids in self._ids.items()}
        self._before = {day: encode(weights, tokenizer, own) for day, own in written.items()}
        self._asked, self._subjects = lessons.asked, [own for own in lessons.names if len(own.own) > 1 or own.narrower]
        self._liked = [list(own) for own in lessons.liked]
        every = list(dict.fromkeys(text for own in self._liked for text in own))
        self._liked_rows = {text: row for row, text in enumerate(every)}
        self._liked_ids = _ids(tokenizer, every, PAPER_TOKENS)
        self._liked_states = _run(below, self._liked_ids)

    def draw(self) -> Batch:
        random = self._random
        sizes = np.sqrt([len(self._names[day]) for day in self._readings])
        day = list(self._readings)[int(random.choice(len(sizes), p=sizes / sizes.sum()))]
        short, long = self._topics(day)
        asked = [*short, *long]
        chosen = self._papers(day, [reading for _, reading in asked])
        names = [self._names[day][column] for column in chosen]
        own = self._wishes(names)
        targets = np.zeros((TOPICS + ASKED + PARAGRAPHS, PAPERS), dtype=np.float32)
        counts = np.zeros_like(targets)
        for row, (column, _) in enumerate(own, TOPICS):
            targets[row, column] = 1
            counts[row] = UNREAD
            counts[row, column] = 1
        rows = [*range(len(short)), *range(TOPICS + ASKED, TOPICS + ASKED + len(long))]
        for row, (_, reading) in zip(rows, asked, strict=True):
            targets[row] = [GRADES[reading.grades.get(name, 0)] for name in names]
            counts[row] = [1 if reading.is_whole or name in reading.grades else UNREAD for name in names]
        pairs = self._pairs()
        return Batch(
            papers=np.concatenate([self._ids[day][chosen], self._liked_ids[pairs]]),
            states=np.concatenate([self._states[day][chosen], self._liked_states[pairs]]),
            topics=np.concatenate(
                [
                    _padded(_ids(self._tokenizer, [text for text, _ in short], TOPIC_TOKENS), TOPICS),
                    _padded(_ids(self._tokenizer, [text for _, text in own], TOPIC_TOKENS), ASKED),
                ]
            ),
            paragraphs=_padded(_ids(self._tokenizer, [text for text, _ in long], PARAGRAPH_TOKENS), PARAGRAPHS),
            targets=targets,
            weights=counts,
            before=self._before[day][chosen],
            names=_ids(self._tokenizer, self._pairs_of_names(), NAME_TOKENS),
        )

    def _topics(self, day: str) -> tuple[list[tuple[str, Reading]], list[tuple[str, Reading]]]:
        """Return some of the day's wishes, each in one wording: short ones and paragraphs."""
        random = self._random
        short: list[tuple[str, Reading]] = []
        long: list[tuple[str, Reading]] = []
        for number in random.permutation(len(self._readings[day])):
            reading = self._readings[day][number]
            foreign = [language for language in reading.wordings if language != "en"]
            language = str(random.choice(foreign)) if foreign and random.random() < FOREIGN else "en"
            text = str(random.choice(reading.wordings[language]))
            own, most = (short, TOPICS) if len(text) <= TOPIC_LETTERS else (long, PARAGRAPHS)
            if len(own) < most:
                own.append((text, reading))
        return short, long

    def _papers(self, day: str, asked: Sequence[Reading]) -> list[int]:
        """Return the columns of papers: up to two thirds that somebody wants, and others at random."""
        random, names = self._random, self._names[day]
        graded = {name for reading in asked for name, grade in reading.grades.items() if grade}
        wanted = [column for column, name in enumerate(names) if name in graded]
        chosen = dict.fromkeys(random.permutation(wanted)[: 2 * PAPERS // 3].tolist())
        for column in random.permutation(len(names)).tolist():
            if len(chosen) < PAPERS:
                chosen[column] = None
        return sorted(chosen)

    def _wishes(self, papers: Sequence[str]) -> list[tuple[int, str]]:
        """Return wishes, with the column of the paper that each asks for."""
        random = self._random
        found: list[tuple[int, str]] = []
        for column in random.permutation(len(papers)).tolist():
            if (wishes := self._asked.get(papers[column])) and len(found) < ASKED:
                wordings = wishes[int(random.integers(len(wishes)))]
                is_foreign = len(wordings) > 1 and random.random() < FOREIGN
                found.append((column, str(random.choice(wordings[1:])) if is_foreign else wordings[0]))
        return found

    def _pairs_of_names(self) -> list[str]:
        """Return the names of NAMES subjects, and then another name of each, or of a narrower one."""
        random = self._random
        ones, others = [], []
        for number in random.choice(len(self._subjects), NAMES, replace=len(self._subjects) < NAMES):
            own, narrower = self._subjects[number]
            if narrower and (len(own) < 2 or random.random() < NARROWER):
                one, other = str(random.choice(own)), str(random.choice(narrower))
            else:
                one, other = own[0], str(random.choice(own[1:]))
            ones.append(one)
            others.append(other)
        return ones + others

    def _pairs(self) -> list[int]:
        """Return the rows of one liked paper of PAIRS people, and then of another of each."""
        people = self._random.choice(len(self._liked), PAIRS, replace=len(self._liked) < PAIRS)
        both = [self._random.permutation(self._liked[person])[:2] for person in people]
        return [self._liked_rows[str(pair[n])] for n in range(2) for pair in both]


def _ids(tokenizer: Tokenizer, texts: Sequence[str], tokens: int) -> np.ndarray:
    """Return token ids (n, tokens), padded with 0."""
    tokenizer.no_padding()
    tokenizer.enable_truncation(tokens)
    ids = np.zeros((len(texts), tokens), dtype=np.int32)
    for row, read in enumerate(tokenizer.encode_batch(list(texts))):
        ids[row, : len(read.ids)] = read.ids
    return ids


def _padded(ids: np.ndarray, rows: int) -> np.ndarray:
    return np.pad(ids, ((0, rows - len(ids)), (0, 0)))


def _run(function: Any, ids: np.ndarray) -> np.ndarray:
    return np.concatenate([np.asarray(function(part))[:count] for part, count in _parts(ids)])


def _parts(ids: np.ndarray, rows: int = 64) -> Iterable[tuple[np.ndarray, int]]:
    """Yield parts of equal size, so that a function is compiled once, and how many of their rows count."""
    for start in range(0, len(ids), rows):
        part = ids[start : start + rows]
        yield _padded(part, rows), len(part)
