"""The canary: some mails are composed before a run begins, so that it ends where many would fail.

Templates are checked when they come into force, but not with every paper and name that there is. What the canary
finds costs no mail a try: nothing was claimed.
"""

import structlog

from digestd.deliver.composer import Composer
from digestd.domain.delivery import Claim
from digestd.errors import Damaged, MailsBroken

SAMPLE = 20
PART = 0.05
"""More than one in twenty: whoever is left would be hurt as well."""
ALONE = 1
"""So many are that mail's own problem, however few there are: it is tried, and set aside in the end."""
log = structlog.get_logger(__name__)


def check_composing(composer: Composer, sample: list[Claim]) -> None:
    """Compose these and forget them. Raises MailsBroken where too many cannot be."""
    composer.prepare(sample)
    failed = [why for claim in sample if (why := _failure(composer, claim)) is not None]
    if len(failed) > max(ALONE, PART * len(sample)):
        raise MailsBroken(
            f"of {len(sample)} mails composed to see whether they can be, {len(failed)} could not ({failed[0]}), so "
            "none is sent; mend that, then it goes on by itself: `digestd preview EMAIL` says if it is the templates"
        )


def _failure(composer: Composer, claim: Claim) -> str | None:
    try:
        composer.compose(claim)
    except Exception as error:
        why = str(error) if isinstance(error, Damaged) else type(error).__name__
        log.error("cannot compose", delivery=claim.key, error=why)
        return why
    return None
