"""The templates, ready to render in every available language.

Templates are sandboxed and escaped unless the file name ends with `.txt.j2`. Translations are gettext catalogues with
English msgids (`locale/<language>.po`).

For mail clients, CSS rules are moved into style attributes, once per template (`inline_css`). While the inliner parses
the HTML, Jinja tags are replaced by placeholders: by comments between elements, and by plain text inside a tag and for
printed values. Table tags get other names, because a parser drops rows without a table around them. A Jinja tag may
therefore be used wherever a comment may, and inside the value of an attribute. A printed value may also stand where an
attribute may.
"""

import re
from collections.abc import Callable, Mapping, MutableMapping, Set
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache, partial
from io import BytesIO, StringIO
from pathlib import PurePosixPath
from types import CodeType
from typing import Any

from babel import Locale, UnknownLocaleError
from babel.dates import format_date
from babel.messages.catalog import Message
from babel.messages.mofile import write_mo
from babel.messages.pofile import PoFileError, read_po
from babel.numbers import format_decimal
from babel.support import Translations
from css_inline import CSSInliner
from jinja2 import (
    BaseLoader,
    BytecodeCache,
    Environment,
    StrictUndefined,
    TemplateNotFound,
    TemplateSyntaxError,
    pass_context,
    pass_eval_context,
)
from jinja2.bccache import Bucket
from jinja2.compiler import CodeGenerator, Frame
from jinja2.meta import find_referenced_templates
from jinja2.nodes import EvalContext, Expr
from jinja2.runtime import Context, Macro
from jinja2.sandbox import ImmutableSandboxedEnvironment
from markupsafe import Markup

from digestd.domain.digest import ReasonKind
from digestd.errors import BadSetting
from digestd.mail.fragments import MARK
from digestd.mail.theme import Theme
from digestd.resources import hash_of
from digestd.text.sanitise import clean, safe_url, wrap
from digestd.text.scripts import breakable, isolated, text_attributes

_JINJA_TAG = re.compile(r"\{%.*?%\}|\{\{.*?\}\}|\{#.*?#\}", re.DOTALL)
_HEAD_STYLE = re.compile(r"<head>(<style>.*?</style>)(.*?)</head>", re.DOTALL)
_HIDDEN_TAG = re.compile(r"<!--\ue000(\d+)\ue001-->|\ue000(\d+)\ue001(?:=\"\")?")
ENGLISH = "en"
REMEDY = "correct your copy in DIGESTD_TEMPLATES_DIR, or remove it to use the built-in one"
REASON_TEMPLATE = "email/reason.txt.j2"
SHORT_REASON_TEMPLATE = "email/reason.short.txt.j2"
"""Templates with one block per kind of reason; the second is for papers below a heading that names the interest."""
SUBSTITUTES = {
    ReasonKind.NEAREST.value: ReasonKind.NEW.value,
    ReasonKind.JUDGED.value: ReasonKind.TOPIC.value,
    ReasonKind.JUDGED_NEAR.value: ReasonKind.BACKGROUND.value,
    ReasonKind.INSTITUTION.value: ReasonKind.CATEGORY.value,
    ReasonKind.VENUE.value: ReasonKind.CATEGORY.value,
}
"""Blocks that stand in for those which templates written for an earlier release lack."""
_STYLE = "email/style.css"
_TABLE_TAGS = ("table", "tr", "td")
_AT_RULE = re.compile(r"@[^{}]*\{(?:[^{}]*\{[^{}]*\})*")
_CLASS_SELECTOR = re.compile(r"\.([a-z][a-z0-9-]*)")
_CLASS_ATTRIBUTE = re.compile(r' class="([a-z0-9 -]*)"')
_PLACEHOLDER = re.compile(r"%\((\w+)\)")
_COMMA, _SEMICOLON, _LABEL, _NOTE = "%(one)s, %(other)s", "%(one)s; %(other)s", "%(label)s:", "(%(note)s)"
_FONTS = "sans-serif"
"""The messages of email/punctuation.txt.j2."""
_FONT_STYLE = "<style>.sheet,.day{{font-family:{}!important}}</style>"
"""Style rules in the head of a mail; programs that drop it choose fonts by `lang`."""
_LATIN_FONTS = "-apple-system,'Segoe UI',Roboto,Helvetica,Arial"


@dataclass(frozen=True)
class Templates:
    """The template files by path, and the operator's look. `hash` differs for others."""

    hash: str
    files: Mapping[str, str] = field(compare=False, repr=False)
    theme: Theme = field(compare=False, repr=False)
    _languages: "_Languages" = field(compare=False, repr=False)

    @classmethod
    def of(cls, files: Mapping[str, str], theme: Theme = Theme()) -> "Templates":
        """Return the templates of these files.

        Templates are compiled on first use, and recent ones stay compiled.

        Raises:
            BadSetting: A file contains the character that marks slots.
        """
        items = tuple(sorted(files.items()))
        return cls(hash_of({**files, "theme": repr(theme)}), dict(items), theme, _languages(items, theme))

    def check(self) -> "Templates":
        """Compile all templates in every language, once for the same files.

        Raises BadSetting that names the first error.

        Takes a few tenths of a second per language.
        """
        self._languages.check()
        return self

    @property
    def fonts(self) -> Mapping[str, str]:
        """Return the fonts of languages, as BCP 47 tags, whose letters the usual fonts lack."""
        return {tag: found for tag in self.languages if (found := str(self.environment(tag).globals["fonts"]))}

    @property
    def languages(self) -> tuple[str, ...]:
        """Return the languages with a catalogue, as BCP 47 tags."""
        return tuple(sorted(language.replace("_", "-") for language in self._languages.names))

    def environment(self, language: str) -> Environment:
        """Return the templates in a language, its parent (`de` for `de-AT`) or English."""
        return self._languages.environment(self.language_of(language))

    def language_of(self, tag: str) -> str:
        tag = tag.replace("-", "_")
        return next((name for name in (tag, tag.partition("_")[0].lower()) if name in self._languages.names), ENGLISH)


def inline_css(source: str, css: str) -> str:
    """Return the template with the rules of `css` as style attributes.

    At-rules stay in the head of a page.
    """
    tags: list[str] = []
    hidden = _hide_jinja_tags(source, tags)
    inliner = CSSInliner(
        inline_style_tags=True,
        keep_at_rules=True,
        minify_css=True,
        load_remote_stylesheets=False,
        extra_css=css,
    )
    for tag in _TABLE_TAGS:
        hidden = hidden.replace(f"<{tag}", f"<x-{tag}").replace(f"</{tag}", f"</x-{tag}")
    result = inliner.inline(hidden) if "<html" in source else inliner.inline_fragment(hidden, css)
    result = result.replace("<x-", "<").replace("</x-", "</")
    result = _HEAD_STYLE.sub(_move_style, result, count=1)
    result = _HIDDEN_TAG.sub(lambda mark: tags[int(mark[1] or mark[2])], result)
    return result.replace(" {{ text_attributes(", "{{ text_attributes(")  # which begin with a space


def _move_style(head: re.Match[str]) -> str:
    """Move the style to the end of the head, minified: the charset comes first (HTML: within 1,024 bytes)."""
    style = re.sub(r" ?([{};:,!]) ?", r"\1", re.sub(r"\s+", " ", head[1])).replace(";}", "}")
    return f"<head>{head[2]}{style}\n</head>"


class _Languages:
    """The environments of all languages, created on first use.

    `names`: available languages.
    """

    def __init__(self, files: Mapping[str, str], theme: Theme) -> None:
        for path, text in files.items():
            if MARK in text:
                raise BadSetting(f"template {path} contains the character U+E000, which digestd reserves; remove it")
        self._theme = theme
        css = theme.recolour(files.get(_STYLE, ""))
        self._sources = {path: _source(path, text, css) for path, text in files.items() if path.endswith(".j2")}
        self._catalogues = {PurePosixPath(path).stem: text for path, text in files.items() if path.endswith(".po")}
        self._environments: dict[str, Environment] = {}
        self._compiled = _Compiled()
        self.names: Set[str] = {*self._catalogues, ENGLISH}
        self._is_checked = False

    def check(self) -> None:
        """Compile all templates in every language; see Templates.check."""
        if self._is_checked:
            return
        for language in self.names:
            environment = self.environment(language)
            for name in environment.list_templates():
                _check(environment, name)
        for name in self._sources:
            _check_includes(self.environment(ENGLISH), name)
        self._is_checked = True

    def environment(self, language: str) -> Environment:
        """Return the environment of one of these languages.

        Raises BadSetting if its catalogue is invalid.
        """
        if language not in self._environments:
            self._environments[language] = _environment(
                language, self._catalogues.get(language), self._sources, self._theme, self._compiled
            )
        return self._environments[language]


@lru_cache(maxsize=4)
def _languages(items: tuple[tuple[str, str], ...], theme: Theme) -> _Languages:
    return _Languages(dict(items), theme)


def _source(path: str, text: str, css: str) -> str:
    is_mail = path.startswith("email/") and path.endswith(".html.j2")
    return _without_unused_classes(inline_css(text, css), css) if is_mail else text


def _without_unused_classes(source: str, css: str) -> str:
    """Return a template without the classes that no at-rule names; their rules are style attributes by now."""
    used = set(_CLASS_SELECTOR.findall(" ".join(_AT_RULE.findall(css))))

    def kept(attribute: re.Match[str]) -> str:
        names = [name for name in attribute[1].split() if name in used]
        return f' class="{" ".join(names)}"' if names else ""

    return _CLASS_ATTRIBUTE.sub(kept, source)


class _CodeGenerator(CodeGenerator):
    """Compiles templates so that what is escaped, such as translations and the output of macros, is printed as it is.

    `escape` would copy it twice.
    """

    def _output_child_pre(self, node: Expr, frame: Frame, finalize: Any) -> None:
        if frame.eval_ctx.autoescape:
            self.write("(printed if type(printed := ")
        else:
            super()._output_child_pre(node, frame, finalize)

    def _output_child_post(self, node: Expr, frame: Frame, finalize: Any) -> None:
        if frame.eval_ctx.autoescape:
            self.write(") is Markup else escape(printed))")
        else:
            super()._output_child_post(node, frame, finalize)


class _TemplateEnvironment(ImmutableSandboxedEnvironment):
    """A sandbox that is fast for what our templates mostly do: print fields of records, call macros and translate.

    Checking each access and call, and combining the globals for each template, takes more than half of the time to
    render.
    """

    code_generator_class = _CodeGenerator

    def call(self, context: Context, obj: Any, *args: Any, **kwargs: Any) -> Any:
        """Call an object of a template; macros and the translation, which are our own, need no check."""
        if type(obj) in {Macro, _Gettext}:
            kwargs.pop("_block_vars", None)
            kwargs.pop("_loop_vars", None)
            return obj(context.eval_ctx, *args, **kwargs)
        return super().call(context, obj, *args, **kwargs)

    def getattr(self, obj: Any, attribute: str) -> Any:
        """Return an attribute; a public field or property of a dataclass or a NamedTuple needs no check.

        Of a dictionary, return the value of that key first.
        """
        if _is_public_field(type(obj), attribute):  # type: ignore[arg-type]  # classes are hashable
            return getattr(obj, attribute)
        if isinstance(obj, dict) and attribute in obj:
            return obj[attribute]
        return super().getattr(obj, attribute)

    def make_globals(self, d: MutableMapping[str, Any] | None) -> MutableMapping[str, Any]:
        """Return the globals of a template as one dictionary; they never change once templates are in use."""
        return {**self.globals, **(d or {})}


class _Gettext:
    """The function `_` of templates: Jinja's newstyle gettext, which keeps translations as they are printed."""

    def __init__(self, translate: Callable[[str], str]) -> None:
        self._pattern = lru_cache(maxsize=4096)(lambda text, kind: kind(translate(text)))
        self._text = lru_cache(maxsize=4096)(lambda text, kind: self._pattern(text, kind) % {})

    @pass_eval_context
    def __call__(self, evaluation: EvalContext, text: str, **values: object) -> Any:
        """Return the translation, with values for its placeholders; `%` is written as `%%`."""
        kind = Markup if evaluation.autoescape else str
        return self._pattern(text, kind) % values if values else self._text(text, kind)


@lru_cache(maxsize=1_000)  # most readers have the same few settings
def _option_tags(options: tuple[tuple[object, object], ...], chosen: str) -> Markup:
    """Return the options of a drop-down list; pairs of value and label."""
    tag = Markup('<option value="{}"{}>{}</option>\n')
    selected = Markup(" selected")
    return Markup("").join(tag.format(key, selected if str(key) == chosen else "", label) for key, label in options)


@lru_cache(maxsize=4096)
def _is_public_field(kind: type, name: str) -> bool:
    fields: tuple[str, ...] = getattr(kind, "__match_args__", ())
    is_property = bool(fields) and isinstance(getattr(kind, name, None), property)
    return not name.startswith("_") and (name in fields or is_property)


class _Loader(BaseLoader):
    """Loads templates by name, and names them so in tracebacks, so that errors say where they are."""

    def __init__(self, sources: Mapping[str, str]) -> None:
        self._sources = sources

    def get_source(self, _environment: Environment, template: str) -> tuple[str, str, Callable[[], bool]]:
        """Return the source of a template, its name, and that it has not changed. Raises TemplateNotFound."""
        if template not in self._sources:
            raise TemplateNotFound(template)
        return self._sources[template], template, lambda: True

    def list_templates(self) -> list[str]:
        return sorted(self._sources)


class _Compiled(BytecodeCache):
    """The code of templates, which is the same in every language; compiling takes half a second for all."""

    def __init__(self) -> None:
        self._code: dict[str, CodeType] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        """Give the code of a template, if it is compiled."""
        bucket.code = self._code.get(bucket.key)

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep the code of a template."""
        assert bucket.code is not None  # noqa: S101  # it was compiled
        self._code[bucket.key] = bucket.code


def _environment(
    language: str, catalogue: str | None, sources: Mapping[str, str], theme: Theme, compiled: _Compiled
) -> Environment:
    try:
        locale = Locale.parse(language)
        translations = _translations(locale, catalogue)
    except (UnknownLocaleError, ValueError, PoFileError) as problem:
        raise BadSetting(f"the catalogue locale/{language}.po cannot be used: {problem}; {REMEDY}") from problem
    environment = _TemplateEnvironment(
        loader=_Loader(sources),
        undefined=StrictUndefined,
        autoescape=_is_escaped,
        keep_trailing_newline=True,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
        cache_size=-1,
        bytecode_cache=compiled,
        extensions=["jinja2.ext.i18n"],
    )
    i18n: Any = environment  # the extension adds its methods when it is loaded
    i18n.install_gettext_translations(translations, newstyle=True)
    gettext = _Gettext(translations.gettext)
    fonts = translations.gettext(_FONTS)
    fonts = "" if fonts == _FONTS else f"{_LATIN_FONTS},{fonts}"
    environment.globals |= {
        "_": gettext,
        "gettext": gettext,
        "ngettext": _with_number(environment.globals["ngettext"], locale),
        "lang": language.replace("_", "-"),
        "dir": locale.text_direction,
        "theme": theme,
        "text_attributes": partial(text_attributes, (locale.language, locale.text_direction)),
        "fonts": fonts,
        "font_style": Markup(_FONT_STYLE.format(fonts) if fonts else ""),  # noqa: S704  # the catalogue is trusted
        "comma": translations.gettext(_COMMA) % {"one": "", "other": ""},
        "semicolon": translations.gettext(_SEMICOLON) % {"one": "", "other": ""},
    }
    environment.filters |= {
        "clean": clean,
        "safe_url": safe_url,
        "wrap": wrap,
        "number": partial(format_decimal, locale=locale),
        "option_tags": lambda options, chosen: _option_tags(tuple(options), str(chosen)),
        "day": _day(locale),
        "capital": lambda text: text[:1].upper() + text[1:],
        "breakable": breakable,
        "isolated": isolated,
        "label": _filled(translations.gettext(_LABEL), "label"),
        "note": _filled(translations.gettext(_NOTE), "note"),
    }
    return environment


def _is_escaped(name: str | None) -> bool:
    """Return True for all templates except `*.txt.j2`."""
    return name is None or not name.endswith(".txt.j2")


def _check_includes(environment: Environment, name: str) -> None:
    """Raise BadSetting if HTML includes unescaped plain text."""
    assert environment.loader is not None  # noqa: S101  # `_environment` sets a loader
    source = environment.loader.get_source(environment, name)[0]
    included = find_referenced_templates(environment.parse(source, name))
    if _is_escaped(name) and not all(other and _is_escaped(other) for other in included):
        raise BadSetting(f"template {name} includes a .txt.j2 template, which is not escaped; pass its text as a value")


def _check(environment: Environment, name: str) -> None:
    """Compile a template. Raises BadSetting if it is invalid."""
    try:
        template = environment.get_template(name)
    except TemplateSyntaxError as problem:
        raise BadSetting(f"template {name}, line {problem.lineno}: {problem.message}; {REMEDY}") from problem
    wanted = [
        *(kind.value for kind in ReasonKind if kind not in SUBSTITUTES),
        *(["colleagues"] if name == REASON_TEMPLATE else []),
    ]
    if name in (REASON_TEMPLATE, SHORT_REASON_TEMPLATE) and (
        missing := [block for block in wanted if block not in template.blocks]
    ):
        raise BadSetting(f"template {name} has no block for {', '.join(missing)}; add one for each kind of reason")


def _translations(locale: Locale, catalogue: str | None) -> Translations:
    """Compile a catalogue like `msgfmt`; English needs none.

    Raises ValueError if a translation is invalid.
    """
    messages = read_po(StringIO(catalogue or ""), locale=locale, abort_invalid=True)
    for message in messages:
        _check_placeholders(message)
    compiled = BytesIO()
    write_mo(compiled, messages)
    compiled.seek(0)
    return Translations(compiled)


def _check_placeholders(message: Message) -> None:
    """Raise ValueError if a translation has placeholders that its msgid lacks."""
    ids = (message.id,) if isinstance(message.id, str) else message.id
    forms = message.string if isinstance(message.string, tuple | list) else (message.string,)
    given = dict.fromkeys(_PLACEHOLDER.findall(" ".join(ids)), "") | {"num": ""}
    for form in filter(None, forms if message.id else ()):
        try:
            form % given
        except (KeyError, TypeError, ValueError) as problem:
            raise ValueError(f"the translation of {ids[0]!r} has other placeholders: {problem}") from problem


def _with_number(ngettext: Any, locale: Locale) -> Callable[..., Any]:
    """Return `ngettext` with the number as the language writes it: `1,204 papers`."""

    @pass_context
    def formatted(context: Context, singular: str, plural: str, number: int, **values: object) -> Any:
        values.setdefault("num", number if number < 1_000 else format_decimal(number, locale=locale))
        return ngettext(context, singular, plural, number, **values)

    return formatted


def _filled(pattern: str, name: str) -> Callable[[str], str]:
    """Return a filter that puts a text into a pattern of the catalogue."""

    before, after = (pattern % {name: "\0"}).split("\0")

    def filled(text: str) -> str:
        return type(text)(f"{before}{text}{after}")  # Markup stays Markup

    return filled


def _day(locale: Locale) -> Callable[[date, str], str]:
    """Return a filter that formats dates by a translated pattern of Unicode TR 35."""

    def day(value: date, pattern: str) -> str:
        return format_date(value, pattern, locale=locale)

    return day


def _hide_jinja_tags(source: str, tags: list[str]) -> str:
    parts, end = [], 0
    for found in _JINJA_TAG.finditer(source):
        parts.append(source[end : found.start()])
        before = source[: found.start()]  # within a tag or a title, a comment would be text
        in_tag = before.rfind("<") > before.rfind(">") or before.rfind("<title") > before.rfind("</title")
        mark = f"\ue000{len(tags)}\ue001"
        parts.append(mark if in_tag or found[0].startswith("{{") else f"<!--{mark}-->")
        tags.append(found[0])
        end = found.end()
    return "".join([*parts, source[end:]])
