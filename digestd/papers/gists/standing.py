"""Tell whether a sentence can be read without the ones before it, and make it so where that changes no meaning.

A leading connective ("However,", "To address this gap,") is dropped if what follows is a sentence by itself. A
sentence that still points to something unseen ("These responsibilities …", "It reduces …") needs the one before it.
"""

import re
from dataclasses import dataclass

_CONNECTIVES = (
    "however|on (?:the )?one hand|not least|thereby|for example|for instance|moreover|furthermore|in addition"
    "|additionally|finally|lastly|thus"
    "|therefore|hence|consequently|as a "
    "result"
    "|accordingly|specifically|in particular|particularly|concretely|more concretely|more specifically|notably"
    "|importantly"
    "|more importantly|most importantly|interestingly|surprisingly|remarkably|crucially|critically|overall|besides"
    "|meanwhile|secondly|thirdly|firstly|first|second|third|fourth|next|then|also|nevertheless|nonetheless|still|yet"
    "|instead|similarly|likewise|in contrast|by contrast|conversely|on the other hand|on the one hand|in summary|to "
    "summari[sz]e"
    "|in conclusion|to conclude|in short|in sum|taken together|together|altogether|collectively|indeed|in fact|in "
    "turn"
    "|subsequently|ultimately|as such|for this purpose|in this way|in this manner|in doing so|by doing so|to do so"
    "|to this end|to that end|to these ends|toward this end|towards this end|with this in mind|beyond this|as a "
    "consequence"
    "|unfortunately|fortunately|along the way|in the process|at the same time|that said|in light of this|in response"
    "|in (?:this|the present|the current|our) (?:paper|work|article|study|letter|report|contribution|manuscript|note|"
    "research|thesis|dissertation|survey|review|chapter)|here|herein|in what follows|in the following|among others"
    "|more broadly|more generally|equally|again|of note|strikingly|unexpectedly|intriguingly|encouragingly"
    "|significantly"
)
_LEADING = re.compile(rf"(?:(?:and|but|so)\s+)?(?:{_CONNECTIVES})\s*,\s+(?=\S)|(?:and|but|yet)\s+(?=\w)", re.IGNORECASE)
_UNPUNCTUATED = re.compile(
    r"(?:in this (?:paper|work|article|study|letter|report)|here|hereby|thus|therefore|hence|then|to this end"
    r"|accordingly"
    r"|consequently|finally|furthermore|moreover|additionally)\s+(?=we\s)",
    re.IGNORECASE,
)
_POINTER = (
    r"(?:the (?:gaps?|issues?|challenges?|problems?|limitations?)(?=,)|this|these|those|such|it|them|their|its|that"
    r"|the (?:above|aforementioned|former|latter))"
)
_LEADING_CLAUSE = re.compile(
    r"(?:to|in order to|so as to|by|with|without|for|from|motivated by|inspired by|driven by|guided by|encouraged by|"
    r"different from|unlike|in contrast to|contrary to|"
    r"building (?:up)?on|based (?:up)?on|grounded in|given|under|in|on|at|upon|using|through|toward|towards"
    r"|following|"
    r"beyond|despite|due to|because of|considering|leveraging|recogni[sz]ing|observing|in light of|in response to|"
    rf"as part of|as|across|after|among|against|within"
    rf"|addressing)\b[^,:;.]{{0,110}}?\b{_POINTER}\b[^,:;.]{{0,80}},\s+"
    r"(?=(?:we|this (?:paper|work|study|article)|our|the authors|i|the (?:paper|study))\b)",
    re.IGNORECASE,
)
_AFTER_WE = re.compile(
    r"^(We|I|This paper|This work) (?:(?:then|also|further|therefore|thus|hence|additionally|finally|furthermore"
    r"|moreover|next|subsequently|consequently|accordingly|instead|first|lastly|hereby|herein|likewise|similarly),? )"
    r"{1,2}(?=[a-z])"
)
_RESULTS_POINTER = re.compile(
    r"^(?:these|those|such) (?P<noun>(?:experimental |empirical |theoretical |numerical )?(?:results|findings"
    r"|experiments"
    r"|observations|data|analyses|simulations)) (?=(?:also |further |strongly |clearly )?(?:show|suggest|demonstrate|"
    r"indicate|reveal|highlight|provide|support|imply|establish|confirm|point|underscore|open|offer|shed"
    r"|validate)\w*)",
    re.IGNORECASE,
)
_WORK = (
    r"(?:\w+ )?(?:paper|work|article|study|letter|report|thesis|dissertation|survey|review|chapter|book|contribution|"
    r"manuscript|tutorial|note|essay|document|monograph|special issue|perspective|research|project|investigation|"
    r"position paper|trial|case|editorial|volume|year|decade|century)s?\b"
)
_STARTS_POINTING = re.compile(
    rf"(?:(?:how|why|when|what) )?(?:are|is|do|does|can|did|will|could) (?:they|it|these|this|those|such)\b|"
    rf"(?:this|these|those)\b(?! {_WORK})|such\b|(?:it|its)\b(?! (?:is|was|has been|remains|becomes|appears|seems"
    rf"|may be"
    r"|can be)[, ][^.;]{0,90}?\b(?:that|to|whether|how|why|if)\b)|(?:they|their|them|he|she|his|her)\b"
    r"|(?:both|each|neither|either|all|some|many|most|none|one|two|three|several|another)(?: of (?:these|them|which"
    r"|the "
    r"(?:two|three|four))|,? ?(?:approaches|methods|models|components|stages|modules|variants|aspects|cases|tasks|"
    r"problems|settings|agents|branches|strategies)\b)|others?\b|the (?:former|latter|above|aforementioned|"
    r"same|other|second|third|fourth|first|remaining|rest|two|three|four|resulting|corresponding|following|underlying"
    r" idea|key idea|main idea|core idea|reason|answer|goal|aim|idea|difference|intuition|key|trick|challenge"
    r"|problem|"
    r"issue|question|task|pipeline|process|procedure|solution|technique|method|approach|framework|model|system|"
    r"algorithm|architecture|dataset|benchmark|corpus|tool|toolkit|library|network|agent|policy|"
    r"mechanism|module|strategy|scheme|theory|theorem|proof|analysis|construction|evaluation|experiments|results?|"
    r"findings|data|code|package|software|platform|program|device|effect|approximation|resulting)\b(?! (?:of|for"
    r"|that|in|"
    r"on|from|between|to|with)\b)"
    r"|(?:even|only|with|for|by|in|on|under|despite|like|unlike|given|through|from|to|among|of|as|at) "
    r"(?:its|their|it|them|both)\b|(?:here|there|then|doing so|by (?:so )?doing|as such|so|instead|rather|otherwise"
    r"|accordingly|for (?:example"
    r"|instance)"
    r"|in (?:this|that|these|such|both|all|each|either) (?!\w+ ?(?:paper|work|article|study))|at (?:this|its)|with "
    r"(?:this|"
    r"these|such)|from (?:this|these|it)|that|what['’]s more|one (?:related|such|other|further|particular) |as "
    r"(?:an?|one) (?:\w+ )?(?:example|illustration|case)|unlike (?:these|this|them)|compared (?:to|with) "
    r"(?:these|this"
    r"|them|it)|when (?:it|they|this|these)|because (?:it|they|this|these)|since (?:it|they|this|these)|if (?:it"
    r"|they|this"
    r"|these|so))\b",
    re.IGNORECASE,
)
_DEFINITE_START = re.compile(
    r"the (?:proposed |presented |resulting |new |novel |final |trained |introduced |developed )*(?:method|approach|"
    r"framework|model|system|algorithm|architecture|dataset|data set|benchmark|corpus|tool|toolkit|library|network"
    r"|agent|"
    r"policy|mechanism|module|strategy|scheme|technique|solution|pipeline|package|software|platform|procedure|"
    r"evaluation|experiments|results?|findings|analysis|code|theory|construction|models|methods|algorithms)\b"
    r"|(?:the )?(?:empirical|experimental|numerical|theoretical|simulation) (?:results|evaluations?|analys[ei]s)\b"
    r"|results\b",
    re.IGNORECASE,
)
_DEFINITE = re.compile(
    r"\bthe (?:proposed |resulting |modified |new )?(?P<noun>method|framework|approach|algorithm|lens|images"
    r"|pathways|"
    r"emphasis|scheme|technique|hypothesis|protocol|phenomenon|effect|instrument)\b"
    r"(?! (?:of|for|that|in|to|by which|we|proposed|presented|described)\b)",
    re.IGNORECASE,
)
_POINTS = re.compile(
    rf"\b(?P<pointer>these|those|such(?! as\b)(?! that\b)|this(?! {_WORK})(?! end\b))\s+[\"'“]?"
    r"(?P<named>(?!that\b|is\b|was\b|of\b|who\b|in\b|from\b|with\b|by\b|for\b)[a-z][\w-]*(?:\s+[\w-]+){0,2})",
    re.IGNORECASE,
)
_SAYS = re.compile(
    r"\b(?:show|find|found|suggest|demonstrat|prov|indicat|reveal|argu|believ|assum|ensur|such|so|is|are)\w*$|,$"
)
"""Verbs after which "that" begins a clause."""
_ACTS = re.compile(
    r"(?:is|was|can|may|might|will|would|could|should|must|has|had|does|lets|allows|enables|leads|results|makes"
    r"|requires|"
    r"means|helps|provides|gives|yields|to|as|and|or|but|we|while|way|way,|not|also|often|then|suggests|shows"
    r"|demonstrates|"
    r"indicates|reveals|implies|includes|reduces|improves|ensures|creates|offers|holds|happens|occurs|are|were|have"
    r"|be)\b",
    re.IGNORECASE,
)
"""Words after a pointer that stands alone; late in a sentence it points to the clause before."""
_STEM = 5
_THAT = re.compile(
    r"\bthat (?:methodology|approach|framework|method|idea|gap|problem|question|limitation|challenge|goal|view"
    r"|assumption|"
    r"procedure|distinction|direction|insight|observation|result|work|notion|concept|paradigm|principle|line|trend)\b",
    re.IGNORECASE,
)
_WE_IT = re.compile(
    r"^we (?:\w+ ){1,2}(?:that |how |why |on |when )?(?:it|they|them|its|their|this(?! (?:paper|work|study))|these"
    r"|those"
    r"|such|the (?:former|latter|two|same|above|aforementioned))\b",
    re.IGNORECASE,
)
_UNSEEN = re.compile(
    r"\b(?:aforementioned|above-mentioned|the (?:above|former|latter|previous section|following section)|as follows"
    r"|(?:described|discussed|mentioned|outlined|noted|introduced|stated|listed|explained) (?:above|earlier|before)|"
    r"see below|(?:in|see) (?:the )?(?:section|appendix|figure|fig|table|tab|supplement)\b"
    r"|supplementary"
    r" (?:material|video|information)|respectively described|this question|this problem|this issue|this challenge"
    r"|this gap|"
    r"this limitation|this end|these (?:challenges|issues|limitations|problems|questions|gaps|shortcomings"
    r"|difficulties))\b",
    re.IGNORECASE,
)
_INTRODUCES = re.compile(r"\b(?:problem|issue|challenge|gap|question|limitation)s?\b", re.IGNORECASE)
_ITEM = re.compile(r"^(?:\(|[a-z]{2,}[\s,]|(?:[ivx]{1,4}|[a-h]|\d{1,2})[).]|[-•*–—]|[a-z]\b)")
_LATER_ITEM = re.compile(r"(?:^|[;,] |\. )(?:and )?\((?:ii|iii|iv|[2-5]|b|c)\) ")
_FIRST_ITEM_ANYWHERE = re.compile(r"\((?:i|1|a)\) ")
_FIRST_ITEM = re.compile(r":\s*(?:[*•-]\s|\(?(?:1|i|a|A)[).]\s)")
_SECOND_ITEM = re.compile(r"[*•]\s|\(?\b(?:2|ii|b|B)[).]\s| and |;")
_EARLY = 25
_SOLVES = r"(?:address|tackl|solv|overcom|mitigat|resolv|bridg|fill|clos|alleviat|handl|remed)\w*"
_WE_SOLVE = re.compile(
    rf"^We {_SOLVES} (?:this|these|such|the above) (?:[\w-]+ ){{1,4}}?(?:and (?=introduce|propose|present|develop"
    rf"|design)"
    r"|by (?P<act>introduc|propos|present|develop|design)(?P<ing>ing) )"
)
_VERBS = {"introduc": "introduce", "propos": "propose", "present": "present", "develop": "develop", "design": "design"}
_SOLVED_BY = re.compile(rf"\b(?:that|which) {_SOLVES} (?:this|these|such) [\w-]+ (?:by|through|with|via)\b")
"""A relative clause that can be read without knowing what is solved."""
_ALSO = re.compile(
    r"\bas well\.$|\bnot addressed here\b|^(?:the next|the remaining)\b|\b(?:she|he) [a-z]", re.IGNORECASE
)
_TO_THIS = re.compile(r"(?:to|by|for|with|in) \w+(?: \w+)? (?:this|that|these|it|them),", re.IGNORECASE)
_ORDINAL = re.compile(
    r"\bthe (?:first|second|third|previous|latter|former|other|remaining) (?:stage|step|phase|component|module|part|"
    r"variant|mapping|experiment|study|task|type|pathways?|cases?|methods?|models?|groups?|conditions?"
    r"|approach(?:es)?)\b|\bthose (?:different|same|two|three|issues|problems"
    r"|challenges)\b",
    re.IGNORECASE,
)
_COUNTS = re.compile(r"\b(?:two|three|four|five|several|stages|steps|phases|components|first)\b", re.IGNORECASE)
_COMMON = frozenset(
    ("a", "an", "and", "as", "at", "by", "for", "from", "in", "is", "of", "on", "or", "the", "to", "with")
)
_TRAILING_POINTER = re.compile(
    r"(?<!aim)(?<!aims)(?<!seek)(?<!attempt)(?<!try)(?<!want)(?<!used)(?<!able)(?<!needed)(?<!designed)"
    r"(?<!way)(?<!how)"
    r",? (?:to|in order to|for|thereby|thus) (?:effectively |better |jointly |directly )?(?:address|tackle|solve"
    r"|overcome|"
    r"mitigate|resolve|bridge|fill|close|alleviate|handle|remedy|combat|meet)(?:ing)? (?:this|these|such|the "
    r"aforementioned|"
    r"this aforementioned|these aforementioned) \w+(?: \w+)?(?=[.;]|$)",
    re.IGNORECASE,
)
"""A clause at the end that only says that something unseen is solved."""
_WORD = re.compile(r"\w+")
_BARE_WORD = re.compile(r"^[a-z](?=[a-z'’-]*(?:\s|,|$))")


@dataclass(frozen=True, slots=True)
class Standing:
    """A sentence as it is shown.

    Attributes:
        text: Without a leading connective.
        needs_before: True if it can only be read after the sentence before it.
        is_loose: True if it speaks of "the method" or "the results" without saying of what.
        is_broken: True if it cannot be shown: an item of a list, or a half of a sentence.
    """

    text: str
    needs_before: bool = False
    is_loose: bool = False
    is_broken: bool = False


def stand(sentence: str) -> Standing:
    """Return the sentence as it can be shown."""
    text = _without_connectives(sentence.strip())
    if is_broken(text):
        return Standing(text, is_broken=True)
    if _DEFINITE_START.match(text):
        return Standing(text, is_loose=True)
    return Standing(text, needs_before=_points_back(text), is_loose=_lacks_subject(text))


def _lacks_subject(text: str) -> bool:
    """Return True if the sentence speaks of "the method" without having said which."""
    found = _DEFINITE.search(text)
    return bool(found and found["noun"].lower() not in text[: found.start()].lower())


def _without_connectives(text: str) -> str:
    for _ in range(3):
        found = _LEADING.match(text) or _LEADING_CLAUSE.match(text) or _UNPUNCTUATED.match(text)
        if found is None:
            break
        text = _BARE_WORD.sub(lambda first: first[0].upper(), text[found.end() :])
    text = _WE_SOLVE.sub(lambda found: f"We {_VERBS[found['act']]} " if found["act"] else "We ", text)
    text = _AFTER_WE.sub(r"\1 ", text)
    if " this " in text or " these " in text or " such " in text or " aforementioned " in text:
        text = _TRAILING_POINTER.sub("", text)
    return _RESULTS_POINTER.sub(lambda found: f"The {found['noun'].lower()} ", text)


def is_broken(text: str) -> bool:
    """Return True for an item of a list, a half of a sentence or one with unpaired brackets."""
    if _ITEM.match(text) or text.endswith((":", "...", "…", ",", ";", "i.e.", "e.g.")) or len(text.split()) < 3:
        return True
    if text.count("(") != text.count(")") and not re.search(r"(?:^|\s)\(?(?:[ivx]{1,4}|[a-h]|\d{1,2})\)", text):
        return True
    if (later := _LATER_ITEM.search(text)) and not _FIRST_ITEM_ANYWHERE.search(text, 0, later.start()):
        return True  # the end of a list
    if (listed := _FIRST_ITEM.search(text)) and not _SECOND_ITEM.search(text, listed.end()):
        return True  # a list of which only the first item is there
    return text.count("“") != text.count("”") or text.count('"') % 2 == 1


def _points_back(text: str) -> bool:
    """Return True if the sentence points to something before it."""
    text = _SOLVED_BY.sub("that", text)
    if _ALSO.search(text) or _STARTS_POINTING.match(text) or _WE_IT.match(text) or _TO_THIS.match(text):
        return True
    if (found := _ORDINAL.search(text)) and not _COUNTS.search(text, 0, found.start()):
        return True
    if any(not _INTRODUCES.search(text, 0, found.start()) for found in _UNSEEN.finditer(text)):
        return True
    if (found := _THAT.search(text)) and not _SAYS.search(text[: found.start()].rstrip()):
        return True
    return any(_is_unnamed(text, found) for found in _POINTS.finditer(text))


def _is_unnamed(text: str, found: re.Match[str]) -> bool:
    """Return True if what "these …" points to is not named earlier in the sentence."""
    if found.start() < _EARLY:
        return True
    if found["pointer"].lower() == "those" or _ACTS.match(found["named"]):
        return False
    known = {word[:_STEM] for word in _WORD.findall(text[: found.start()].lower())}
    return not any(word[:_STEM] in known for word in _WORD.findall(found["named"].lower()) if word not in _COMMON)
