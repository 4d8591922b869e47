"""Hostile strings by what they attack, each in several encodings."""

from itertools import chain, islice

_ATTACKS = {
    "markup": [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "<svg/onload=alert(1)>",
        "<iframe srcdoc='<script>alert(1)</script>'>",
        "<base href=//evil.example>",
        "<meta http-equiv=refresh content='0;url=//evil.example'>",
        "<link rel=stylesheet href=//evil.example/x.css>",
        "<style>@import '//evil.example'</style>",
        "<form action=//evil.example><button>",
        "<math><mtext><mglyph><style><img src=x onerror=alert(1)>",
        "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
        "<!--><script>alert(1)</script>-->",
        "<!--[if mso]><b>--><![endif]-->",
        "<![CDATA[<script>alert(1)</script>]]>",
        "<plaintext>",
        "<template><table><select><option>",
        '<!DOCTYPE x [<!ENTITY y SYSTEM "file:///etc/passwd">]>&y;',
        "&lt;script&gt;&#60;b&#62;&colon;&NewLine;&nbsp",
    ],
    "attribute": [
        "\" autofocus onfocus=alert(1) x=\"",
        "' onmouseover='alert(1)' style='position:fixed;inset:0",
        "` onclick=alert(1)`",
        "x onpointerenter=alert(1)//",
        "\" style=\"background:url(//evil.example)\" class=\"skip",
    ],
    "address": [
        "<a href='javascript:alert(1)'>x</a>",
        "javascript:alert(1)",
        "java\tscript:alert(1)//https://example.org",
        "data:text/html,<script>alert(1)</script>",
        "vbscript:msgbox(1)",
        "//evil.example/\\@example.org",
        "https://example.org@evil.example/",
        "https://example.org/%0d%0aSet-Cookie:a=b",
        "https://xn--pple-43d.example/\u202e",
    ],
    "style": ["}</style><b>", "expression(alert(1))", "red;background:url(javascript:alert(1))", "\\3c b\\3e"],
    "template": [
        "{{7*7}}",
        "{% raw %}{{ ''.__class__.__mro__[1].__subclasses__() }}",
        "{{ config.items() }}{{ request.application.__globals__ }}",
        "{% include '/etc/passwd' %}{# x",
        "${7*7}#{7*7}<%= 7*7 %>",
        "%(title)s%(num)s%s%n%x %%",
        "{0.__class__}{keys.secret}",
    ],
    "header": [
        "a\r\nBcc: evil@example.net",
        "a\nList-Unsubscribe: <https://evil.example>",
        "a\rX-Evil: 1",
        "a\u0085X-Evil: 1\u2028X-Evil: 2\u2029X-Evil: 3",
        "a\x0bX-Evil: 1\x0cX-Evil: 2\x1cX-Evil: 3",
        "=?utf-8?q?=0D=0ABcc=3A_evil=40example.net?=",
        "=?utf-8?b?DQpCY2M6IGV2aWxAZXhhbXBsZS5uZXQ=?=",
        '"<evil@example.net>" <evil@example.net>, evil@example.org;',
    ],
    "mail": [
        "\r\n.\r\nMAIL FROM:<evil@example.net>\r\n",
        "\n.\n\n..\n. \r.\r",
        "\r\nFrom evil@example.net Tue Nov 24 07:00:00 2026\r\n",
        "\r\n--=_0123456789abcdef0123456789abcdef--\r\n",
        "\r\nContent-Type: text/html\r\n\r\n<b>",
        "=3Cscript=3E=\r\n=0D=0A.=\r\n",
        "begin 644 x.exe",
    ],
    "unseen": [
        "\u202egnp.exe\u2066\u2069\u061c",
        "pay\u200b\u200c\u200d\u2060\ufeffpal\u00ad",
        "\u200e\u200f\u202a\u202b\u202c\u202d",
        "a\x00b\x01c\x08d\x7fe\x9bf",
        "\x1b[2J\x1b]0;owned\x07\x1b[31m",
        "\x9b31m\x9d0;owned\x9c\x90q\x9c",
        "ok\n2026-11-24T07:00:00Z [info] all is well",
        "\ud800\udfff\udc00",
        "\ue000\ue0000\ue001\uf8ff\ufff9x\ufffa",
        "\U000e0041\U000e0042\U000e007f",
    ],
    "size": [
        "x" * 5_000,
        "word " * 1_500,
        "\u65e5\u672c\u8a9e" * 800,
        "e" + "\u0301\u0489\u20dd" * 300,
        "\U0001f468\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466" * 40,
        "\u0645\u0631\u062d\u0628\u0627 \u05e9\u05dc\u05d5\u05dd abc 123",
        "((((((((((" * 60 + "))))))))))" * 60,
        "<" * 900,
    ],
    "statement": [
        "'; DROP TABLE subscriber; --",
        '" OR 1=1 --',
        "\\'); DELETE FROM paper WHERE (1=1",
        "*)(uid=*))(|(uid=*",
        "$ne$where: 1",
    ],
    "file": [
        "../../../../etc/passwd",
        "..%2f..%2fetc%2fpasswd\x00.html",
        "C:\\windows\\win.ini|calc.exe",
        "; rm -rf / #`id`$(id)",
        "=HYPERLINK(\"//evil.example\")",
        "+1+cmd|' /C calc'!A0",
        "@SUM(1+1)*cmd",
    ],
    "reference": [
        "}, author = {Evil}, note = {x",
        "},\n}\n@misc{evil,\n title = {owned}\n}",
        "@string{x = \"y\"} @preamble{\"\\write18{id}\"}",
        "\\input{/etc/passwd}\\immediate\\write18{id}",
        "a and b and {c",
        "x\r\nER  - \r\nTY  - JOUR\r\nTI  - owned",
        '", "items": [], "x": "',
        "\\u0000\\ud800\\\"\\",
        "]]></content><entry><title>owned</title></entry>",
        "%\\%{\\$\\^~_#&}",
    ],
    "look-alike": [
        "\u0430pple p\u0430yp\u0430l \u2044\u2215 \uff1cscript\uff1e",
        "\u0130\u0131\u017f\u212a\ufb03\u00df",
        "\u02bc\u2019\u201d\uff02\uff07 onerror=alert(1)",
    ],
}  # fmt: skip
_DISGUISES = [
    "{}",
    '">{}',
    "'>{}",
    "' x='{}",
    "</title></style></textarea></script>{}",
    "--><!-- {}",
    "]]>{}",
    "\\{}",
    "$\\href{{{}}}{{x}}$",
    "$x < {}$",
    "&lt;{}&#60;",
    "\u0130\u017f\uff1c{}\uff1e",
    "`{}`",
    "{}\u2028{}",
    "  {}\t",
    "a{}" + "\u0301" * 40,
    ".{}\n.\n",
    "https://example.org/{}",
]
_EACH = 6
"""So many disguises each attack is seen in, besides bare; the next attack begins where this one ended."""


def _disguised() -> list[str]:
    attacks, found = list(chain.from_iterable(_ATTACKS.values())), []
    for n, attack in enumerate(attacks):
        turned = _DISGUISES[1:] * 2
        start = n * _EACH % (len(_DISGUISES) - 1)
        found += [disguise.format(attack, attack) for disguise in ("{}", *islice(turned, start, start + _EACH))]
    return found


HOSTILE = _disguised()
STORABLE = [
    "".join(letter for letter in words if letter != "\0" and not "\ud800" <= letter <= "\udfff") for words in HOSTILE
]
"""The same as a database can hold them."""
