"""Forged tokens: variants of a valid token that must not be accepted."""

import string
from collections.abc import Iterator
from random import Random

ALPHABET = string.ascii_letters + string.digits + "-_"
LOOKALIKES = ("\u0430", "\u212a", "\u017f", "+", "/", "=", "\x00", " ")
"""Similar letters, some with an ASCII lower case, and characters of other encodings."""


def token_variants(made: str, dice: Random) -> Iterator[str]:
    """Yield hundreds of variants: letters replaced, removed, inserted, swapped."""
    alike = {made}
    for forged in _all_variants(made, dice):
        if forged not in alike:
            alike.add(forged)
            yield forged


def changed_as_a_whole(made: str) -> Iterator[str]:
    """Yield the variants with a prefix, a suffix, or another case: few, so never sample them."""
    yield from (made + more for more in ("=", "==", "A", "\n", " ", "%00", made))
    yield from (" " + made, "A" + made, made.lower(), made.upper(), made.swapcase(), made[::-1], "A" * len(made))


def _all_variants(made: str, dice: Random) -> Iterator[str]:
    for at in range(len(made)):
        for letter in (*dice.sample(ALPHABET, 8), *LOOKALIKES):
            yield made[:at] + letter + made[at + 1 :]
        yield made[:at] + made[at + 1 :]
        yield made[:at] + dice.choice(ALPHABET) + made[at:]
        yield made[:at]
        yield made[at + 1 :]
        yield made[:at] + made[at : at + 2][::-1] + made[at + 2 :]
    yield from changed_as_a_whole(made)
    for _ in range(20):
        yield "".join(dice.choices(ALPHABET, k=len(made)))
