"""Detect withdrawn papers in arXiv records.

arXiv has no field for it: a withdrawn paper keeps its record, and its comments or the start of its abstract
say so (https://info.arxiv.org/help/withdraw.html). Only the usual phrases about the paper itself count.
"""

import re

_PAPER = r"(?:paper|article|manuscript|submission|preprint|work|note|letter|report|document)"
_GONE = r"(?:withdrawn|retracted)"
# "withdrawn from the conference": the paper stands.
_HERE = r"(?!\s+(?:from(?!\s+(?:the\s+)?arxiv\b)|at)\b)"
_IS = r"\s+(?:has\s+(?:now\s+)?been|was|is|is\s+now|is\s+being)\s+(?:temporarily\s+)?"
_THIS = rf"this\s+(?:\w+\s+)?{_PAPER}{_IS}{_GONE}{_HERE}"
_AUTHORS = r"(?:the\s+)?authors?\s+(?:has|have)\s+(?:withdrawn|retracted)\s+(?:this|the|their|his|her)\s+"
_ARXIV = rf"{_PAPER}\s+has\s+been\s+(?:withdrawn|removed)\s+by\s+arxiv\b"
_SHORT = (
    rf"(?:(?:the\s+)?{_PAPER}(?:{_IS}|\s+))?{_GONE}"
    r"(?=\s*(?:$|[.,;:!)\]]|(?:due|because|as|by|for|since|until|pending|in\s+order|from\s+(?:the\s+)?arxiv)\b))"
)

_COMMENT_OPENS = re.compile(rf"\W*(?:{_SHORT}|{_AUTHORS})", re.IGNORECASE)
_COMMENT_SAYS = re.compile(rf"\b(?:{_THIS}|{_ARXIV})", re.IGNORECASE)
_ABSTRACT_OPENS = re.compile(
    rf"\W*(?:{_THIS}|{_AUTHORS}|(?:the\s+|this\s+)?{_ARXIV}|{_GONE}\s+by\s+(?:the\s+)?authors?\b|{_PAPER}\s+{_GONE}\b)",
    re.IGNORECASE,
)
_READ = 2_000


def is_withdrawn(comment: str, abstract: str) -> bool:
    """Return True if a text says that this paper was withdrawn.

    It is the comment or the start of the abstract.
    """
    comment, abstract = comment[:_READ], abstract[:_READ]
    text = f"{comment} {abstract[:200]}".lower()
    if "withdrawn" not in text and "retracted" not in text and "by arxiv" not in text:
        return False  # nearly every record: three searches are cheaper than three patterns
    return bool(_COMMENT_OPENS.match(comment) or _COMMENT_SAYS.search(comment) or _ABSTRACT_OPENS.match(abstract))
