"""Build the options of form fields in a language."""

from babel.dates import get_day_names

from digestd.domain.subscriber import WEEKDAYS
from digestd.subscribers.subscriber_record import SIZE_MAX
from digestd.web.pages import Pages, locale_of


def choices(pages: Pages, language: str) -> dict[str, list[tuple[str, str]]]:
    """Return pairs of value and label for hours, weekdays, sizes and languages."""
    known = pages.known_language(language)
    called = get_day_names("wide", "stand-alone", locale_of(known))
    return {
        "hours": [(str(hour), f"{hour:02}:00") for hour in range(24)],
        "weekdays": [(name, called[n].capitalize()) for n, name in enumerate(WEEKDAYS)],
        "sizes": [(str(size), str(size)) for size in range(1, SIZE_MAX + 1)],
        "languages": list(pages.languages),
    }
