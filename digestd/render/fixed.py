"""Words that a catalogue fixes: looked up when a template is read, not in every mail.

`_("For you")` has one meaning in a language, so it becomes that text. What depends on a value, and every
plural, is still looked up as it is rendered.
"""

from collections.abc import Callable

from jinja2 import nodes
from jinja2.visitor import NodeTransformer


def fixed(tree: nodes.Template, translate: Callable[[str], str], *, escaped: bool) -> nodes.Template:
    """The tree with the texts of a catalogue in place of the calls that ask for them.

    Where everything is `escaped` a catalogue's text is HTML, as Jinja's own call has it.
    """
    _Texts(translate, escaped).visit(tree)  # changed in place: its root is no call
    return tree


class _Texts(NodeTransformer):
    def __init__(self, translate: Callable[[str], str], escaped: bool) -> None:
        self._translate = translate
        self._escaped = escaped

    def visit_Call(self, node: nodes.Call) -> nodes.Expr:
        self.generic_visit(node)
        text = self._text(node)
        if text is None:
            return node
        const = nodes.Const(text, lineno=node.lineno)
        return nodes.MarkSafe(const, lineno=node.lineno) if self._escaped else const

    def _text(self, node: nodes.Call) -> str | None:
        asks = isinstance(node.node, nodes.Name) and node.node.name in ("_", "gettext")
        if not asks or node.kwargs or node.dyn_args or node.dyn_kwargs or len(node.args) != 1:
            return None
        (message,) = node.args
        if not isinstance(message, nodes.Const) or not isinstance(message.value, str):
            return None
        try:
            return self._translate(message.value) % {}
        except (KeyError, ValueError, TypeError):
            return None  # it fails where it is rendered, as it would have
