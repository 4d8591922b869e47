"""Name the group in the reasons of picks that a shared interest decided."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from digestd.domain.digest import Reason, ReasonKind
from digestd.domain.interest import Kind
from digestd.domain.picks import PickTable
from digestd.store.groups import SharedInterest

_KINDS = {
    ReasonKind.AUTHOR: Kind.AUTHOR,
    ReasonKind.TOPIC: Kind.TOPIC,
    ReasonKind.NEAR_TOPIC: Kind.TOPIC,
    ReasonKind.PHRASE: Kind.PHRASE,
    ReasonKind.CATEGORY: Kind.CATEGORY,
}


def with_groups(table: PickTable, owners: Sequence[int], shared: Mapping[int, Sequence[SharedInterest]]) -> PickTable:
    """Return the picks with the reasons that come from groups.

    Args:
        owners: The subscriber of each digest.
        shared: The interests that subscribers have by their groups.
    """
    reasons, which = list(table.reasons), np.array(table.reason)
    starts, sizes = table.starts.tolist(), table.sizes.tolist()
    for owner, start, size in zip(owners, starts, sizes, strict=True):
        for place in range(start, start + size) if owner in shared else ():
            before = table.reasons[table.reason[place]]
            if (after := with_group(before, shared[owner])) != before:
                which[place] = len(reasons)
                reasons.append(after)
    return replace(table, reason=which, reasons=reasons) if len(reasons) > len(table.reasons) else table


def with_group(reason: Reason, shared: Sequence[SharedInterest]) -> Reason:
    """Return the reason with the group that follows what it names.

    What a member lent to a list address is not quoted.
    """
    kind, value = _KINDS.get(reason.kind), reason.value.casefold()
    found = next((one for one in shared if (one.interest.kind, one.interest.value.casefold()) == (kind, value)), None)
    if found is None:
        return reason
    words = reason.words if reason.kind is ReasonKind.TOPIC else ()
    return Reason(ReasonKind.GROUP, found.group, () if found.is_lent else (found.interest.value, *words))
