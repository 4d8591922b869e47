"""CSS into style attributes, as mail readers need it: once per template, never per mail.

Jinja tags are hidden while the inliner parses the HTML: as comments between elements, where a
table would throw text out, and as plain marks inside a tag or for a printed value. So a tag
may stand wherever a comment may, or inside an attribute's value.
"""

import re

from css_inline import CSSInliner

_TAG = re.compile(r"\{%.*?%\}|\{\{.*?\}\}|\{#.*?#\}", re.DOTALL)
_MEDIA = re.compile(r"<head>(<style>.*?</style>)(.*?)</head>", re.DOTALL)
_MARK = re.compile(r"<!--\ue000(\d+)\ue001-->|\ue000(\d+)\ue001")


def inlined(source: str, css: str) -> str:
    """The template with the rules of `css` in its style attributes; at-rules stay, in the head of a whole page."""
    tags: list[str] = []
    hidden = _hide(source, tags)
    inliner = CSSInliner(
        inline_style_tags=True,
        keep_at_rules=True,
        minify_css=True,
        load_remote_stylesheets=False,
        extra_css=css,
    )
    whole = "<html" in source
    result = inliner.inline(hidden) if whole else inliner.inline_fragment(hidden, css)
    result = _MEDIA.sub(r"<head>\2\1\n</head>", result, count=1)  # the charset must stand in the first kilobyte
    return _MARK.sub(lambda mark: tags[int(mark[1] or mark[2])], result)


def _hide(source: str, tags: list[str]) -> str:
    parts, end = [], 0
    for found in _TAG.finditer(source):
        parts.append(source[end : found.start()])
        inside = _inside(source[: found.start()])
        mark = f"\ue000{len(tags)}\ue001"
        parts.append(mark if inside or found[0].startswith("{{") else f"<!--{mark}-->")
        tags.append(found[0])
        end = found.end()
    return "".join([*parts, source[end:]])


def _inside(before: str) -> bool:
    """Within a tag, or a title, where a comment would be text."""
    return before.rfind("<") > before.rfind(">") or before.rfind("<title") > before.rfind("</title")
