"""The sign-up form as it was sent, and the record that it asks for."""

from typing import Annotated, ClassVar

from fastapi import Depends

from digestd.domain.paper import paper_id
from digestd.domain.subscriber import SignUpPreferences
from digestd.errors import BadRecord
from digestd.subscribers.subscriber_record import CheckedRecord, check
from digestd.text.sanitise import clean, shorten
from digestd.web.form_fields import TextForm, read_lines, read_names
from digestd.web.pages import ENGLISH

PAPERS_MAX = 50
"""Example papers that one form may name."""
SIZES = (3, 5, 10, 15, 20, 30)
_ANYONE = "anyone@example.org"
_TIMED = ("hour", "cadence", "weekday", "size")


class SignUpForm(TextForm):
    """The preferences that a sign-up asks for, and interests.

    Fields:
        papers: example papers, separated by white space.
        language: empty for the language of the page.
        chosen_topic: a topic and the one that a hint offered instead, on two lines.
        look_up: not empty if example papers are to be looked up for a preview.
        subject: a trap that only robots fill in.
        stamp: the form timestamp.
    """

    FIELDS: ClassVar = {
        **dict.fromkeys(("email", "topics", "authors", "categories", "papers"), ""),
        **{name: str(value) for name, value in SignUpPreferences().model_dump().items()},
        **dict.fromkeys(("language", "chosen_topic", "look_up", "subject", "stamp"), ""),
    }

    @property
    def is_timed(self) -> bool:
        """Return True if hour, cadence, weekday or size differ from the defaults."""
        return any(self[name] != self.FIELDS[name] for name in _TIMED)

    @property
    def odd_paper(self) -> str:
        """Return the first example paper that names none, shortened for display."""
        return next((shorten(clean(name), 80) for name in self["papers"].split() if not _names_paper(name)), "")

    @property
    def max_papers(self) -> int:
        """Return the chosen size of a digest, or the default if it is no offered one."""
        return int(self["size"] if self["size"] in map(str, SIZES) else self.FIELDS["size"])

    def read(self, language: str = ENGLISH) -> CheckedRecord:
        """Return the record that the form asks for, or its errors by field."""
        given = self.read_preferences(SignUpPreferences.model_fields)
        return self._checked({**given, "email": self["email"], "language": self["language"] or language})

    def read_interests(self) -> CheckedRecord:
        """Return a record of the interests alone, or their errors by field, for a preview."""
        return self._checked({"email": _ANYONE})

    def _checked(self, settings: dict[str, object]) -> CheckedRecord:
        papers = self["papers"].split()
        lists = {
            "topics": read_lines(self["topics"]),
            "authors": read_names(self["authors"]),
            "categories": self["categories"].replace(",", " ").replace(";", " ").split(),
            "likes": papers,
        }
        # an empty list is not given: it must not delete the interests of an address that returns
        checked = check(settings | {name: items for name, items in lists.items() if items})
        errors = {"papers" if name == "likes" else name: error for name, error in checked.errors.items()}
        if len(papers) > PAPERS_MAX:
            errors["papers"] = BadRecord("papers", f"has {len(papers)} entries; at most {PAPERS_MAX} are allowed")
        return CheckedRecord(None if errors else checked.record, errors)


SentSignUp = Annotated[SignUpForm, Depends(SignUpForm.sent)]


def _names_paper(text: str) -> bool:
    try:
        paper_id(text)
    except BadRecord:
        return False
    return True
