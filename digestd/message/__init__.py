"""MIME: the bytes of one mail, ready for SMTP's DATA: no line begins with a dot, so that none needs to be doubled.

A function of its arguments alone: the same mail is the same bytes in every attempt. Written
out directly, for speed and because stdlib's folding breaks what it must not touch (a long
List-Unsubscribe becomes an encoded word) and, before Python 3.11.10, lets an encoded word in a
title become a header (CVE-2024-6923). stdlib's parser is the oracle in the tests.

    headers   RFC 5322, 2047, 2369 and 8058 (lists), 2919 (List-Id), 3834 (Auto-Submitted)
    body      RFC 2046 multipart/alternative, text first; quoted-printable, lines ≤ 76 (RFC 2045)

mime   headers, and the mail around its bodies
body   quoted-printable
"""

from digestd.message.body import SOFT_BREAK, quoted_printable, quoted_printable_fragment
from digestd.message.mime import (
    DigestHeaders,
    Headers,
    Mailbox,
    compose_digest,
    compose_notice,
    dot_stuffed,
    header_text,
)

__all__ = [
    "SOFT_BREAK",
    "DigestHeaders",
    "Headers",
    "Mailbox",
    "compose_digest",
    "compose_notice",
    "dot_stuffed",
    "header_text",
    "quoted_printable",
    "quoted_printable_fragment",
]
