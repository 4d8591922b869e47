"""Holes: what a template prints of one reader or one paper. Around them, the mails of a kind are the same.

A printed expression that reads fields of `digest` or of `paper` alone is a function of these fields, and so is
an `{% include %}` of a template that reads one of them alone. Each becomes a mark that says which hole it is,
and of which paper; what is left of the template is its shell. A hole is opened only where what it prints goes
out unchanged, and a shell is used only where it is certain on what it depends (see `survey`); a template that
does more is rendered whole.
"""

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from operator import attrgetter

from jinja2 import Environment, Template, nodes
from jinja2.meta import find_referenced_templates, find_undeclared_variables
from jinja2.runtime import Context
from markupsafe import escape

from digestd.domain.mail import MARK

DIGEST, PAPER, PLACE = "digest", "paper", "place"
FEEDBACK = "feedback"
"""The field of a paper that depends on its place and on the digest's field of the same name alone."""
MARKED = re.compile(f"{MARK}#([0-9:]+){MARK}")
"""The mark of a hole: its number and, where it is of a paper, the place of that."""
OWN = frozenset({"name", "first", "preheader", "subject", "lead"})
"""The fields of a digest that hardly two mails have alike. Its links are others, unless they have stand-ins."""
OURS = frozenset({"wrap", "clean"})
"""Filters that want nothing but their value and what is given in brackets."""
_WORDS = frozenset({"lang", "dir", "_", "gettext", "ngettext"})
_PASSES = (nodes.Template, nodes.Block, nodes.For, nodes.If, nodes.With, nodes.Scope)
"""What lets through what is printed inside it, unchanged."""


@dataclass(frozen=True, slots=True)
class Reads:
    """All that a template or an expression depends on: fields of one variable."""

    variable: str
    fields: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Hole:
    """What is printed of one variable; `whole`: where it begins a line, it ends with a line."""

    reads: Reads
    printed: Callable[[object], str]
    whole: bool = False


def readings(trees: Mapping[str, nodes.Template]) -> dict[str, Reads]:
    """What each of these templates reads, of those that read one variable only, and of that only fields by name."""
    if any(name.name in ("self", "super") for tree in trees.values() for name in tree.find_all(nodes.Name)):
        return {}  # what a block printed may be printed again, changed
    found = {name: reads_of(tree) for name, tree in trees.items()}
    return {name: reads for name, reads in found.items() if reads}


def reads_of(tree: nodes.Template) -> Reads | None:
    """What a template reads, if it is fields of one variable, and nothing else."""
    return None if list(find_referenced_templates(tree)) else _reads(tree, find_undeclared_variables(tree))


def _reads(tree: nodes.Node, undeclared: Set[str]) -> Reads | None:
    names = undeclared - _WORDS
    if len(names) != 1:
        return None
    (variable,) = names
    fields = [node.attr for node in tree.find_all(nodes.Getattr) if is_name(node.node, variable)]
    if len(fields) != sum(is_name(name, variable) for name in tree.find_all(nodes.Name)):
        return None
    return Reads(variable, tuple(sorted(set(fields))))


def is_name(node: nodes.Node, name: str) -> bool:
    """Whether a node is that variable."""
    return isinstance(node, nodes.Name) and node.name == name


class Opening:
    """Opens the holes of templates, as each is parsed; `holes` are those opened so far, by their numbers.

    `environment` renders what is in them; `fragments`: what the templates read that may be included as holes;
    `fields`: what the variables have that holes may read; `own`: of a digest, what holes are opened for.
    """

    def __init__(
        self,
        environment: Environment,
        fragments: Mapping[str, Reads],
        fields: Mapping[str, Collection[str]],
        own: frozenset[str],
    ) -> None:
        self.holes: list[Hole] = []
        self.fields = fields
        self.own = own
        self._environment = environment
        self._fragments = fragments

    def open(self, tree: nodes.Template, name: str) -> nodes.Template:
        """The tree with marks in place of its holes."""
        self._within(tree, name)
        return tree

    def _within(self, node: nodes.Node, name: str) -> None:
        for field in ("body", "elif_", "else_"):
            inside = getattr(node, field, None)
            if not isinstance(inside, list):
                continue
            inside[:] = [self._opened(child, name) for child in inside]
            for child in inside:
                if isinstance(child, _PASSES) and not getattr(child, "recursive", False):
                    self._within(child, name)

    def _opened(self, node: nodes.Node, name: str) -> nodes.Node:
        if isinstance(node, nodes.Include):
            return self._included(node)
        if isinstance(node, nodes.Output):
            node.nodes = [marked for printed in node.nodes for marked in self._printed(printed, name)]
        return node

    def _included(self, include: nodes.Include) -> nodes.Node:
        name = str(include.template.value) if isinstance(include.template, nodes.Const) else ""
        reads = self._fragments.get(name)
        if reads is None or not self._may_be_hole(reads) or not include.with_context or include.ignore_missing:
            return include
        template = self._environment.get_template(name)
        tree = self._environment.parse(_source(self._environment, name), name)
        hole = Hole(reads, rendered(template, reads.variable), _ends_lines(tree.body, True))
        return nodes.Output(self._mark(hole)).set_lineno(include.lineno)

    def _printed(self, printed: nodes.Expr, name: str) -> list[nodes.Expr]:
        if isinstance(printed, nodes.TemplateData):
            return [printed]
        alone = nodes.Template([nodes.Output([printed])], lineno=1)
        alone.set_environment(self._environment)
        reads = _reads(alone, {name.name for name in alone.find_all(nodes.Name)})  # an expression declares none
        if reads is None or not self._may_be_hole(reads):
            return [printed]
        return self._mark(Hole(reads, self._printer(alone, printed, reads.variable, name)))

    def _printer(self, alone: nodes.Template, printed: nodes.Expr, variable: str, name: str) -> Callable[[object], str]:
        escaped = self._is_escaped(name)
        if isinstance(printed, nodes.Getattr) and is_name(printed.node, variable):
            get = attrgetter(printed.attr)
            return lambda value: str(escape(get(value)) if escaped else get(value))
        if not escaped and (made := self._made(printed, variable)) is not None:
            return lambda value: str(made(value))
        code = self._environment.compile(alone, name)
        template = Template.from_code(self._environment, code, self._environment.make_globals(None))
        return rendered(template, variable)

    def _made(self, node: nodes.Expr, variable: str) -> Callable[[object], object] | None:
        """Plain text of fields, words and filters as a function; None for what takes more than that."""
        if isinstance(node, nodes.Const):
            return lambda _: node.value
        if isinstance(node, nodes.Getattr) and is_name(node.node, variable):
            return attrgetter(node.attr)
        if isinstance(node, nodes.Concat):
            parts = [self._made(part, variable) for part in node.nodes]
            return None if None in parts else lambda value: "".join([str(part(value)) for part in parts if part])
        if not isinstance(node, nodes.Filter) or node.node is None or node.name not in OURS:
            return None
        inner, given = self._made(node.node, variable), [arg.value for arg in node.args if isinstance(arg, nodes.Const)]
        if inner is None or len(given) < len(node.args) or node.kwargs or node.dyn_args or node.dyn_kwargs:
            return None
        apply = self._environment.filters[node.name]
        return lambda value: apply(inner(value), *given)

    def _may_be_hole(self, reads: Reads) -> bool:
        known = reads.variable in self.fields and set(self.fields[reads.variable]).issuperset(reads.fields)
        if reads.variable == DIGEST:
            return known and not self.own.isdisjoint(reads.fields)
        return known and bool(reads.fields)

    def _is_escaped(self, name: str) -> bool:
        asked = self._environment.autoescape
        return asked(name) if callable(asked) else asked

    def _mark(self, hole: Hole) -> list[nodes.Expr]:
        self.holes.append(hole)
        number = len(self.holes) - 1
        if hole.reads.variable == DIGEST:
            return [nodes.TemplateData(f"{MARK}#{number}{MARK}")]
        place = nodes.Getattr(nodes.Name(PAPER, "load"), PLACE, "load")
        return [nodes.TemplateData(f"{MARK}#{number}:"), place, nodes.TemplateData(MARK)]


def closure(environment: Environment, names: Iterable[str]) -> dict[str, nodes.Template] | None:
    """Templates and all that they extend, include or import, as trees; None where one is not named or not there."""
    trees: dict[str, nodes.Template] = {}
    wanted = [*names]
    while wanted:
        name = wanted.pop()
        if name not in environment.list_templates():
            return None
        if name not in trees:
            trees[name] = environment.parse(_source(environment, name), name)
            named = list(find_referenced_templates(trees[name]))
            if None in named:
                return None
            wanted += [other for other in named if other is not None]
    return trees


def rendered(template: Template, variable: str) -> Callable[[object], str]:
    """The template as a function of its one variable: as `Template.render`, whose context costs more than most lines.

    The function raises what the template does.
    """
    environment, given = template.environment, dict(template.globals)

    def render(value: object) -> str:
        context = Context(environment, {**given, variable: value}, template.name, template.blocks)
        try:
            return environment.concat(template.root_render_func(context))
        except Exception:
            environment.handle_exception()

    return render


def _source(environment: Environment, name: str) -> str:
    assert environment.loader is not None  # noqa: S101  # ours always has one
    return environment.loader.get_source(environment, name)[0]


def _ends_lines(printed: Sequence[nodes.Node], at_start: bool) -> bool:
    """Whether what is printed from the start of a line (or not) surely ends at the start of one."""
    for node in printed:
        if isinstance(node, nodes.Output):
            last = node.nodes[-1]
            at_start = isinstance(last, nodes.TemplateData) and last.data.endswith("\n")
        elif isinstance(node, nodes.If):
            branches = [node.body, node.else_, *(branch.body for branch in node.elif_)]
            at_start = all(_ends_lines(branch, at_start) for branch in branches)
        elif isinstance(node, nodes.For):
            at_start = at_start and _ends_lines(node.body, True) and _ends_lines(node.else_, True)
        else:
            at_start = False
    return at_start
