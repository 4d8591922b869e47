"""Compose a sample of mails before a run; do not start if many fail.

Templates are checked when they are loaded, but not with every paper and name that exists. A failure found here costs
no mail an attempt, because nothing has been claimed.
"""

import structlog

from digestd.delivery.composer import Composer
from digestd.domain.delivery import Claim
from digestd.errors import ComposeFailed, Damaged

SAMPLE_SIZE = 20
FAILED_SHARE = 0.05
"""With a larger share of failures, the remaining mails are likely to fail too."""
FAILED_ALWAYS_ALLOWED = 1
"""One failure is that mail's own problem, however small the sample. It is tried and set aside in the end."""
log = structlog.get_logger(__name__)


def check_composing(composer: Composer, sample: list[Claim]) -> None:
    """Compose these mails and discard them. Raises ComposeFailed if too many fail."""
    composer.prepare(sample)
    failed = [reason for claim in sample if (reason := _failure(composer, claim)) is not None]
    if len(failed) > max(FAILED_ALWAYS_ALLOWED, FAILED_SHARE * len(sample)):
        raise ComposeFailed(
            f"{len(failed)} of {len(sample)} sample mails cannot be composed ({failed[0]}), so none are sent; run "
            "`digestd preview EMAIL` to check the templates and fix the error. Sending resumes by itself"
        )


def _failure(composer: Composer, claim: Claim) -> str | None:
    try:
        composer.compose(claim)
    except Exception as error:
        reason = str(error) if isinstance(error, Damaged) else type(error).__name__
        log.error("cannot compose", delivery=claim.key, error=reason)
        return reason
    return None
