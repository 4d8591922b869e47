"""Keep one bad item from spoiling those that are handled together with it."""

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from digestd.errors import DigestdError

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


def by_halves(
    items: Sequence[_Item], work: Callable[[Sequence[_Item]], _Result], refuse: Callable[[_Item, Exception], object]
) -> Iterator[_Result]:
    """Do some work on all items at once, and after an unexpected error on halves of them, to find the bad ones.

    Args:
        items: what to handle; never empty in a call of `work`.
        work: all or nothing for the items it is given, such as one transaction.
        refuse: called with each item for which `work` fails even alone, and the error.

    Yields:
        The results of the calls that succeeded.

    Raises:
        DigestdError: whatever `work` raises of that kind, since its cause is no single item. MemoryError likewise.
    """
    if not items:
        return
    try:
        result = work(items)
    except (DigestdError, MemoryError):
        raise
    except Exception as error:
        if len(items) == 1:
            refuse(items[0], error)
            return
        middle = len(items) // 2
        yield from by_halves(items[:middle], work, refuse)
        yield from by_halves(items[middle:], work, refuse)
        return
    yield result
