"""Shells: what a template prints around its holes, printed once for all mails it fits, and filled for each.

The bytes are those of the plain template. Pieces are of whole lines, and what fills them is kept by what it
was made from: a paper's abstract is the same in whatever mail it stands.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum
from itertools import islice
from operator import attrgetter
from typing import Protocol

from jinja2 import Environment

from digestd.domain.mail import MARK, Body, Form, Piece
from digestd.render.holes import DIGEST, MARKED, Hole, Opening, closure
from digestd.render.shown import FITTED, Fitted, read_by
from digestd.render.survey import survey

THE_DIGEST = -1
SHELLS_MAX = 512
FILLINGS_MAX = 4_096
_SMALL = 400
"""Characters of a shell that are kept with a paper before them, rather than as a piece of their own."""
_UNFILLED = Piece("")


class Digest(Protocol):
    """What shells are filled with."""

    @property
    def structure(self) -> tuple[tuple[str, int], ...]:
        """How many papers each section has."""

    @property
    def picked(self) -> Sequence[Fitted]:
        """The papers by their places."""

    @property
    def reasons(self) -> Sequence[str]:
        """The reason for each, in words."""

    @property
    def tokens(self) -> Sequence[str]:
        """What stands in this mail alone."""


@dataclass(slots=True)
class _Picked:
    """All that is read of a paper where its reason stands alone."""

    reason: str


class Kind(Enum):
    """Of what the lines of a filling are made."""

    DIGEST = "fields of the digest"
    PAPER = "a paper"
    REASON = "the reason for a paper"
    BOTH = "a paper and the reason for it"


@dataclass(frozen=True, slots=True, eq=False)
class Filling:
    """Lines with holes: `atoms` are text and holes in turn, `made` what came of them so far."""

    kind: Kind
    atoms: tuple[str | Hole, ...]
    fields: Callable[[object], object]
    made: dict[object, Piece] = field(default_factory=dict)

    def make(self, key: object, value: object) -> Piece:
        """The lines for a value; the same key stands for the same lines."""
        if len(self.made) >= FILLINGS_MAX:
            for old in list(islice(self.made, FILLINGS_MAX // 2)):
                del self.made[old]
        made = Piece("".join([atom if isinstance(atom, str) else atom.printed(value) for atom in self.atoms]))
        self.made[key] = made
        return made


@dataclass(frozen=True, slots=True)
class Shell:
    """What a template prints around its holes: a form, and what fills it.

    Each filling that is of papers comes with the places of those it is made of, in the order of the form's places.
    """

    form: Form
    of_digest: Sequence[Filling]
    of_papers: Sequence[tuple[Filling, Sequence[int]]]
    of_reasons: Sequence[tuple[Filling, Sequence[int]]]
    of_both: Sequence[tuple[Filling, Sequence[int]]]

    def filled(self, digest: Digest) -> list[Piece]:
        """What is a mail's own; pieces made before are found by what they were made of."""
        papers, reasons, own = digest.picked, digest.reasons, list[Piece]()
        for filling in self.of_digest:
            key = filling.fields(digest)
            own.append(filling.made.get(key) or filling.make(key, digest))
        for filling, places in self.of_papers:
            made = filling.made.get
            own += [
                made(paper := papers[place]) or filling.make(paper, read_by(paper, reasons[place], place))
                for place in places
            ]
        for filling, places in self.of_reasons:
            made = filling.made.get
            own += [made(reason := reasons[place]) or filling.make(reason, _Picked(reason)) for place in places]
        for filling, places in self.of_both:
            made = filling.made.get
            own += [
                made(both := (papers[place], reasons[place])) or filling.make(both, read_by(*both, place))
                for place in places
            ]
        return own


class Setting:
    """A shell as it is put together: its pieces, and which of them are filled how."""

    def __init__(self) -> None:
        self.pieces: list[Piece] = []
        self._filled: dict[Filling, list[tuple[int, int]]] = {}

    def fill(self, filling: Filling, place: int) -> None:
        """One more piece with holes, those of the paper at this place."""
        self._filled.setdefault(filling, []).append((len(self.pieces), place))
        self.pieces.append(_UNFILLED)

    def shell(self) -> Shell:
        """All of it."""
        kinds = {kind: [filling for filling in self._filled if filling.kind is kind] for kind in Kind}
        places = [n for kind in Kind for filling in kinds[kind] for n, _ in self._filled[filling]]
        of_digest = [filling for filling in kinds[Kind.DIGEST] for _ in self._filled[filling]]
        others = (
            [(filling, [place for _, place in self._filled[filling]]) for filling in kinds[kind]] for kind in _OF_PAPERS
        )
        return Shell(Form(self.pieces, places), of_digest, *others)


_OF_PAPERS = Kind.PAPER, Kind.REASON, Kind.BOTH


class Shells:
    """The shells of one language's templates; `spliced`: links may have stand-ins for their tokens."""

    def __init__(self, environment: Environment, opening: Opening, names: Collection[str], *, spliced: bool) -> None:
        self.spliced = spliced
        self._environment = environment
        self._holes = opening.holes
        self._fillings: dict[tuple[str | Hole, ...], Filling] = {}
        self._printed: dict[str, Piece] = {}
        self._kept: dict[object, Shell] = {}
        keys = {name: _key(environment, name, opening) for name in names}
        self._keys = {name: key for name, key in keys.items() if key is not None}

    def body(self, name: str, digest: Digest) -> Body | None:
        """The template filled for this digest; None where it has to be rendered whole."""
        key_of = self._keys.get(name)
        if key_of is None:
            return None
        key = (name, key_of(digest), digest.structure)
        shell = self._kept.get(key)
        if shell is None:
            shell = self._shell(name, digest)
            if shell is None:
                self._keys.pop(name, None)
                return None
            if len(self._kept) >= SHELLS_MAX:
                self._kept.clear()
            self._kept[key] = shell
        return Body(shell.form, shell.filled(digest), digest.tokens)

    def _shell(self, name: str, digest: Digest) -> Shell | None:
        """What the template prints for digests like this one; None where two papers share a line."""
        printed = self._environment.get_template(name).render(digest=digest)
        setting = Setting()
        for lines in _pieces(MARKED.split(printed), self._holes):
            if len(lines.places) > 1:
                return None
            if lines.places:
                setting.fill(self._filling(tuple(lines.atoms)), *lines.places)
            elif any(lines.atoms):
                setting.pieces.append(self._piece("".join(map(str, lines.atoms))))
        return setting.shell()

    def _piece(self, text: str) -> Piece:
        """What shells of other structures print as well."""
        if len(self._printed) >= FILLINGS_MAX:
            self._printed.clear()
        return self._printed.setdefault(text, Piece(text))

    def _filling(self, atoms: tuple[str | Hole, ...]) -> Filling:
        known = self._fillings.get(atoms)
        if known is None:
            known = self._fillings[atoms] = _filling(atoms)
        return known


@dataclass(slots=True)
class _Lines:
    """Lines of a shell as they are put together; `places`: of the papers in them, THE_DIGEST for its own."""

    atoms: list[str | Hole] = field(default_factory=list)
    places: set[int] = field(default_factory=set)

    def open_line(self) -> list[str | Hole]:
        """Take away the line that has no end yet, where there are no holes before it."""
        text = "" if self.places else "".join(map(str, self.atoms))
        end = text.rfind("\n") + 1
        if text[end:]:
            self.atoms = [text[:end]]
        return [text[end:]] if text[end:] else []


def _filling(atoms: tuple[str | Hole, ...]) -> Filling:
    holes = [atom for atom in atoms if isinstance(atom, Hole)]
    names = sorted({name for hole in holes for name in hole.reads.fields})
    if holes[0].reads.variable == DIGEST:
        kind = Kind.DIGEST
    elif FITTED.issuperset(names):
        kind = Kind.PAPER
    else:
        kind = Kind.REASON if names == ["reason"] else Kind.BOTH
    return Filling(kind, atoms, attrgetter(*names))


def _pieces(printed: Sequence[str], holes: Sequence[Hole]) -> Iterator[_Lines]:
    """What was printed (text and marks in turn) in pieces of whole lines, each with the holes of its lines."""
    lines, at_start = _Lines(), True
    for n, text in enumerate(printed):
        if n % 2:
            if at_start or not lines.places:
                before, lines = lines, _Lines(lines.open_line())
                yield before
            number, _, place = text.partition(":")
            lines.atoms.append(holes[int(number)])
            lines.places.add(int(place) if place else THE_DIGEST)
            at_start = at_start and holes[int(number)].whole
        elif text:
            end = _end(text, at_start) if lines.places else 0
            if lines.places and (at_start or end):
                yield _Lines([*lines.atoms, text[:end]], lines.places)
                lines, text = _Lines(), text[end:]
            lines.atoms.append(text)
            at_start = not text or text.endswith("\n")
    yield lines


def _end(text: str, at_start: bool) -> int:
    """How much of the text goes with the lines before it: to the end of the open one, or small lines of its own."""
    if not at_start:
        return text.find("\n") + 1
    own = text.partition(MARK)[0].rfind("\n") + 1  # a link differs by the place of its paper
    return own if own <= _SMALL else 0


def _key(environment: Environment, name: str, opening: Opening) -> Callable[[Digest], object] | None:
    """What tells the shells of a template apart, as a function of the digest; None where that is not certain."""
    trees = closure(environment, [name])
    needs = None if trees is None else survey(trees.values(), opening.own)
    if needs is None or not needs.values | needs.truths <= set(opening.fields[DIGEST]):
        return None
    values, truths = _getter(sorted(needs.values)), _getter(sorted(needs.truths))
    return lambda digest: (values(digest), *map(bool, truths(digest)))


def _getter(names: Sequence[str]) -> Callable[[object], tuple[object, ...]]:
    """The values of these fields."""
    get = attrgetter(*names) if names else None
    if get is None or len(names) == 1:
        return lambda value: () if get is None else (get(value),)
    return get
