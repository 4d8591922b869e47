"""Shorten a sentence without an ellipsis: drop an aside, a trailing clause or a leading phrase.

What is left is a sentence of the abstract's own words. A cut is made only where the rest keeps its verb, and only as
much is dropped as is needed for contribution and result to fit together.
"""

import re

_MIN, _SAVED = 45, 12
"""Characters that a shortened sentence has at least, and by which it is shorter."""
_ASIDE = re.compile(
    r"(?<![A-Z0-9])(?<![A-Z]s) \((?:(?=[^()]* )[^()\d]{8,200}|(?:e\.g\.|i\.e\.|such as|including|see) ?[^()]{3,200})\)"
)
"""A parenthesis without figures. One of a single word may explain an acronym."""
_TAIL = re.compile(
    r", (?:which|where|while|whereas|thereby|thus \w+ing|with (?!respect)|including|such as|by \w+ing|as well as"
    r"|particularly|especially|rather than|despite|although|though|because|since|so that|in order to|using|via"
    r"|guided by|followed by|based on|paired with|even|regardless|an? (?:finding|result|setting|problem|task|property)"
    r"|(?:enabl|allow|mak|lead|result|achiev|outperform|demonstrat|show|suggest|indicat|highlight|confirm|provid"
    r"|offer|improv|reduc|surpass|yield|reveal|support|cover|includ|span|embed|ensur|help|rang|combin|integrat"
    r"|maintain|preserv|eliminat|avoid|driv|bridg|establish|open|illustrat|reflect|deliver|reach|attribut|exceed"
    r"|treat|requir|facilitat|captur|creat|form|giv|rely|leverag|us|attain|bring|impl[iy]|underscor)ing"
    r"|and (?:we|it|this|that|they|our|the)|to (?!our\b|the best\b)\w+)\b|;(?= )|[:](?= [^:]*$)| [—–](?= [^—–]*$)"
    r"| (?:while|by|instead of) (?:\w+ly )?\w+ing\b| whereas\b| such as\b| rather than\b| in order to\b"
    r"| as well as\b|, (?:i\.e\.|e\.g\.|namely|(?:simply|just) by\b)"
    r"| and (?:\w+ly )?(?:enables|improves|reduces|achieves|outperforms|generali[sz]es|shows|provides"
    r"|maintains|transfers|surpasses|exhibits|demonstrates|yields|requires|supports|remains|exceeds|delivers)\b"
)
"""Where a trailing clause or phrase begins that the sentence can do without."""
_LEAD = re.compile(
    r"(?:through|by|using|with|to|in|on|for|when|while|although|though|based on|leveraging|motivated by|inspired by"
    r"|unlike|despite|given|across|under|contrary to|compared (?:to|with)|as|after|at|because|since|building on|drawing"
    r" on|combining|from|framed as|implemented with|whereas|beyond|via|toward|towards|following)\b"
    r"(?:[^;:.]{3,220}?, (?=(?:we|our (?:results|method|approach|work|analysis|experiments|model|framework))\b)"
    r"|[^,;:.]{3,160}, (?=(?:the|this paper|this work|results|experiments|[A-Z][\w-]*[A-Z0-9][\w-]*) ))",
    re.IGNORECASE,
)
"""A phrase before the main clause."""
_REPORTED = re.compile(
    r"(?:[A-Za-z][\w-]* ){0,4}(?:results|experiments|evaluations?|analys[ei]s|findings|simulations|tests|comparisons)"
    r"(?: [^ ,.;:]+){0,20}?,? (?:show|demonstrate|reveal|confirm|prove)s? that (?=\w)",
    re.IGNORECASE,
)
"""The beginning "Experiments on … show that" of a result."""
_NEAR = 50
"""Characters of a main clause in which a pronoun may stand for something in the phrase before it."""
_POINTS = re.compile(
    r"\b(?:it|they|its|their|them|these|those|such|both|this(?! (?:paper|work|study)))\b", re.IGNORECASE
)
_SUBORDINATE = re.compile(
    r"(?:through|by|using|with|to|in|on|for|when|while|although|though|based|leveraging|motivated|inspired|unlike"
    r"|despite|given|across|under|contrary|compared|as|after|at|because|since|if|from|building|leveraging|drawing|motivated|whereas|via)\b",
    re.IGNORECASE,
)
_MAIN_CLAUSE = re.compile(r", (?:we|our|this|the|a|results|experiments|[A-Z][\w-]*) ")
_VERB = re.compile(
    r"(?<!the )(?<!our )(?<!a )(?<!an )\b(?:is|are|was|were|has|have|had|can|cannot|may|must|do|does|(?:show|demonstrat"
    r"|achiev|outperform|surpass|improv|reveal|suggest|propos|present|introduc|describ|investigat|stud(?:y|i)|reduc"
    r"|increas|decreas|enabl|provid|yield|exceed|reach|deliver|generali[sz]|allow|support|combin|learn|requir|perform"
    r"|remain|prov|predict|explain|captur|lead|generat|produc|exhibit|match|maintain|prevent|help|find|observ|indicat"
    r"|confirm|establish|offer|contain|cover|consist|compris|integrat|address|develop|explor|analy[sz]|compar|report"
    r"|design|identif(?:y|i)|implement|construct|build|train|evaluat|examin|extend|formulat|decompos|unif(?:y|i)|cut"
    r"|make|affect|depend|vary|vari|differ|correlat|influenc|boost|enhanc|beat|fail|work|serv|emerg|grow|transfer)"
    r"(?:e|s|es|ed|d)?|found|led|built|grew|fell|rose|made|gave)\b"
)
_OPEN_END = re.compile(
    r"(?:\b(?:following|follows|is|are|that|namely|the|a|an|of|to|and|or|with|for|in|by|both|between|either|from|only"
    r"|not|more|as|on|simply|just|even|mainly|findings|conclusions|observations|insights|contributions)|[,:;(])$"
)
_SAYS = re.compile(
    r"\b(?:show|demonstrat|find|found|suggest|reveal|indicat|prov|observ|confirm|conclud|argu|hypothes|mean|highlight)"
    r"\w*$|\band$"
)
"""A verb at the end after which "that" begins a clause."""
_LISTED = re.compile(r"(?:^|[\s(])(?:1|i|a)\) ")
_BARE_WORD = re.compile(r"^[a-z](?=[a-z]*[ ,'’])")


def shorter_forms(text: str) -> tuple[str, ...]:
    """Return shortened forms of a sentence, the longest first."""
    plain = _ASIDE.sub("", text)
    forms = {plain}
    led = _without_lead(plain)
    for body in (plain, led, _without_report(led)):
        forms.add(body)
        forms.update(_without_tail(body))
    usable = [form for form in forms if _MIN <= len(form) <= len(text) - _SAVED]
    return tuple(sorted(usable, key=lambda form: (-len(form), form)))


def _without_lead(text: str) -> str:
    found = _LEAD.match(text)
    if found is None or _POINTS.search(text, found.end(), found.end() + _NEAR):
        return text
    return _BARE_WORD.sub(lambda first: first[0].upper(), text[found.end() :])


def _without_report(text: str) -> str:
    """Return what experiments show, without saying that they show it."""
    found = _REPORTED.match(text)
    if found is None or _POINTS.search(text, found.end(), found.end() + _NEAR):
        return text
    return _BARE_WORD.sub(lambda first: first[0].upper(), text[found.end() :])


def _without_tail(text: str) -> list[str]:
    """Return what stands before each trailing clause, if it is a sentence."""
    heads = [text[: found.start()].rstrip() for found in _TAIL.finditer(text, _MIN - 1)]
    return [f"{head}." for head in heads if _is_sentence(head)]


def _is_sentence(head: str) -> bool:
    """Return True if a beginning of a sentence has its main verb, and that of a clause with "that"."""
    if _OPEN_END.search(head) or head.count("(") != head.count(")") or head.count('"') % 2 or "“" in head:
        return False
    if _LISTED.search(head):
        return False
    clause = head
    if _SUBORDINATE.match(head):
        found = _MAIN_CLAUSE.search(head)
        if found is None:
            return False
        clause = head[found.end() :]
        if found[0].startswith((", we", ", our")):
            clause = head[found.start() + 2 :]
    said = clause.rfind(" that ")
    if _VERB.search(clause) is None:
        return False
    is_said = said >= 0 and _SAYS.search(clause, 0, said) is not None
    return not is_said or _VERB.search(clause, said + 6) is not None
