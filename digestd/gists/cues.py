"""Tell by turns of phrase what a sentence does: announce the work, report a result, praise, promise.

The model of roles was fitted to few abstracts and knows little but words and places. These cues correct it where a
reader would not hesitate. All of them read sentences in lower case.
"""

import re
from functools import lru_cache


def _any(*ways: str) -> re.Pattern[str]:
    return re.compile("|".join(ways))


_ANNOUNCING = _any(
    r"(?:^|, |^here,? |\bthat )(?:we|i)(?:'ve)? (?!know|need|live|all|often|must|may|can|cannot|still|lack|see|do|want"
    r"|think|face|like|learn|have no)\w",
    r"\b(?:this|the present|our) (?:\w+ )?(?:paper|work|article|study|letter|report|review|survey|thesis|chapter|note"
    r"|book|research|project)\b",
    r"\b(?:is|are|was|were) (?:here )?(?:proposed|presented|introduced|described|conducted|reported|investigated"
    r"|studied)\b",
)
_PROPOSING = _any(
    r"(?<!can )(?<!do )(?<!should )(?<!could )\b(?:we|i|this (?:\w+ )?(?:paper|work|article|study|report))"
    r" (?:\w+ly |here )?(?:present|propose|introduce|describe|develop)s?\b"
)
_SET_UP = _any(
    r"(?:(?:to|for|using|with|through|by) [^,]{3,80}, )?we (?:also |further |then )?(?:\w+ly )?"
    r"(?:evaluated?|test(?:ed)?|validated?|assess|benchmark|conduct(?:ed)?|perform(?:ed)?|run|carr\w+|compared?|appl\w+"
    r"|measured?|collect(?:ed)?|release|discuss|analy[sz]ed?|examined?|investigated?|stud\w+|explored?|surveyed"
    r"|interviewed|report|construct|build|built|train(?:ed)?|design(?:ed)?|curated?|introduce|implement(?:ed)?)\b",
    r"[^.]{0,160}\b(?:is|are) (?:then |also |further )?(?:introduced|applied|adopted|employed|incorporated"
    r"|proposed) (?:to|in|for|into)\b",
    r"[^.]{0,200}\b(?:is|are) (?:also )?(?:presented|reported|given|provided|described|discussed)\.?$",
    r"[^.]{0,80}\b(?:comprises?|contains?|consists? of|includes?|covers?|spans?) (?:over |more than |about )?\d",
    r"[^.]{0,120}\b(?:is|are|continues) (?:\w+ )?(?:pre-?)?(?:trained|built) (?:up)?on\b",
    r"(?:extensive |the )?experiments (?:are|were) (?:conducted|performed|carried)",
)
_SAYS = (
    r"(?:shows?|showed|reveal(?:s|ed)?|demonstrate[sd]?|indicate[sd]?|suggest(?:s|ed)?|confirm(?:s|ed)?|f(?:i|ou)nds?)"
)
_FINDING = _any(
    r"\bwe (?:\w+ )?(?:find|found|observed?|show|showed|prove|proved|discover(?:ed)?|conclude)\b",
    r"\b(?:results?|experiments?|analys[ei]s|findings|evaluations?|simulations?|investigations?|data|experience|study"
    rf"|tests|work) (?:[\w-]+ ){{0,7}}{_SAYS} (?:that|how|an?|the|significant)\b",
    r"\band (?:\w+ )?(?:show|demonstrate|find|prove|found|showed)s? (?:that|how)\b",
    r"\bturns out\b",
)
_COMPARISON = _any(
    r"\b(?:outperform|surpass|exceed)(?:s|ed|ing)? (?!all\b|existing|other|previous|prior|the state|state|current)",
    r"\b(?:higher|lower|faster|better|fewer|smaller|larger|less|more \w+)(?: [\w-]+){0,2} than\b",
    r"\bcompared (?:to|with)\b",
    r"\b(?:de|in)creas|\breduc",
)
_FIGURES = _any(
    r"\d ?(?:%|×|x\b|percent|per cent|percentage|fold\b|pp\b|-fold|points?\b|times\b|db\b|ms\b|fps\b)",
    r"\bby (?:up to |over |about |nearly |more than |at least )?\d",
    r"\bfrom \$?\d[\d.,]* ?\w* to \$?\d",
    r"(?:\b(?:of|to|at|than|is|was|are|were|achiev\w+|reach\w*|scor\w+|only|nearly|about|over)|[=≈]) ?"
    r"\d{1,3}(?:,\d{3})*\.\d",
    r"\bp ?[<=] ?0?\.\d",
    r"\b(?:twice|half|double|tripl(?:e[sd]?|ing)\b)\w*|\btimes (?:faster|fewer|more|less)|\borders? of magnitude",
    r"\b\d+ (?:of|out of) (?:the )?\d+",
)
_OUTCOME = _any(
    r"\bachiev\w+ (?:\w+ )?(?:results?|performance) (?:that (?:is|are) )?(?:comparable|competitive|better|superior)",
    r"\boutperform|\bsurpass|\bgains? of\b",
    r"\b(?:key|main|following|important) findings:|\bmain (?:conclusion|finding|result)s? (?:is|are)\b",
    r"\b(?:achiev|deliver|attain|obtain|establish|sets?\b)\w* (?:a |an |the )?"
    r"(?:new |superior|state|competitive|comparable|strong|significant|up to|\d)",
    r"\b(?:significant|consistent|substantial|remarkable)(?:ly)? (?:gain|improv|reduc|outperform|higher|better)",
    r"\bby (?:up to |over |about )?\d",
)
_DISCOVERY = _any(
    r"\bwe (?:\w+ )?(?:find|found|observed?|discover(?:ed)?|conclude)\b",
    rf"\b(?:results?|analys[ei]s|findings|evaluations?|investigations?|study) (?:\w+ ){{0,4}}{_SAYS} that\b",
)
_CONCRETE_CUES = ((_FIGURES, 0.5), (_COMPARISON, 0.35), (_FINDING, 0.2))
"""The first that is found counts."""
_PRAISE = _any(
    r"\b(?:effective(?:ness)?|superior(?:ity)?|efficacy|usefulness|utility|validity|versatility|feasib\w+|viab\w+)\b",
    r"\b(?:competitive|comparable|impressive|remarkable|excellent|strong|robust(?:ness)?|practical|powerful|useful)\b",
    r"\b(?:state[- ]of[- ]the[- ]art|sota|new record|best (?:overall )?(?:performance|results))\b",
    r"\b(?:advantages?|benefits?|importance|favou?rabl[ey]|scalab\w+|flexib\w+|applicab\w+)\b",
)
_OUTLOOK = _any(
    r"\b(?:potential|promising|promise|insights?|implications?|foundations?|guidance|highlights?|underscor\w+)\b",
    r"\b(?:opportunit\w+|directions?|valuable|advancements?|milestone|a glimpse|shares?|broad(?:er)?|pave\w*)\b",
    r"\bsteps? towards?\b|\bdiscuss(?:es|ed)?\b|\bstrengthens? the case\b|\baims? to (?:support|facilitate)\b",
    r"\banswer\w* \w+ questions?\b|\bestablish(?:es|ing)? \S+ as\b|\badvances? (?:the |\S+ (?:research|discovery)\b)",
    r"\b(?:offer|provid|supply|suppli)\w* (?:[\w-]+,? ){0,4}(?:tools?|solutions?|platforms?|paradigms?|pathways?"
    r"|testbeds?"
    r"|resources?|basis|perspectives?)\b",
    r"\b(?:will|may|could|should|can) (?:\w+ )?(?:be used|facilitate|enable|help|support|guide|inspire|pave|serve"
    r"|be useful)\b",
    r"\b(?:demonstrat|show|validat|confirm|verif)\w* (?:the |its |our |their )?"
    r"(?:effectiveness|superiority|efficacy|validity|feasibility|usefulness|generality)\b",
)
_PROMISES = _any(
    r"\b(?:results|findings|work|study|paper|experiments|approach|method|framework|we|this|these) (?:\w+ ){0,3}"
    r"(?:highlight|underscore|emphasi[sz]e|pave|open|lay|provide|offer|suggest|represent|mark|point|shed|demonstrate"
    r"|establish|advance|contribute|show|explore|discuss|share)(?:s|d|ed)? (?:[\w-]+ ){0,5}"
    r"(?:potential|promise|importance|need|value|way"
    r"|foundations?|insights?|steps?|directions?"
    r"|avenues?|paths?|pathways?|paradigms?|opportunit\w+|light|guidance|basis|implications?|milestone"
    r"|necessity|significance|groundwork|role|power|usefulness)\b"
)
"""The closing sentence that tells what the work is good for."""
_PRAISE_COST, _OUTLOOK_COST = 0.2, 0.4
_UNLIKELY = 0.05
"""Below this probability of a result, praise does not matter."""
_BESIDE_RESULT = 0.4
"""Share that is left of the cost of outlook beside figures or a comparison."""
_CODE = _any(
    r"https?:|\w@[\w-]{1,64}\.[a-z]|please contact|www\.\w|\blicen[cs]e\b|github\.(?:com|io)|hugging ?face\.co"
    r"|project (?:page|website)|^more details\b",
    r"\brepositor(?:y|ies) (?:here|at|is|are)\b|\bopen-sourced\b|\b(?:is|are) public\b",
    r"\b(?:codes?|data|datasets?|demos?|videos?|models?|weights|checkpoints|resources|implementation|software"
    r"|source|package|tool)\b[^.]{0,60}\b(?:(?:is|are|been|be|made|freely|publicly|openly"
    r"|now) available\b(?! to)"
    r"|released\b|open-sourced)",
    r"\bavailable (?:at:|from|on (?:github|cran)|upon|under|online)\b",
    r"\b(?:publicly|freely) (?:available|released)[.]",
    r"\bwe (?:will |also |have |publicly |fully )*(?:released?|open-?sourced?|ma[dk]e (?:our|the"
    r"|all) (?:\w+ )?(?:code|data|datasets?|models?|weights|benchmark|resources|software|tools?))\b",
)
_CODE_WORDS_TEXT = "http www. git hugging avail releas open public project repositor details make made icen @ contact"
_CODE_WORDS = tuple(_CODE_WORDS_TEXT.split())
"""One of these is in a sentence on code or data; the pattern above is slow."""
_CODE_COST = 5.0
_UNWANTED = (
    (
        _any(
            r"\bwe (?:\w+ly |also |strongly |therefore )?(?:hope|believe|envision|anticipate|expect"
            r"|plan)\b",
            r"^(?:e\.g\.|in (?:the )?future)\b",
        ),
        5.0,
    ),
    (
        _any(
            r"future (?:work|research|directions|studies)|\bfurther research\b|^we discuss\b",
            r"\bpav(?:e|es|ing) the way|\bopens? (?:up )?(?:new|a new|avenues|the door|possibilities)",
            r"\bshed(?:s|ding)? (?:new )?light|\b(?:is|are) (?:also )?discussed\b|\bpromising (?:direction|avenue"
            r"|path)",
        ),
        0.5,
    ),
    (
        _any(
            r"\bvaluable\b|\binsights? (?:into|for|on)\b|\beffectiveness (?:and \w+ )?of (?:our|the|each)\b",
            r"\bprovides? (?:a |an )?(?:\w+ )?(?:foundation|basis|platform|testbed)",
            r"\boffers? a \w+ (?:testbed|platform|foundation|framework)",
        ),
        0.3,
    ),
    (
        _any(
            r"^we (?:also )?(?:conduct|perform|carry out|provide|present) (?:an? )?(?:extensive|comprehensive"
            r"|thorough|detailed"
            r"|systematic|in-depth)? ?(?:\w+ ){0,3}(?:experiments|analys[ei]s|ablations?|evaluations?|studies"
            r"|results)\b[^,:]{0,60}$"
        ),
        1.0,
    ),
    (_any(r"\bwe make (?:\w+ ){0,3}contributions\b"), 0.3),
    (_any(r"^to (?:the best of )?our knowledge\b"), 0.2),
    (_any(r"\bopen-?source project\b|\bcurrently working on\b"), 0.7),
    (_any(r"\?$"), 0.7),
)
_PROBLEM = _any(
    r"\b(?:however|but|yet|although|despite|remains?|lacks?|lacking|limited|limitations?|challeng\w+|difficult"
    r"|problems?)\b",
    r"\b(?:unclear|unknown|fails?|struggles?|suffers?|expensive|costly|scarce|rarely|little|cannot|overlook"
    r"|bottleneck)\b",
    r"\b(?:poorly|hinder\w*|underexplored|crucial|essential|need|question)\b",
)


def announcement(text: str) -> float:
    """Return how much a sentence counts as the announcement of the work, whatever the roles say, from 0 to 1."""
    if _PROPOSING.search(text):
        return 0.5
    return 0.2 if _ANNOUNCING.search(text) else 0.0


@lru_cache(maxsize=128)  # asked several times for a sentence
def result_weight(text: str) -> float:
    """Return how much a sentence counts as a result, whatever the roles say, from 0 to 1."""
    concrete = concreteness(text)
    if concrete == _CONCRETE_CUES[0][1] or _OUTCOME.search(text):
        return 0.5
    if _DISCOVERY.search(text):
        return 0.4
    return 0.2 if concrete == _CONCRETE_CUES[1][1] else 0.15 if concrete else 0.0


def is_set_up(text: str) -> bool:
    """Return True if a sentence tells what was tried and not what came out."""
    if "%" in text or _SET_UP.match(text) is None:
        return False
    return not any(cue.search(text) for cue in (_FINDING, _COMPARISON, _OUTCOME))


@lru_cache(maxsize=128)
def is_outlook(text: str) -> bool:
    """Return True if a sentence praises or promises and names no figure, comparison or outcome."""
    if concreteness(text) >= _CONCRETE_CUES[1][1] or _OUTCOME.search(text):
        return False
    return _PROMISES.search(text) is not None


@lru_cache(maxsize=128)  # asked several times for a sentence
def concreteness(text: str) -> float:
    """Return how concretely a sentence tells a result: with figures, by a comparison, as a finding."""
    return next((worth for cue, worth in _CONCRETE_CUES if cue.search(text)), 0.0)


def names_problem(text: str) -> bool:
    """Return True if a sentence on the background says what is wrong or open."""
    return _PROBLEM.search(text) is not None


def reluctance(text: str, out: float) -> float:
    """Return how much speaks against a sentence: code, hopes, questions, and praise or outlook in place of a result.

    Args:
        text: The sentence.
        out: The probability that it is a result.
    """
    found = sum([price for cue, price in _UNWANTED if cue.search(text)])
    if any(word in text for word in _CODE_WORDS) and _CODE.search(text):
        found += _CODE_COST
    if out < _UNLIKELY:
        return found
    if not concreteness(text) and _PRAISE.search(text):
        found += _PRAISE_COST * out
    if _OUTLOOK.search(text):
        found += _OUTLOOK_COST * out * (1.0 if concreteness(text) < _CONCRETE_CUES[1][1] else _BESIDE_RESULT)
    return found
