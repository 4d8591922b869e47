"""Refusals: what people say that they do not want, where they were asked what they want.

"Not self-driving cars" is no wish, and "robots, but no drones" is one and a refusal. Many subjects begin with the same
words ("no-regret learning", "NOT gate"), and "X without Y" is a subject of its own ("learning without forgetting").
"""

import re
from functools import lru_cache, partial

_OPENINGS = {
    "en": "not; no; no more; nothing about; nothing on; nothing with; nothing related to; anything but; anything "
    "except; everything but; everything except; all except; except; except for; excluding; without; never; but "
    "not; but no; other than; apart from; i don't want; i do not want; i don't want to see; i do not want to "
    "see; i don't like; i am not interested in; i'm not interested in; not interested in; don't show me; do "
    "not show me; don't send me; do not send me; please no; no papers on; no papers about; not about; not on",
    "de": "kein; keine; keinen; keiner; keinerlei; nicht; nichts über; nichts zu; nichts mit; nichts von; außer; "
    "ausser; ohne; alles außer; alles ausser; bitte kein; bitte keine; bitte nicht; aber nicht; aber kein; "
    "aber keine; ich will kein; ich will keine; ausgenommen",
    "fr": "pas de; pas d'; pas des; pas; rien sur; rien de; aucun; aucune; tout sauf; sauf; excepté; hormis; sans; "
    "mais pas; mais pas de; mais pas d'; à l'exception de; je ne veux pas de",
    "es": "no; nada de; nada sobre; excepto; salvo; sin; ningún; ninguna; todo menos; todo excepto; pero no; no "
    "quiero; no me interesa; no me interesan",
    "pt": "não; nada de; nada sobre; exceto; sem; nenhum; nenhuma; tudo menos; tudo exceto; mas não; não quero",
    "it": "niente; nessun; nessuna; tranne; eccetto; senza; tutto tranne; ma non; non voglio",
    "nl": "geen; niet; niets over; behalve; zonder; alles behalve; maar niet; maar geen",
}
"""Words that begin a refusal, by language."""
_BETWEEN = (
    "but not; but no; and not; and no; except; except for; excluding; other than; apart from; aber nicht; aber "
    "kein; aber keine; aber keinen; außer; ausser; ausgenommen; mais pas; mais pas de; mais pas d'; mais pas "
    "des; sauf; excepté; hormis; à l'exception de; pero no; excepto; salvo; mas não; exceto; ma non; tranne; "
    "eccetto; maar niet; maar geen; behalve"
)
"""Words that begin a refusal in the middle of a topic."""
_SUBJECTS = (
    "no free lunch; no cloning; no regret; no arbitrage; no reference; no signaling; no signalling; no go theorem; "
    "no hair; no show; no code; no slip; no response; no idea; no op; no u-turn; no answer; no arg; no boundary; "
    "not missing at; not gate; not gates; not only; not otherwise; not invented; not safe for; not all; not just; "
    "not in my; nothing about us; never smoker; never smokers; no till; no net loss; no observed; no reflow; no "
    "touch; no take; no miracles; without replacement; without loss of; without forgetting; without labels; without "
    "supervision; without backprop; without gradient; without a model; without reward; pas de temps; pas à pas; pas "
    "kinase; sans io; sans serif; sans fil; sans contact; sans étiquette; sans modèle; sin nombre; sin tax; sin "
    "taxes; sin function; sin and; sin cos; sin conexión; sin cables; sem fio; ohne lehrer; not to; no longer; no "
    "matter; no one; no more moore"
)
"""Subjects that begin so."""
_NEGATED = (
    "line|convex|konvex|param|superv|überwach|invas|stat|negat|cod|kod|eukl|eucl|normal|abel|commut|kommut|lo[ck]al|"
    "destru|zerstör|perturb|relativ|ga[uú]ss|holonom|equil|gleich|determin|mark|trivial|exist|unif|asymp|smooth|glatt|"
    "archim|resid|homog|recurs|rekurs|therm|térm|vol[aá]t|coop|koop|rig|newton|clás|class|klass|orient|"
    "orth|ort|polyn|polin|ioni|stör|intrus|interf|rezip|recíp|herm|stand|estac|etiq|paired|aligned|i\\.?i\\.?d"
)
"""Beginnings of words that "no" and "not" turn into the name of a property: "no lineal", "nicht lineare"."""
_NOT = "no|not|nicht|não|niet|pas"
_BARE = re.compile(r"(?:no|never|without|sin|sem|pas|sans|salvo|senza|ohne)(?!\w| more| papers? )", re.IGNORECASE)
_WIDE = re.compile(
    "(?:请|請|我)?(?:不要|不想看|不想要|不看|不包括|不包含|不含|不喜欢|不喜歡)(?:有关|有關|关于|關於)?(?P<zh>.+)"
    "|除(?:了|去|开)?(?P<out>[^，、]+?)(?:以外|之外|外)(?P<of>的.+)?|除了(?P<zh2>[^以之外]+)|(?P<zh3>.+)除外"
    "|(?P<ja>.+?)(?:には?興味(?:が|は)?(?:ない|ありません)|(?:は|が|も)?(?:いらない|いりません|要らない|要りません|不要)"
    "|(?:は|を)?(?:見たくない|除く|除いて|除外)|は?お断り)(?:です)?|(?P<ja2>.+?)以外(?P<ja2of>の.+)?"
    "|(?P<ko>.+?)(?:은|는|을|를)? ?(?:제외|빼고)"
)
_ACRONYMS = frozenset({"NO", "PAS", "SEM", "SIN"})
"""Nitric oxide, photoacoustics, electron microscopes and sines, if written so."""
WORDS_MAX, TOPIC_MAX = 8, 200
"""Words of a refusal, and characters of a topic that is read for refusals; longer ones are prose."""


def _any(entries: str) -> str:
    """Return a pattern of entries, the longest first; an apostrophe needs no blank after it."""
    listed = sorted((" ".join(one.split()) for one in entries.split(";")), key=len, reverse=True)
    written = (re.escape(one).replace(r"\ ", r"\s+").replace("'", "['’]") for one in listed)
    return "|".join(one if one.endswith("]") else rf"{one}(?![\w\-‐‑'’])" for one in written)


_OPENING = re.compile(rf"(?:{_any('; '.join(_OPENINGS.values()))})[\s:,]*(?P<rest>.+)", re.IGNORECASE)
_SUBJECT = re.compile(rf"(?:{_any(_SUBJECTS)})|(?:{_NOT})\s+(?:{_NEGATED})", re.IGNORECASE)
_INNER = re.compile(
    rf"(?<=\w),?\s+(?={_any(_BETWEEN)})|(?<=[^\W\d_a-z但而])(?=[但而]?(?:不要|不看|不包括)\w)", re.IGNORECASE
)
_PIECE = re.compile(r"\s*[,，、;；]\s*|\s*[(（]\s*|\s*[)）]\s*|\s+[–—-]\s+")
_OR = re.compile(r"\s+(?:or|nor|oder|ou|o|und auch)\s+|或者?|または", re.IGNORECASE)
_AND = re.compile(r"\s+(?:and|und|et|y|e)\s+", re.IGNORECASE)
_LEADING = re.compile(
    r"^(?:(?:any|papers? (?:on|about)|anything (?:on|about)|for|the|die|der|das|den|la|le|les|el|los|las|o|os|as)\s+"
    r"|l['’])",
    re.IGNORECASE,
)
_WORD = re.compile(r"\w+")


@lru_cache(maxsize=4096)  # planning reads the topics of everybody
def split_refusals(typed: str, *, stored: bool = False) -> tuple[str, tuple[str, ...]]:
    """Return what a typed topic asks for, "" if nothing, and what it refuses.

    `stored`: nobody is told, so a word that names of subjects begin with ("no-till farming") refuses nothing.
    """
    if stored and _BARE.match(typed):
        return typed, ()
    if len(typed) > TOPIC_MAX or re.search(r"[.!?]\s+\S|[。！？]\S", typed):
        return typed, ()
    pieces = [piece for one in _PIECE.split(typed) for piece in _inner(one.strip()) if piece and piece.strip()]
    wanted: list[str] = []
    refused: list[str] = []
    for piece in pieces:
        asked, denied = _read(piece.strip().rstrip(".!。！"))
        if not denied and refused and not wanted:
            denied, asked = asked, ""  # "nothing on cars, drones"
        wanted += [asked] if asked else []
        refused += _listed(denied) if denied else []
    if not refused or not all(map(_is_name, refused)):
        return typed, ()
    if wanted and any(map(partial(is_within, ", ".join(wanted)), refused)):
        return typed, ()  # "image generation, but not images"
    return ", ".join(wanted), tuple(dict.fromkeys(refused))


def is_within(topic: str, refused: str) -> bool:
    """Return True if a topic has all words of what is refused, so that to mute these would take the topic away."""
    words, denied = ({word.rstrip("s") for word in _WORD.findall(text.casefold())} for text in (topic, refused))
    return denied <= words


def _inner(piece: str) -> list[str]:
    return [piece] if _opens(piece) else _INNER.split(piece)


def _opens(piece: str) -> "re.Match[str] | None":
    """Return how a piece begins as a refusal; None if it does not."""
    is_subject = _SUBJECT.match(piece) or (piece.split()[:1] and piece.split()[0] in _ACRONYMS)
    return None if is_subject else _OPENING.fullmatch(piece)


def _read(piece: str) -> tuple[str, str]:
    """Return what a piece of a topic asks for, and what it refuses; one of them is mostly empty."""
    if not piece.isascii() and (wide := _WIDE.fullmatch(piece.removeprefix("但").removeprefix("而"))):
        found = {name: value for name, value in wide.groupdict().items() if value}
        asked = found.pop("of", "") or found.pop("ja2of", "")
        return asked[1:], next(iter(found.values()))
    opening = _opens(piece)
    return ("", opening["rest"]) if opening else (piece, "")


def _listed(denied: str) -> list[str]:
    """Return the parts of what is refused; "search and rescue" is one."""
    found = []
    for one in _OR.split(denied):
        sides = _AND.split(one)
        found += sides if any(" " in side.strip() for side in sides) else [one]
    return [clean for one in found if (clean := _LEADING.sub("", one.strip(" \"'“”„«»‘’.!")).strip())]


def _is_name(refused: str) -> bool:
    return len(refused.split()) <= WORDS_MAX and any(map(str.isalnum, refused)) and ":" not in refused  # as in a title
