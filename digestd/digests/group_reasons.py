"""Name the group in the reasons of picks that a shared interest or the likes of colleagues decided."""

from collections.abc import Mapping, Sequence, Set

from digestd.domain.digest import Pick, Reason, ReasonKind
from digestd.domain.interest import Kind
from digestd.store.groups import SharedInterest

_KINDS = {
    ReasonKind.AUTHOR: Kind.AUTHOR,
    ReasonKind.TITLE: Kind.TOPIC,
    ReasonKind.TOPIC: Kind.TOPIC,
    ReasonKind.BACKGROUND: Kind.TOPIC,
    ReasonKind.NEAR_TOPIC: Kind.TOPIC,
    ReasonKind.PHRASE: Kind.PHRASE,
    ReasonKind.PASSING: Kind.PHRASE,
    ReasonKind.CATEGORY: Kind.CATEGORY,
}
_WEAK = frozenset({ReasonKind.CO_LIKES, ReasonKind.TREND, ReasonKind.NEW})
"""Reasons that say less than the likes of colleagues."""


def with_groups(
    picks: Sequence[tuple[Pick, ...]],
    owners: Sequence[int],
    shared: Mapping[int, Sequence[SharedInterest]],
    recommended: Mapping[int, Set[int]],
) -> list[tuple[Pick, ...]]:
    """Return the picks of digests with the reasons that come from groups.

    Args:
        owners: The subscriber of each digest.
        shared: The interests that subscribers have by their groups.
        recommended: Row numbers of papers that colleagues liked, by subscriber.
    """
    named = list(picks)
    for i, owner in enumerate(owners):
        theirs, liked = shared.get(owner, ()), recommended.get(owner, frozenset())
        if theirs or liked:
            named[i] = tuple(
                pick._replace(reason=with_group(pick.reason, theirs, pick.paper in liked)) for pick in picks[i]
            )
    return named


def with_group(reason: Reason, shared: Sequence[SharedInterest], is_recommended: bool) -> Reason:
    """Return the reason with the group that follows what it names, or that colleagues liked the paper.

    What a member lent to a list address is not quoted.
    """
    if is_recommended and reason.kind in _WEAK:
        return Reason(ReasonKind.GROUP_LIKES)
    kind, value = _KINDS.get(reason.kind), reason.value.casefold()
    found = next((one for one in shared if (one.interest.kind, one.interest.value.casefold()) == (kind, value)), None)
    if found is None:
        return reason
    words = reason.words if kind is Kind.TOPIC else ()
    return Reason(ReasonKind.GROUP, found.group, () if found.is_lent else (found.interest.value, *words))
