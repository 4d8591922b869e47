"""HAL's search as documented at https://api.archives-ouvertes.fr/docs/search (read in November 2026).

What its operators' own client tells besides (https://github.com/CCSDForge/hal-discovery-mcp): a query that cannot be
parsed is answered with status 200 and an `error`; cursors need `docid` in the sort. The dates of a deposit are those of
the sample in https://github.com/CCSDForge/HAL: submitted, then released by the moderators some days later.
"""

import re
from base64 import b64encode
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from tests.sources.documented.service import DocumentedService, Query, Record, RefusedError, Reply, names, single

ROWS, ROWS_MAX = 30, 10_000
PARAMETERS = {"q", "fq", "fl", "rows", "start", "sort", "cursorMark", "wt", "indent"}
MULTI_VALUED = names("""
    abstract_s authFullName_s authIdHal_s domainAllCode_s domain_s en_abstract_s en_subTitle_s en_title_s
    fr_abstract_s fr_title_s instStructName_s keyword_s language_s subTitle_s title_s""")
SINGLE = names("""
    arxivId_s bookTitle_s conferenceTitle_s docType_s docid doiId_s fileMain_s halId_s journalTitle_s label_s
    modifiedDate_s producedDate_s pubmedId_s releasedDate_s submitType_s submittedDate_s uri_s version_i
    modifiedDate_tdate producedDate_tdate releasedDate_tdate submittedDate_tdate producedDateY_i""")
INDEXED_ONLY = frozenset({"text", "title_t", "abstract_t", "keyword_t"})
"""Fields that can be searched in but not returned."""
FIELDS = MULTI_VALUED | SINGLE
TYPES = names("ART COMM POSTER OUV COUV THESE HDR REPORT UNDEFINED LECTURE IMG VIDEO SON MAP SOFTWARE")
_CLAUSE = re.compile(
    r"""\s*(?P<joined>AND\s+|OR\s+)?(?P<not>NOT\s+|-)?(?:(?P<field>\*|\w+):)?
    (?P<value>\[[^\[\]]+\]|"[^"]*"|\([^()]*\)|(?!(?:AND|OR|NOT)\b)[^\s()\[\]":]+)(?=\s|$)""",
    re.VERBOSE,
)
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


@dataclass
class Hal(DocumentedService):
    """The search over its deposits; those that are not released yet are in moderation."""

    deposits: list[Record] = field(default_factory=list)
    marks: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.serve("/search/", self.search)

    def search(self, query: Query) -> Reply:
        """Answer a query."""
        if unknown := query.keys() - PARAMETERS:
            raise _refused(f"unknown parameters {sorted(unknown)}")
        if single(query, "wt", "json") != "json" or not single(query, "q"):
            raise _refused("q is missing, or wt is not of this test")
        found = [one for one in self.deposits if str(one["releasedDate_tdate"]) <= f"{self.clock():%Y-%m-%dT%H:%M:%SZ}"]
        for condition in (*query["q"], *query.get("fq", [])):
            is_met = parse_condition(condition)
            found = [one for one in found if is_met(one)]
        rows = _number(single(query, "rows", str(ROWS)), ROWS_MAX)
        start = _number(single(query, "start", "0"), 10**9)
        order = single(query, "sort", "score desc")
        found = _in_order(found, order)
        total = len(found)
        mark = single(query, "cursorMark")
        if mark:
            if start or "docid" not in order:
                raise _refused("a cursor needs docid in the sort, and no start")
            found = self._behind(found, mark)
        docs = found[start : start + rows]
        selected = _selected(single(query, "fl", "docid,label_s,uri_s"))
        answer: Record = {
            "response": {
                "numFound": total,
                "start": start,
                "maxScore": 1.0,
                "numFoundExact": True,
                "docs": [{name: one[name] for name in selected if name in one} for one in docs],
            }
        }
        return Reply(answer | ({"nextCursorMark": self._mark(docs) if docs else mark} if mark else {}))

    def _behind(self, found: Sequence[Record], mark: str) -> list[Record]:
        if mark == "*":
            return list(found)
        if mark not in self.marks:
            raise _refused("this mark was not given by an earlier answer")
        return [one for one in found if _docid(one) > self.marks[mark]]

    def _mark(self, docs: Sequence[Record]) -> str:
        last = _docid(docs[-1])
        mark = "AoE/+" + b64encode(str(last).encode()).decode()  # real ones have characters that must be encoded
        self.marks[mark] = last
        return mark


def deposit(docid: int, released: str, submitted: str = "", produced: str = "", **fields: object) -> Record:
    """Return a deposit with the documented forms of its dates.

    Times are written `2026-11-23 10:00:00`; `produced` may be a year or a month.
    """
    submitted = submitted or released
    produced = produced or submitted[:10]
    own: Record = {
        "docid": str(docid),
        "halId_s": f"hal-{docid:08}",
        "uri_s": f"https://hal.science/hal-{docid:08}",
        "label_s": f"Someone. Deposit {docid}. &#x27E8;hal-{docid:08}&#x27E9;",
        "docType_s": "ART",
        "version_i": 1,
        "submittedDate_s": submitted,
        "submittedDate_tdate": _instant(submitted),
        "releasedDate_s": released,
        "releasedDate_tdate": _instant(released),
        "producedDate_s": produced,
        "producedDate_tdate": f"{produced}-01-01"[:10] + "T00:00:00Z",
        "producedDateY_i": int(produced[:4]),
    }
    found = {name: value for name, value in (own | fields).items() if value is not None}
    for name, value in found.items():
        assert name in FIELDS, f"{name} is no documented field"
        assert isinstance(value, list) == (name in MULTI_VALUED), f"{name} has another form"
    assert found["docType_s"] in TYPES
    return found


def parse_condition(text: str) -> Callable[[Record], bool]:
    """Return the test of a query in Solr's syntax. Raises RefusedError."""
    tests: list[tuple[bool, Callable[[Record], bool]]] = []
    end = 0
    while text[end:].strip():
        match = _CLAUSE.match(text, end)
        if match is None or (match["joined"] and not tests):
            raise _refused(text)
        end = match.end()
        is_met = _clause(match["field"] or "text", match["value"])
        tests.append(((match["joined"] or "").strip() == "OR", _negated(is_met) if match["not"] else is_met))

    def is_all_met(one: Record) -> bool:
        result = True
        for is_alternative, is_met in tests:
            result = result or is_met(one) if is_alternative else result and is_met(one)
        return result

    return is_all_met


def _negated(is_met: Callable[[Record], bool]) -> Callable[[Record], bool]:
    return lambda one: not is_met(one)


def _clause(name: str, value: str) -> Callable[[Record], bool]:
    if name == value == "*":
        return bool
    if name not in FIELDS | INDEXED_ONLY:
        raise _refused(f"undefined field {name}")
    if value.startswith("["):
        return _in_range(name, value[1:-1])
    if value.startswith("("):
        tests = [_clause(name, part) for part in re.split(r"\s+OR\s+", value[1:-1].strip())]
        return lambda one: any(is_met(one) for is_met in tests)
    wanted = value.strip('"')
    if name in INDEXED_ONLY:
        return lambda one: wanted.casefold() in " ".join(_indexed(one, name)).casefold()
    return lambda one: wanted in _values(one, name)


def _in_range(name: str, limits: str) -> Callable[[Record], bool]:
    match = re.fullmatch(r"(\S+) TO (\S+)", limits)
    if (
        match is None
        or not name.endswith("_tdate")
        or not all(x == "*" or _INSTANT.fullmatch(x) for x in match.groups())
    ):
        raise _refused(f"{name}: [{limits}] is no range of dates")
    low, high = match.groups()
    return lambda one: any((low in ("*",) or low <= at) and (high == "*" or at <= high) for at in _values(one, name))


def _indexed(one: Record, name: str) -> Iterator[str]:
    fields = ("title_s", "abstract_s", "keyword_s", "authFullName_s") if name == "text" else (f"{name[:-2]}_s",)
    for stored in fields:
        yield from _values(one, stored)


def _values(one: Record, name: str) -> list[str]:
    value = one.get(name)
    return [str(item) for item in (value if isinstance(value, list) else [value]) if item is not None]


def _in_order(found: Sequence[Record], order: str) -> list[Record]:
    result = list(found)
    for part in reversed(order.split(",")):
        match = re.fullmatch(r"\s*(\w+) (asc|desc)\s*", part)
        if match is None or match[1] not in SINGLE | {"score"}:
            raise _refused(f"{part} is no field to sort by")
        if match[1] != "score":
            name = match[1]
            result.sort(key=lambda one: str(one.get(name, "")).rjust(30), reverse=match[2] == "desc")
    return result


def _selected(fields: str) -> list[str]:
    selected = fields.split(",")
    if unknown := [name for name in selected if name not in FIELDS]:
        raise _refused(f"undefined fields {unknown}")
    return selected


def _number(text: str, most: int) -> int:
    if not text.isdigit() or int(text) > most:
        raise _refused(f"{text} is no number up to {most}")
    return int(text)


def _docid(one: Record) -> int:
    return int(str(one["docid"]))


def _instant(text: str) -> str:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _refused(why: str) -> RefusedError:
    """Return the answer to what HAL cannot parse; its own message names no reason, this one helps whoever tests."""
    return RefusedError(Reply({"error": {"msg": f"Error. See help : /docs ({why})", "code": 400}}))
