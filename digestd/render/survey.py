"""A survey of a shell: which fields of a digest it depends on, or that this is not certain.

Papers are reached by loops over `digest.sections` and `digest.papers` alone, under the name `paper`, and what is
left of them in a shell is their place and their link, which has a stand-in. Where a template does more with them, or
with what it has printed, the shell is given up: it is right, but nobody could tell for which mails.
"""

from collections.abc import Iterable, Set
from dataclasses import dataclass, field

from jinja2 import nodes
from jinja2.visitor import NodeVisitor

from digestd.render.holes import DIGEST, FEEDBACK, PAPER, PLACE, is_name

_LISTS = _SECTIONS, _PAPERS = "sections", "papers"
_LOOP = "loop"
_OF_LOOP = frozenset({"index", "index0", "first", "last", "length", "revindex", "revindex0", "depth", "depth0"})
_KEEPS = (nodes.FilterBlock, nodes.AssignBlock, nodes.Macro, nodes.CallBlock)
"""What may change or repeat what is printed inside it."""


@dataclass(slots=True)
class Needs:
    """What a shell depends on besides the number of papers in each section.

    `values`: fields of the digest as they are; `truths`: fields of which only counts whether they are something.
    """

    values: set[str] = field(default_factory=set)
    truths: set[str] = field(default_factory=set)


def survey(trees: Iterable[nodes.Template], own: Set[str]) -> Needs | None:
    """What a shell of these templates together depends on; None where that is not certain, or on what is a mail's
    `own`."""
    trees = list(trees)
    surveyor = _Surveyor({_PAPERS} | {name for tree in trees for name in _lists(tree)})
    try:
        for tree in trees:
            surveyor.visit(tree)
    except _UncertainError:
        return None
    return None if surveyor.needs.values & own else surveyor.needs


def are_printed_alone(links: Iterable[str], trees: Iterable[nodes.Template]) -> bool:
    """Whether these links of a digest are only printed as they are, or asked whether there are any."""
    wanted = set(links)
    for tree in trees:
        printed = [node for output in tree.find_all(nodes.Output) for node in output.nodes]
        plain = {id(node) for node in [*printed, *(asked for test in _tests(tree) for asked in _asked(test))]}
        read = tree.find_all((nodes.Getattr, nodes.Getitem))
        if any(_named(node) in wanted and id(node) not in plain for node in read):
            return False
    return True


class _UncertainError(Exception):
    pass


class _Surveyor(NodeVisitor):
    def __init__(self, lists: set[str]) -> None:
        self.needs = Needs()
        self._lists = lists

    def visit_For(self, node: nodes.For) -> None:
        """Loops over papers have to be of the one form; others must not take their names."""
        if _is_field(node.iter, _SECTIONS):
            known = isinstance(node.target, nodes.Tuple) and len(_names(node.target)) == len(node.target.items) == 2
        elif _is_field(node.iter, _PAPERS) or (isinstance(node.iter, nodes.Name) and node.iter.name in self._lists):
            known = is_name(node.target, PAPER)
        else:
            self.visit(node.iter)
            known = {DIGEST, PAPER, *self._lists}.isdisjoint(name.name for name in _names(node.target))
        if not known or node.recursive:
            raise _UncertainError
        for child in [*node.body, *node.else_, *([node.test] if node.test else [])]:
            self.visit(child)

    def visit_If(self, node: nodes.If) -> None:
        """Of what is only asked for, only the answer counts."""
        self._test(node.test)
        for child in [*node.body, *node.elif_, *node.else_]:
            self.visit(child)

    def visit_CondExpr(self, node: nodes.CondExpr) -> None:
        """As `visit_If`."""
        self._test(node.test)
        for child in node.iter_child_nodes(exclude=("test",)):
            self.visit(child)

    def visit_Getattr(self, node: nodes.Getattr) -> None:
        """A field of the digest, the place of a paper and its link, or how far a loop is."""
        variable = node.node.name if isinstance(node.node, nodes.Name) else ""
        if (variable == DIGEST and node.attr not in _LISTS) or (variable, node.attr) == (PAPER, FEEDBACK):
            self.needs.values.add(node.attr)
        elif not (is_name(node.node, PAPER) and node.attr == PLACE) and not (
            is_name(node.node, _LOOP) and node.attr in _OF_LOOP
        ):
            self.visit(node.node)

    def visit_Name(self, node: nodes.Name) -> None:
        """Whatever else is done with these."""
        if node.name in {DIGEST, PAPER, _LOOP, "self", "super", "caller", *self._lists}:
            raise _UncertainError

    def generic_visit(self, node: nodes.Node, *args: object, **kwargs: object) -> None:
        """What takes in templates must name them, and must not keep what they print."""
        if isinstance(node, nodes.Import | nodes.FromImport):
            raise _UncertainError
        if isinstance(node, nodes.Include) and not isinstance(node.template, nodes.Const):
            raise _UncertainError
        if isinstance(node, _KEEPS) and next(node.find_all((nodes.Include, nodes.Block)), None) is not None:
            raise _UncertainError
        super().generic_visit(node, *args, **kwargs)

    def _test(self, test: nodes.Node) -> None:
        for asked in _asked(test):
            if isinstance(asked, nodes.Getattr) and is_name(asked.node, DIGEST) and asked.attr not in _LISTS:
                self.needs.truths.add(asked.attr)
            else:
                self.visit(asked)


def _lists(tree: nodes.Template) -> set[str]:
    """The names that loops over the sections give to the papers of one."""
    loops = [loop for loop in tree.find_all(nodes.For) if _is_field(loop.iter, _SECTIONS)]
    return {name.name for loop in loops for name in _names(loop.target)[1:]}


def _is_field(node: nodes.Node, name: str) -> bool:
    return isinstance(node, nodes.Getattr) and is_name(node.node, DIGEST) and node.attr == name


def _names(target: nodes.Node) -> list[nodes.Name]:
    return [target] if isinstance(target, nodes.Name) else list(target.find_all(nodes.Name))


def _tests(tree: nodes.Template) -> list[nodes.Node]:
    return [*(node.test for node in tree.find_all(nodes.If)), *(node.test for node in tree.find_all(nodes.CondExpr))]


def _asked(test: nodes.Node) -> list[nodes.Node]:
    """What a test asks of, each only whether it is something."""
    if isinstance(test, nodes.Not):
        return _asked(test.node)
    if isinstance(test, nodes.And | nodes.Or):
        return [*_asked(test.left), *_asked(test.right)]
    return [test]


def _named(node: nodes.Node) -> str:
    if isinstance(node, nodes.Getattr):
        return node.attr
    if isinstance(node, nodes.Getitem) and isinstance(node.arg, nodes.Const):
        return str(node.arg.value)
    return ""
