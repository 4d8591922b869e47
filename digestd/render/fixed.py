"""Words that a catalogue fixes: looked up when a template is read, not in every mail.

`_("For you")` has one meaning in a language, so it becomes that text, and `_("By %(name)s", name=x)` that text
with its values put in. Plurals are still looked up as they are rendered.
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
        fixed = nodes.MarkSafe(const, lineno=node.lineno) if self._escaped else const
        if not node.kwargs:
            return fixed
        values = [nodes.Pair(nodes.Const(given.key), given.value, lineno=node.lineno) for given in node.kwargs]
        return nodes.Mod(fixed, nodes.Dict(values, lineno=node.lineno), lineno=node.lineno)

    def _text(self, node: nodes.Call) -> str | None:
        """The text, with its values still to be put in where it has any."""
        asks = isinstance(node.node, nodes.Name) and node.node.name in ("_", "gettext")
        if not asks or node.dyn_args or node.dyn_kwargs or len(node.args) != 1:
            return None
        (message,) = node.args
        if not isinstance(message, nodes.Const) or not isinstance(message.value, str):
            return None
        text = self._translate(message.value)
        try:
            return text if node.kwargs else text % {}
        except (KeyError, ValueError, TypeError):
            return None  # it fails where it is rendered, as it would have
