"""Measure the cost to assemble and encode a digest of 15 papers.

    python -m tests.bench.composing [--mails N]

Prints microseconds of CPU per mail: `warm` with rendered fragments in the cache, `cold` without. `ratio` is cold to
warm, `to_hash` is warm to the sha256 of the same mail.
"""

import argparse
import gc
import hashlib
import json
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeVar

from digestd.domain.digest import Reason, ReasonKind
from digestd.mail.content import DigestContent, DigestItem, Rendered
from digestd.mail.digest import assemble_digest
from digestd.mail.mime import compose_digest
from digestd.mail.paper_view import PaperView
from digestd.mail.templates import Templates
from digestd.resources import templates
from tests import golden

T = TypeVar("T")
PAPERS, PICKS, ROUNDS, COLD = 500, 15, 5, 50


def main() -> None:
    """Print the report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mails", type=int, default=800)
    contents = digests(parser.parse_args().mails, random.Random(1))
    made = Templates.of(templates())
    mails = [compose(made, content) for content in contents]
    gc.collect()
    gc.freeze()
    warm = spent(contents, lambda content: compose(made, content))
    hashed = spent(mails, lambda mail: hashlib.sha256(mail).digest())
    cold = spent(
        [replace(content, items=copied(content)) for content in contents[:COLD]], lambda c: compose(made, c), 1
    )
    report = {"warm_us": warm, "cold_us": cold, "ratio": cold / warm, "to_hash": warm / hashed}
    print(json.dumps({name: round(figure, 2) for name, figure in report.items()}))


def digests(count: int, rng: random.Random) -> list[DigestContent]:
    """Return digests of the same papers for different readers."""
    words = [f"{word}{n}" for n in range(100) for word in ("graph", "neural", "protein", "galaxy")]
    entries = [paper(words, n, rng) for n in range(PAPERS)]
    reasons = [Reason(ReasonKind.TOPIC, word, (word,)) for word in words[:60]]
    return [
        replace(
            golden.digest("personal"),
            subscriber_name=f"Reader {n}",
            items=tuple(DigestItem(entry, rng.choice(reasons)) for entry in rng.sample(entries, PICKS)),
            links=replace(
                golden.LINKS, tokens=tuple(f"{rng.getrandbits(160):040x}" for _ in range(PICKS)), replies=True
            ),
        )
        for n in range(count)
    ]


def paper(words: Sequence[str], n: int, rng: random.Random) -> PaperView:
    """Return a paper of random words."""
    return golden.paper(
        title=" ".join(rng.choices(words, k=9)),
        abstract=" ".join(rng.choices(words, k=90)),
        authors=tuple(rng.choices(words, k=5)),
        categories=("cs.LG",),
        url=f"https://example.org/abs/{n}",
        links={"pdf": f"https://example.org/pdf/{n}"},
    )


def copied(content: DigestContent) -> tuple[DigestItem, ...]:
    """Return the same items with papers that are in no cache."""
    return tuple(
        item._replace(paper=golden.paper(item.paper.title, item.paper.abstract, item.paper.authors, url=item.paper.url))
        for item in content.items
    )


def compose(made: Templates, content: DigestContent) -> bytes:
    """Return the encoded mail."""
    digest = assemble_digest(made, content)
    headers = golden.digest_headers(Rendered(digest.subject, "", ""))
    return compose_digest(headers, digest.text.encoded, digest.html.encoded)


def spent(values: Sequence[T], work: Callable[[T], object], rounds: int = ROUNDS) -> float:
    """Return the least CPU time of several rounds, in microseconds per value."""
    best = float("inf")
    for _ in range(rounds):
        began = time.process_time()
        for value in values:
            work(value)
        best = min(best, time.process_time() - began)
    return best / len(values) * 1e6


if __name__ == "__main__":
    main()
