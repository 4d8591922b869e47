"""English function words, which say nothing about the subject of a paper.

Words that may name a subject ("system", "few", "full", "interest") are not in the list.
"""

_ARTICLES_AND_PRONOUNS = """
a an the this that these those such same other another others each every either neither both all any some none no
i me my myself we us our ours ourselves you your yours yourself yourselves he him his himself she her hers herself
it its itself they them their theirs themselves one ones who whom whose which what whatever whoever whichever
someone somebody something anyone anybody anything everyone everybody everything nobody nothing noone
"""
_VERBS = """
am is are was were be been being have has had having do does did doing done can cannot could may might must shall
should will would ought let get gets got become becomes became seem seems seemed
"""
_PREPOSITIONS_AND_CONJUNCTIONS = """
of in on at by for from to into onto upon with within without about above across after against along among amongst
around as before behind below beneath beside besides between beyond despite down during except inside like near off
out outside over past per since than through throughout till toward towards under until up via
and or but nor so yet if unless whether while whereas because although though when whenever where wherever how
however therefore thus hence thereby therein whereby wherein moreover furthermore nevertheless otherwise
"""
_ADVERBS = """
not only also too very much many more most less least well even ever never always often sometimes still just already
again almost quite rather enough else here there then now once perhaps indeed namely together why
s t d m ll re ve don doesn didn isn aren wasn weren couldn wouldn shouldn hasn haven etc eg ie
"""

STOP_WORDS = frozenset(" ".join((_ARTICLES_AND_PRONOUNS, _VERBS, _PREPOSITIONS_AND_CONJUNCTIONS, _ADVERBS)).split())
