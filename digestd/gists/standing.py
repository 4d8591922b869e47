"""Tell whether a sentence can be read without the ones before it, and make it so where that changes no meaning.

A leading connective ("However,", "To address this gap,") is dropped if what follows is a sentence by itself, and so are
clauses that only point to something unseen or only praise. A sentence that begins with something unseen ("These
responsibilities …", "It reduces …") needs the one before it; what it points to further on is told apart.
"""

import re
from dataclasses import dataclass

_CONNECTIVES = (
    r"however|on (?:the )?one hand|not least|thereby|for example|for instance|moreover|furthermore|in addition"
    "|additionally|finally|lastly|thus"
    "|therefore|hence|consequently|as a "
    "result"
    "|accordingly|specifically|in particular|particularly|concretely|more concretely|more specifically|notably"
    "|importantly"
    "|more importantly|most importantly|interestingly|surprisingly|remarkably|crucially|critically|overall|besides"
    "|meanwhile|secondly|thirdly|firstly|first|second|third|fourth|next|then|also|nevertheless|nonetheless|still|yet"
    "|on the one hand|in summary|to "
    "summari[sz]e"
    "|in conclusion|to conclude|in short|in sum|taken together|together|altogether|collectively|indeed|in fact|in "
    "turn"
    "|subsequently|ultimately|as such|for this purpose|to the end|in this way"
    "|in this manner|in doing so|by doing so|to do so"
    "|to this end|to that end|to these ends|toward this end|towards this end|with this in mind|beyond this|as a "
    "consequence"
    "|unfortunately|fortunately|along the way|in the process|at the same time|that said|in light of this|in response"
    "|in (?:this|the present|the current|our) (?:paper|work|article|study|letter|report|contribution|manuscript|note|"
    "research|thesis|dissertation|survey|review|chapter)|here|herein|in what follows|in the following|among others"
    "|more broadly|more generally|equally|again|of note|strikingly|unexpectedly|intriguingly|encouragingly"
    r"|significantly|further|as an? \w+ (?:consequence|result)|with (?:this|that) (?:aim|goal|objective"
    r"|purpose) in mind"
)
_LEADING = re.compile(rf"(?:(?:and|but|so)\s+)?(?:{_CONNECTIVES})\s*,\s+(?=\S)|(?:and|but|yet)\s+(?=\w)", re.IGNORECASE)
_ADDING = re.compile(
    r"(?:(?:for example|for instance|furthermore|further,|moreover|in addition|additionally|besides|secondly"
    r"|thirdly|similarly|likewise|meanwhile|next|then"
    r"|subsequently|second|third|fourth|also|again|finally|lastly)\b|in addition to\b"
    r"|(?:we|this (?:paper|work|study)|it|(?:our|the) \w+) (?:also|additionally|further|furthermore|moreover|then"
    r"|finally)\b)"
    r"|[^,]{3,60} (?:is|are|was|were) (?:then|also|further) |(?:a|an|the|one) \w+ example\b",
    re.IGNORECASE,
)
"""Beginnings of sentences that add to the one before them."""
_CONTRASTING = re.compile(
    r"(?:instead\b(?! of)|in comparison\b(?! (?:to|with))|in contrast\b(?! (?:to|with))|by contrast\b"
    r"|conversely\b|on the other hand\b"
    r"|similarly,|likewise,)|[^,]{3,40}, (?:however|though|in contrast|by contrast|instead|too|in turn),",
    re.IGNORECASE,
)
_INSTEAD = re.compile(r"\b(?:which|that|we|but|and|are|is|can) instead\b(?! of)|\binstead\.$")
_CONTRASTED = re.compile(r"\b(?:rather than|instead of|not|without|no|never|unlike)\b", re.IGNORECASE)
_LINK = re.compile(r" ?\((?:(?:freely )?available (?:at|from) |see )?(?:https?://|www\.)[^\s()]{3,200}\)")
_UNPUNCTUATED = re.compile(
    r"(?:in this (?:paper|work|article|study|letter|report|review|survey|chapter|thesis|note|perspective)|here"
    r"|hereby|thus|therefore|hence|then|to this end"
    r"|accordingly"
    r"|consequently|finally|furthermore|moreover|additionally)\s+(?=we\s)",
    re.IGNORECASE,
)
_POINTER = (
    r"(?:the (?:gaps?|issues?|challenges?|problems?|limitations?|bias|needs?|shortcomings?|tension|bottlenecks?"
    r"|dilemma|trade-offs?)(?=,)|this|these|those|such|it|them|their|its|that"
    r"|the (?:above|aforementioned|former|latter))"
)
_LEADING_CLAUSE = re.compile(
    r"\w+ing (?:up)?(?:on |from )?(?:this|these|such) [^,.:;]{3,80}, (?=we\b)|to \w+ (?:both|these|this"
    r"|such) [^,.:;]{3,40}?,? (?=we\b)|"
    r"\w+ed (?:by|with|on) (?:this|these|such|them|both)\b[^,.:;]{0,60}, (?=(?:we|our|the|this)\b)|"
    r"(?:to|in order to|so as to|by|with|without|for|from|motivated by|inspired by|driven by|guided by|encouraged by|"
    r"different from|unlike|in contrast to|contrary to|"
    r"building (?:up)?on|based (?:up)?on|grounded in|given|under|in|on|at|upon|using|through|toward|towards"
    r"|following|"
    r"beyond|despite|due to|because of|considering|leveraging|recogni[sz]ing|observing|in light of|in response to|"
    rf"as part of|as|across|after|among|against|within"
    rf"|addressing)\b[^,:;.]{{0,110}}?\b{_POINTER}\b[^,:;.]{{0,80}},\s+"
    r"(?=(?:we|this (?:paper|work|study|article)|our|the authors|i|the (?:present )?(?:paper|study|work)"
    r"|in this (?:paper|work|study|article)|through|using)\b)",
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
_EXPLETIVE = (
    r"(?:possible|impossible|hard|difficult|easy|important|essential|crucial|necessary|critical|common|natural|useful"
    r"|worthwhile|interesting|desirable|challenging|vital|tempting|sufficient|feasible|infeasible|costly|expensive"
    r"|non-?trivial|imperative|reasonable|convenient|helpful|beneficial|straightforward|advantageous|better|best)\b"
)
"""Words after an "it" that stands for a clause to come."""
_STARTS_POINTING = re.compile(
    rf"(?:(?:how|why|when|what) )?(?:are|is|do|does|can|did|will|could) (?:they|it|these|this|those|such)\b|"
    rf"(?:this|these|those)\b(?! {_WORK})|such\b|(?:it|its)\b(?! (?:is|was|has been|remains|becomes"
    rf"|appears|seems|may be|can be),? (?:[^.;,]{{0,60}}?\b(?:that|whether|how|why|if)"
    rf"|(?:\w+ )?{_EXPLETIVE}[^.;,]{{0,40}}? to)\b)|(?:they|their|them|he|she|his|her)\b"
    r"|(?:both|each|neither|either|all|some|many|most|none|one|two|three|several|another)(?: of (?:these|them|which"
    r"|the "
    r"(?:two|three|four))|,? ?(?:approaches|methods|models|components|stages|modules|variants|aspects|cases|tasks|"
    r"problems|settings|agents|branches|strategies)\b)|others?\b|another \w|an? (?:second|third|fourth|fifth) "
    r"|in (?:one|another)\b,?(?! of) ?(?:[^,]{0,40}, )?(?!of\b)(?=we\b|conducted)"
    r"|in (?:one|another|each|either|both)\b,|the (?:former|latter|above|aforementioned|"
    r"same|other|second|third|fourth|first|remaining|rest|two|three|four|resulting|corresponding|following|underlying"
    r" idea|key idea|main idea|core idea|reason|answer|goal|aim|idea|difference|intuition|key|trick|challenge"
    r"|problem|"
    r"issue|question|task|pipeline|process|procedure|solution|technique|method|approach|framework|model|system|"
    r"algorithm|architecture|dataset|benchmark|corpus|tool|toolkit|library|network|agent|policy|"
    r"mechanism|module|strategy|scheme|theory|theorem|proof|analysis|construction|evaluation|experiments|results?|"
    r"findings|data|code|package|software|platform|program|device|effect|approximation|resulting)\b(?! (?:of|for"
    r"|that|in|"
    r"on|from|between|to|with)\b)"
    r"|(?:in|on|for|with|under|across|when|during|at|using|without|to|by) [^,.;]{3,80}, (?:they|these|those|he|she)\b"
    r"|both (?!(?:[\w-]+ ){1,4}and\b)|(?:(?:by|through|with|after|when|in|for) )?\w+ing (?:their|its|them|it"
    r"|these|this)\b|another \d|the remaining\b|(?:even|only|with|for|by|in|on|under|despite|like|unlike|given"
    r"|through|from|to|among|of|as|at) "
    r"(?:its|their|it|them|both)\b|(?:here|there|then|doing so|by (?:so )?doing|as such|so|instead|rather|otherwise"
    r"|accordingly|for (?:example"
    r"|instance)"
    r"|in (?:this|that|these|such|both|all|each|either) (?!(?:\w+ )?(?:paper|work|article|study|review|survey"
    r"|chapter|report|letter|book|thesis)\b)|(?:despite|under|through|from|among|given|using|based on|building on"
    r"|with|for) (?:this|these|that)\b(?! (?:paper|work|article|study))|at (?:this|its)|with "
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
    r"(?:the|our(?! (?:\w+ )?(?:results?|findings|experiments|analysis|evaluation|theory"
    r"|construction)\b)) (?:(?:[\w-]+ ){0,4}?(?<!of )(?<!for )(?<!in )(?<!that )(?<!to ))(?:method|approach|"
    r"framework|model|system|algorithm|architecture|dataset|data set|benchmark|corpus|tool|toolkit|library|network"
    r"|agent|"
    r"policy|mechanism|module|strategy|scheme|technique|solution|pipeline|package|software|platform|procedure|"
    r"evaluation|experiments|results?|findings|analysis|code|theory|construction|models|methods|algorithms)\b"
    r"|(?:the )?(?:empirical|experimental|numerical|theoretical|simulation) (?:results|evaluations?|analys[ei]s)\b"
    r"|results\b",
    re.IGNORECASE,
)
_DEFINITE = re.compile(
    r"\b(?:the|our) (?:proposed |resulting |modified |new )?(?P<noun>method|framework|approach|algorithm|lens|images"
    r"|pathways|"
    r"emphasis|scheme|technique|hypothesis|protocol|phenomenon|effect|instrument|proposal|solution)\b"
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
    r"(?:purpose|sense|time|end|kind|type|sort|is|was|can|may|might|will|would|could|should|must|has|had|does"
    r"|lets|allows|enables|leads|results|makes"
    r"|requires|"
    r"means|helps|provides|gives|yields|to|as|and|or|but|we|while|way|way,|not|also|often|then|suggests|shows"
    r"|demonstrates|"
    r"indicates|reveals|implies|includes|reduces|improves|ensures|creates|offers|holds|happens|occurs|are|were|have"
    r"|be)\b",
    re.IGNORECASE,
)
"""Words after a pointer that stands alone; late in a sentence it points to the clause before."""
_POINTING_WORD = re.compile(r"\b(?:[Tt]h(?:is|at|ese|ose)|[Ss]uch|similar|both)\b")
_BOTH = re.compile(r"\bboth (?P<noun>[a-z-]{3,}s)(?=[.,;]| (?!and\b|or\b|of\b))")
_PAIR = re.compile(r"\b(?:two|dual|pairs?|and|between|versus|vs)\b", re.IGNORECASE)
_THOSE = re.compile(r"\b(?:to|for|on|in|into|with|by|only|select|keep|remove|retain) those (?:that|which|whose|with)\b")
_COMPARES = re.compile(
    r"\b(?:than|compar\w+|similar|identical|equal|close|relative|superior|rival\w*|match\w*|between|equivalent)\b"
)
_OTHERS = re.compile(r"\b(?:other|existing|previous|prior|conventional|earlier) (?:[\w-]+ )?\w+", re.IGNORECASE)
_SUBJECT = re.compile(r"(?:area|field|domain|topic|subject|space|setting|context)\b", re.IGNORECASE)
_SUBJECT_NAMED = 40
"""Characters by which a sentence has named its subject."""
_ALSO = re.compile(
    r"^((?:To|In order to)) further (?=[a-z])|^([^,;]{2,80}?(?:, [^,;]{2,60}?)?) (?:also|in turn) (?=[a-z]+(?: |ly ))"
)
_NOT_ADDED = re.compile(r"\b(?:but|and|or|which|that|who|not only|see|is|are) ?$")
_KNOWN_AS = re.compile(r"(?:known|called|referred|termed|seem|be|as)\w*\b")
_IN_PASSING = re.compile(
    r" (?:in|along|towards?) (?:this|that|these|such) (?:directions?|regards?|respects?|spirit|vein|lines?)\b"
)
"""A reference that can go without a loss."""
_STEM = 5
_LIKE = re.compile(r"\b(?:a|an|any|these|such) similar (?!to\b)(?P<noun>\w+)", re.IGNORECASE)
_THAT = re.compile(
    r"\bthat (?P<noun>methodology|approach|framework|method|idea|gap|problem|question|limitation|challenge|goal|view"
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
    r"|supplementary (?:material|video|information)|respectively described)\b",
    re.IGNORECASE,
)
_UNSEEN_WORDS_TEXT = (
    "bove former latter follow ention earlier before see section ppendix igure fig able tab upplement respective"
)
_UNSEEN_WORDS = tuple(_UNSEEN_WORDS_TEXT.split())
"""One of these is in a sentence that the pattern above finds; it is slow."""
_PROBLEM = re.compile(
    r"\b(?:this|these|such (?:an? )?) ?(?P<noun>(?:end|question|problem|issue|challenge|gap|limitation"
    r"|shortcoming|difficult(?:y|ie))s?)"
    r"\b",
    re.IGNORECASE,
)
_INTRODUCES = re.compile(r"\b(?:problem|issue|challenge|gap|question|limitation)s?\b", re.IGNORECASE)
_ITEM = re.compile(r"^(?:\(|%|[a-z]{2,}[\s,]|(?:[ivx]{1,4}|[a-h]|\d{1,2})[).]|[-•*–—]|[a-z]\b)")
_LATER_ITEM = re.compile(r"(?:^|[;,] |\. )(?:and )?\((?:ii|iii|iv|[2-5]|b|c)\) ")
_LETTERED = re.compile(r"(?<![\w(])(?:b|c|d|ii|iii|[2-5])\) \w")
_FIRST_LETTER = re.compile(r"(?<![\w(])(?:a|i|1)\) \w")
_FIRST_ITEM_ANYWHERE = re.compile(r"\((?:i|1|a)\) ")
_FIRST_ITEM = re.compile(r":\s*(?:[*•-]\s|\(?(?:1|i|a|A)[).]\s)")
_SECOND_ITEM = re.compile(r"[*•]\s|\(?\b(?:2|ii|b|B)[).]\s| and |;")
_SOLVES = r"(?:address|tackl|solv|overcom|mitigat|resolv|bridg|fill|clos|alleviat|handl|remed)\w*"
_WE_SOLVE = re.compile(
    rf"^We {_SOLVES} (?:this|these|such|the above) (?:[\w-]+ ){{1,4}}?(?:and (?=introduce|propose|present|develop"
    rf"|design)"
    r"|by (?P<act>introduc|propos|present|develop|design)(?P<ing>ing) )"
)
_VERBS = {"introduc": "introduce", "propos": "propose", "present": "present", "develop": "develop", "design": "design"}
_SOLVED = re.compile(
    rf" (?:that|which) {_SOLVES} (?:this|these|such) [\w-]+(?: [\w-]+)? (?=(?:through|with|via|using)\b)"
)
"""A relative clause that only says that something unseen is solved."""
_NEXT = re.compile(r"the (?:next|remaining)\b", re.IGNORECASE)
_IT_ACTS = re.compile(
    r"(?:in|on|for|with|under|across|when|during|at|using|without|by|compared (?:to|with)|evaluated on|trained on)"
    r" [^,.;]{3,80}, (?:it (?!is\b|was\b|has been|remains|becomes|can be|may be|seems|appears)|its )",
    re.IGNORECASE,
)
"""A sentence about something that a sentence before names."""
_TO_THIS = re.compile(r"(?:to|by|for|with|in) \w+(?: \w+)? (?:this|that|these|it|them),", re.IGNORECASE)
_ORDINAL = re.compile(
    r"\bthe (?:first|second|third|previous|latter|former|other|remaining) (?:stage|step|phase|component|module|part"
    r"|variant|mapping|type|pathways?|cases?|groups?|conditions?)\b|\bthe (?:second|third|latter|former|other"
    r"|remaining) (?:experiment|study|task|methods?|models?|approach(?:es)?)\b|\bthose (?:different|same|two"
    r"|three|issues|problems"
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
    r"this aforementioned|these aforementioned) \w+(?: \w+)?(?=[.;,]|$)"
    r"|,? (?:that is |which is )?(?:designed|intended|developed) to (?:address|tackle|solve|overcome|mitigate"
    r"|bridge|fill|close)"
    r" (?:this|these|such) \w+(?=[.;,]|$| (?:using|by|via|through|with)\b)",
    re.IGNORECASE,
)
"""A clause that only says that something unseen is solved."""
_PROMOTION = re.compile(
    r"(?:, and|,| and) (?:thereby |thus |further |clearly |again )?(?:demonstrat|highlight|showcas|underscor"
    r"|validat|confirm"
    r"|prov|emphasi[sz]"
    r"|illustrat|pav)ing (?!that\b|how\b)(?=[^.;\d]*\b(?:effective|potential|superior|efficacy|robust|generali"
    r"|value|promis|capabilit"
    r"|importance|significance|way for|advantage|strength|versatil|practical|utility|useful|applicab|feasib"
    r"|scalab))[^.;\d]{10,200}"
    r"\.$"
)
"""The end of a sentence that only praises what stands before."""
_SAID = 80
"""Characters before such an end that are enough for a sentence."""
_WORD = re.compile(r"\w+")
_VARIABLE = re.compile(r"[b-z]\s")
_BARE_WORD = re.compile(r"^(?:[a-z](?=[a-z'’-]+(?:\s|,|$))|a(?=\s))")


@dataclass(frozen=True, slots=True)
class Standing:
    """A sentence as it is shown.

    Attributes:
        text: Without a leading connective.
        needs_before: True if it can only be read after the sentence before it.
        pointed: What it points to with "this" or "such" and does not name.
        is_added: True if it adds to the sentence before it ("Furthermore, …").
        is_loose: True if it speaks of "the method" or "the results" without saying of what.
        is_broken: True if it cannot be shown: an item of a list, or a half of a sentence.
    """

    text: str
    needs_before: bool = False
    is_added: bool = False
    is_loose: bool = False
    is_broken: bool = False
    pointed: str = ""


def stand(sentence: str) -> Standing:
    """Return the sentence as it can be shown."""
    text = _without_connectives(_LINK.sub("", sentence.strip()))
    if is_broken(text):
        return Standing(text, is_broken=True)
    is_added = _ADDING.match(sentence) is not None
    if _DEFINITE_START.match(text):
        return Standing(text, is_added=is_added, is_loose=True)
    needs_before = _points_back(text) or _lacks_contrast(text)
    return Standing(text, needs_before, is_added, _lacks_subject(text), pointed="" if needs_before else _pointed(text))


def _lacks_contrast(text: str) -> bool:
    """Return True if the sentence says "instead" without saying of what."""
    if _CONTRASTING.match(text):
        return True
    return "instead" in text and _INSTEAD.search(text) is not None and not _CONTRASTED.search(text)


def _lacks_subject(text: str) -> bool:
    """Return True if the sentence speaks of "the method" without having said which."""
    found = _DEFINITE.search(text)
    return bool(found and found["noun"].lower() not in text[: found.start()].lower())


def _without_connectives(text: str) -> str:
    for _ in range(3):
        found = _LEADING.match(text) or _LEADING_CLAUSE.match(text) or _UNPUNCTUATED.match(text)
        if found is None or _VARIABLE.match(text, found.end()):
            break
        text = _BARE_WORD.sub(lambda first: first[0].upper(), text[found.end() :])
    text = _WE_SOLVE.sub(lambda found: f"We {_VERBS[found['act']]} " if found["act"] else "We ", text)
    if (tail := _PROMOTION.search(text)) and tail.start() >= _SAID:
        text = f"{text[: tail.start()]}."
    text = _IN_PASSING.sub("", _SOLVED.sub(" ", _AFTER_WE.sub(r"\1 ", text)))
    text = _without_adding(text)
    if " this " in text or " these " in text or " such " in text or " aforementioned " in text:
        text = _TRAILING_POINTER.sub("", text)
    return _RESULTS_POINTER.sub(lambda found: f"The {found['noun'].lower()} ", text)


def _without_adding(text: str) -> str:
    """Return a sentence without the "also", "in turn" or "further" that ties its beginning to the one before it."""
    if not (found := _ALSO.match(text)):
        return text
    kept = found[1] or found[2]
    if found[2] and ((_NOT_ADDED.search(kept) and " in turn" not in found[0]) or _KNOWN_AS.match(text, found.end())):
        return text
    return f"{kept} {text[found.end() :]}"


def is_broken(text: str) -> bool:
    """Return True for an item of a list, a half of a sentence or one with unpaired brackets."""
    if _ITEM.match(text) or text.endswith((":", "...", "…", ",", ";", "i.e.", "e.g.")) or len(text.split()) < 3:
        return True
    if text.count("(") != text.count(")") and not re.search(r"(?:^|\s)\(?(?:[ivx]{1,4}|[a-h]|\d{1,2})\)", text):
        return True
    if (later := _LATER_ITEM.search(text)) and not _FIRST_ITEM_ANYWHERE.search(text, 0, later.start()):
        return True  # the end of a list
    if (letter := _LETTERED.search(text)) and not _FIRST_LETTER.search(text, 0, letter.start()):
        return True
    if (listed := _FIRST_ITEM.search(text)) and not _SECOND_ITEM.search(text, listed.end()):
        return True  # a list of which only the first item is there
    return text.count("“") != text.count("”") or text.count('"') % 2 == 1


def _points_back(text: str) -> bool:
    """Return True if the sentence begins with something before it, or says that it does."""
    if text.endswith(" as well.") or _NEXT.match(text) or " he " in text or " she " in text:
        return True
    if _STARTS_POINTING.match(text) or _WE_IT.match(text) or _TO_THIS.match(text):
        return True
    if _IT_ACTS.match(text):
        return True
    if (found := _ORDINAL.search(text)) and not _COUNTS.search(text, 0, found.start()):
        return True
    return any(word in text for word in _UNSEEN_WORDS) and _UNSEEN.search(text) is not None


def _pointed(text: str) -> str:
    """Return what a sentence points to that it does not name: "problem" for "… to tackle this problem"; else ""."""
    if not _POINTING_WORD.search(text):
        return ""
    for problem in _PROBLEM.finditer(text):
        if not _INTRODUCES.search(text, 0, problem.start()):
            return problem["noun"]
    if (that := _THAT.search(text)) and not _SAYS.search(text[: that.start()].rstrip()):
        return that["noun"]
    if like := _LIKE.search(text):
        return like["noun"]
    if (both := _BOTH.search(text)) and not _PAIR.search(text, 0, both.start()):
        return both["noun"]
    if (those := _THOSE.search(text)) and not _COMPARES.search(text, 0, those.start()):
        return "those"
    return next((found["named"] for found in _POINTS.finditer(text) if _is_unnamed(text, found)), "")


def _is_unnamed(text: str, found: re.Match[str]) -> bool:
    """Return True if what "these …" points to is not named earlier in the sentence, nor the subject of the paper."""
    if _SUBJECT.match(found["named"]) and found.start() >= _SUBJECT_NAMED:
        return False
    if found["pointer"].lower() == "those" or (_ACTS.match(found["named"]) and found["pointer"].lower() != "these"):
        return False
    before = _OTHERS.sub(" ", text[: found.start()]) if found["pointer"].lower() == "this" else text[: found.start()]
    known = {word[:_STEM] for word in _WORD.findall(before.lower())}
    return not any(word[:_STEM] in known for word in _WORD.findall(found["named"].lower()) if word not in _COMMON)
