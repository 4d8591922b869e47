"""OpenReview's API 2 as documented at https://docs.openreview.net/reference/api-v2 (its definition of March 2024).

The official client (https://github.com/openreview/openreview-py, July 2026) shows the rest: at most 1,000 notes are
given whatever `limit` is, `count` comes where it is asked for without `offset`, `content.venueid` may name several, and
the authors of some venues are objects. Its issue 3206 (September 2026) lists the fields to sort by. A 429 has the
message in https://github.com/openreview/openreview/issues/437.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from tests.sources.documented.service import DocumentedService, Query, Record, RefusedError, Reply, names, single

LIMIT_MAX = 1_000
PARAMETERS = names("""
    id ids invitation invitations forum replyto number trash paperhash tauthor writer signature transitiveMembers
    signatures original select details invitee mintcdate mintmdate duedate sort limit offset after cache domain
    count stream externalId parentInvitations""")
CONTENT_PARAMETERS = names("""
    title confidence strengths weaknesses decision certifications previous_URL user response submission_id venue
    venueid venue_id presentation_type sessions track authorids""")
SORT_FIELDS = frozenset({"tmdate", "tcdate", "number", "pdate", "id"})
GROUP_PARAMETERS = names("id ids prefix parent member members signature signatory writer limit offset after")
_FIELD = re.compile(r"[\w-]{1,80}")


@dataclass
class Openreview(DocumentedService):
    """Notes and the groups of venues.

    Attributes:
        allowed: requests of a guest in a window of half an hour.
    """

    notes: list[Record] = field(default_factory=list)
    groups: list[Record] = field(default_factory=list)
    allowed: int = 98
    used: list[datetime] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.serve("/notes", self.get_notes)
        self.serve("/groups", self.get_groups)

    def get_notes(self, query: Query) -> Reply:
        """Answer with the notes that a guest may read."""
        self._count()
        _check(query, PARAMETERS | {f"content.{name}" for name in CONTENT_PARAMETERS})
        found = [one for one in self.notes if "everyone" in _texts(one["readers"])]
        if single(query, "trash") != "true":
            found = [one for one in found if "ddate" not in one]
        for name in query.keys() & {f"content.{name}" for name in CONTENT_PARAMETERS}:
            wanted = single(query, name).split(",")
            found = [one for one in found if _content(one, name.removeprefix("content.")) in wanted]
        least = _integer(query, "mintmdate", 0)
        found = _in_order([one for one in found if _stamp(one, "tmdate") >= least], single(query, "sort", "number"))
        total = len(found)
        if after := single(query, "after"):
            found = found[[one["id"] for one in found].index(after) + 1 :]
        offset = _integer(query, "offset", 0)
        limit = min(_integer(query, "limit", LIMIT_MAX), LIMIT_MAX)
        page: Record = {"notes": [_public(one) for one in found[offset : offset + limit]]}
        if single(query, "count") == "true" and "offset" not in query:
            page["count"] = total
        return Reply(page)

    def get_groups(self, query: Query) -> Reply:
        """Answer with a group, or say that there is none."""
        self._count()
        _check(query, GROUP_PARAMETERS)
        wanted = single(query, "id")
        found = [group for group in self.groups if group["id"] == wanted]
        if not found:
            raise _error(404, "NotFoundError", f"Group Not Found: {wanted}")
        return Reply({"groups": found, "count": len(found)})

    def withdraw(self, note_id: str) -> None:
        """Move a submission to the venue id of withdrawn ones, as the venue does when its authors withdraw it."""
        (found,) = [one for one in self.notes if one["id"] == note_id]
        venue = re.sub(r"/Submission$", "", _content(found, "venueid"))
        content = found["content"]
        assert isinstance(content, dict)
        content["venueid"] = {"value": f"{venue}/Withdrawn_Submission"}
        content["venue"] = {"value": "Lakes 2026 Conference Withdrawn Submission"}
        found["tmdate"] = found["mdate"] = milliseconds(self.clock())

    def _count(self) -> None:
        now = self.clock()
        self.used = [at for at in self.used if at > now - timedelta(minutes=30)]
        if len(self.used) >= self.allowed:
            reset = self.used[0] + timedelta(minutes=30)
            seconds = int((reset - now).total_seconds()) + 1
            raise _error(
                429,
                "RateLimitError",
                f"Too many requests: You have made {len(self.used) + 1} requests, surpassing the limit of "
                f"{self.allowed} requests. Please try again in {seconds} seconds",
                {"Retry_After": seconds},
            )
        self.used.append(now)


def note(number: int, venue: str, changed: datetime, content: Record | None = None, **fields: object) -> Record:
    """Return a public submission to a venue.

    `content` replaces fields of it; a field may be the object with `value` and `readers`. None leaves a field out.
    """
    name = f"Nt{number:08}"
    own: Record = {
        "title": f"Ice on lake {number}",
        "abstract": f"We measure the ice of lake {number} each winter.",
        "authors": [f"Ada Lake{number}", "Bo Li"],
        "authorids": [f"~Ada_Lake{number}1", "bo@example.org"],
        "keywords": ["ice", "lakes"],
        "venue": "Lakes 2026",
        "venueid": venue,
        "pdf": f"/pdf/{number:040x}.pdf",
    }
    said = {key: value for key, value in (own | (content or {})).items() if value is not None}
    assert all(_FIELD.fullmatch(key) for key in said)
    at = milliseconds(changed)
    found = {
        "id": name,
        "forum": name,
        "number": number,
        "domain": venue,
        "invitations": [f"{venue}/-/Submission", f"{venue}/-/Edit"],
        "cdate": at - 86_400_000 * 60,
        "tcdate": at - 86_400_000 * 60,
        "odate": at,
        "mdate": at,
        "tmdate": at,
        "readers": ["everyone"],
        "writers": [venue],
        "signatures": [f"{venue}/Submission{number}/Authors"],
        "license": "CC BY 4.0",
        "version": 2,
        "content": {
            key: value if isinstance(value, dict) and "value" in value else {"value": value}
            for key, value in said.items()
        },
    }
    return {key: value for key, value in (found | fields).items() if value is not None}


def venue_group(name: str, **content: str) -> Record:
    """Return the group of a venue of API 2, which is its own domain."""
    return {"id": name, "domain": name, "content": {key: {"value": value} for key, value in content.items()}}


def milliseconds(at: datetime) -> int:
    """Return a time as OpenReview writes it."""
    return int(at.timestamp() * 1_000)


def _public(one: Record) -> Record:
    """Return what everyone may see of a note: fields with readers of their own are left out."""
    content = one["content"]
    assert isinstance(content, dict)
    return one | {
        "content": {key: value for key, value in content.items() if "everyone" in value.get("readers", ["everyone"])}
    }


def _content(one: Record, name: str) -> str:
    content = one["content"]
    assert isinstance(content, dict)
    return str(content.get(name, {}).get("value"))


def _texts(value: object) -> Sequence[object]:
    assert isinstance(value, list)
    return value


def _stamp(one: Record, name: str) -> int:
    return int(str(one.get(name, 0)))


def _in_order(found: Sequence[Record], sort: str) -> list[Record]:
    name, _, direction = sort.partition(":")
    if name not in SORT_FIELDS or direction not in {"", "asc", "desc"}:
        raise _error(400, "EnumError", f"The value {sort} in sort must be one of {', '.join(sorted(SORT_FIELDS))}")
    by_id = sorted(found, key=lambda one: str(one["id"]))
    if name == "id":
        return by_id[:: -1 if direction == "desc" else 1]
    return sorted(by_id, key=lambda one: _stamp(one, name), reverse=direction == "desc")


def _integer(query: Query, name: str, default: int) -> int:
    text = single(query, name, str(default))
    if not text.isdigit():
        raise _error(400, "TypeError", f"{name} must be integer")
    return int(text)


def _check(query: Query, allowed: frozenset[str]) -> None:
    if unknown := sorted(query.keys() - allowed):
        raise _error(400, "AdditionalPropertiesError", f"The property {unknown[0]} must NOT be present")
    if empty := [name for name in query if not single(query, name)]:
        raise _error(400, "MinLengthError", f"{empty[0]} must NOT have fewer than 1 characters")


def _error(status: int, name: str, message: str, headers: Record | None = None) -> RefusedError:
    return RefusedError(
        Reply({"status": status, "name": name, "message": message, "details": {}}, status, headers or {})
    )
