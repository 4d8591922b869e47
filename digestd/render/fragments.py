"""Fragments: what a template shows of a paper is rendered once, for all mails that have the paper.

An `{% include %}` of a template that depends on `paper` alone is a function of the fields of the
paper that it reads. So it becomes a mark that says which template and which paper; what stands around
the marks is rendered for each mail, and the fragments are looked up. The bytes are those of the plain
include: where that is not certain (a template that captures or filters what it includes, or reads more
than one value), the include stays as it is.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from jinja2 import Environment, nodes
from jinja2.meta import find_referenced_templates, find_undeclared_variables

from digestd.domain.mail import Body
from digestd.render.shown import Fitted, Shown, read_by

PAPER = "paper"
REASON = "reason"
_PASSES = (nodes.Template, nodes.Block, nodes.For, nodes.If, nodes.With, nodes.Scope)
"""What lets through what is printed inside it, unchanged."""
MARK = "\ue000"
"""Begins and ends a mark: a character for private use, which no word of a mail has (see `words.clean`)."""


@dataclass(frozen=True, slots=True)
class Reads:
    """All that a template depends on: fields of one variable."""

    variable: str
    fields: tuple[str, ...]


def readings(trees: Mapping[str, nodes.Template]) -> dict[str, Reads]:
    """What each template of mails reads, of those that read one variable only, and of that only fields by name."""
    trees = {name: tree for name, tree in trees.items() if name.startswith("email/")}
    if any(name.name in ("self", "super") for tree in trees.values() for name in tree.find_all(nodes.Name)):
        return {}  # what a block printed may be printed again, changed
    found = {name: _reads(tree) for name, tree in trees.items()}
    return {name: reads for name, reads in found.items() if reads}


def with_fragments(tree: nodes.Template, reads: Mapping[str, Reads]) -> nodes.Template:
    """The tree with a call in place of each include of what depends on a paper alone."""
    _replace(tree, {name: known for name, known in reads.items() if known.variable == PAPER})
    return tree


def body(environment: Environment, papers: Sequence[Shown], printed: str) -> Body:
    """What was printed, with the fragments in their places; `papers` in the order of their `place`."""
    pieces = printed.split(MARK)
    for n in range(1, len(pieces), 2):
        name, place, has_reason = pieces[n].split("\n")
        paper = papers[int(place)]
        pieces[n] = _fragment(environment, name, paper.fitted, paper.reason if has_reason else "")
    return Body.of(pieces)


def _reads(tree: nodes.Template) -> Reads | None:
    names = find_undeclared_variables(tree) - {"lang", "dir", "_", "gettext", "ngettext"}
    if len(names) != 1 or list(find_referenced_templates(tree)):
        return None
    (variable,) = names
    of_fields = [node for node in tree.find_all(nodes.Getattr) if _is(node.node, variable)]
    if len(of_fields) != sum(_is(name, variable) for name in tree.find_all(nodes.Name)):
        return None
    return Reads(variable, tuple(sorted({node.attr for node in of_fields})))


def _is(node: nodes.Node, variable: str) -> bool:
    return isinstance(node, nodes.Name) and node.name == variable


def _replace(node: nodes.Node, papers: Mapping[str, Reads]) -> None:
    for field in ("body", "elif_", "else_"):
        inside = getattr(node, field, None)
        if isinstance(inside, list):
            inside[:] = [_call(child, papers) if isinstance(child, nodes.Include) else child for child in inside]
            for child in inside:
                if isinstance(child, _PASSES) and not getattr(child, "recursive", False):
                    _replace(child, papers)


def _call(include: nodes.Include, papers: Mapping[str, Reads]) -> nodes.Node:
    name = str(include.template.value) if isinstance(include.template, nodes.Const) else ""
    known = papers.get(name)
    if known is None or "place" in known.fields or not include.with_context or include.ignore_missing:
        return include
    place = nodes.Getattr(nodes.Name(PAPER, "load"), "place", "load")
    before, after = f"{MARK}{name}\n", f"\n{REASON if REASON in known.fields else ''}{MARK}"
    return nodes.Output([nodes.TemplateData(before), place, nodes.TemplateData(after)]).set_lineno(include.lineno)


@lru_cache(maxsize=8192)
def _fragment(environment: Environment, name: str, f: Fitted, reason: str) -> str:
    return environment.get_template(name).render(paper=read_by(f, reason, 0))
