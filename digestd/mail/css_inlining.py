"""Move CSS rules into style attributes, once per template, for mail clients.

Jinja tags are replaced by placeholders while the inliner parses the HTML: by comments between elements, because text
there would be moved out of a table, and by plain text inside a tag and for printed values. A Jinja tag may therefore be
used wherever a comment may, and inside the value of an attribute.
"""

import re

from css_inline import CSSInliner

_TAG = re.compile(r"\{%.*?%\}|\{\{.*?\}\}|\{#.*?#\}", re.DOTALL)
_MEDIA = re.compile(r"<head>(<style>.*?</style>)(.*?)</head>", re.DOTALL)
_MARK = re.compile(r"<!--\ue000(\d+)\ue001-->|\ue000(\d+)\ue001")


def inline_css(source: str, css: str) -> str:
    """Return the template with the rules of `css` as style attributes.

    At-rules stay in the head of a page.
    """
    tags: list[str] = []
    hidden = _hide(source, tags)
    inliner = CSSInliner(
        inline_style_tags=True,
        keep_at_rules=True,
        minify_css=True,
        load_remote_stylesheets=False,
        extra_css=css,
    )
    is_page = "<html" in source
    result = inliner.inline(hidden) if is_page else inliner.inline_fragment(hidden, css)
    result = _MEDIA.sub(r"<head>\2\1\n</head>", result, count=1)  # the charset comes first (HTML: 1,024 bytes)
    return _MARK.sub(lambda mark: tags[int(mark[1] or mark[2])], result)


def _hide(source: str, tags: list[str]) -> str:
    parts, end = [], 0
    for found in _TAG.finditer(source):
        parts.append(source[end : found.start()])
        in_tag = _needs_plain_mark(source[: found.start()])
        mark = f"\ue000{len(tags)}\ue001"
        parts.append(mark if in_tag or found[0].startswith("{{") else f"<!--{mark}-->")
        tags.append(found[0])
        end = found.end()
    return "".join([*parts, source[end:]])


def _needs_plain_mark(before: str) -> bool:
    """Return True within a tag or a title, where a comment would be text."""
    return before.rfind("<") > before.rfind(">") or before.rfind("<title") > before.rfind("</title")
