"""Addresses that a redirect must not lead to.

In every notation that some parser accepts.
"""

NAMES = {
    "rebound.example.com": ["127.0.0.1"],
    "metadata.example.com": ["169.254.169.254"],
    "private.example.com": ["10.1.2.3"],
    "half.example.com": ["93.184.216.34", "192.168.1.1"],
    "six.example.com": ["fd00::1"],
    "mapped.example.com": ["::ffff:127.0.0.1"],
    "translated.example.com": ["64:ff9b::7f00:1"],
    "zoned.example.com": ["fe80::1%lo"],
    "nowhere.example.com": ["0.0.0.0"],
    "127.0.0.1.nip.example.com": ["127.0.0.1"],
    "xn--80ak6aa92e.example.com": ["127.0.0.1"],
    "spoofed.example.com.": ["172.20.0.5"],
    "kubernetes.default.svc": ["10.96.0.1"],
}
"""Names as they are out on the internet, whose addresses are in here."""

INWARD: dict[str, list[str]] = {
    "dotted quads": [
        "http://127.0.0.1/", "http://127.0.0.1:80/", "http://127.1.2.3/", "http://127.255.255.254/",
        "http://0.0.0.0/", "http://0.1.2.3/", "http://10.0.0.1/", "http://10.255.255.255/", "http://172.16.0.1/",
        "http://172.31.255.255/", "http://192.168.0.1/", "http://192.168.255.255/",
        "http://169.254.169.254/latest/meta-data/", "http://169.254.170.2/v2/credentials", "http://169.254.0.1/",
        "http://100.64.0.1/", "http://100.100.100.200/latest/meta-data/", "http://100.127.255.255/",
        "http://192.0.0.1/", "http://192.0.0.192/opc/v1/", "http://192.0.2.1/", "http://192.31.196.1/",
        "http://192.52.193.1/", "http://192.88.99.1/", "http://192.175.48.1/", "http://198.18.0.1/",
        "http://198.19.255.255/", "http://198.51.100.1/", "http://203.0.113.1/", "http://224.0.0.1/",
        "http://239.255.255.250/", "http://240.0.0.1/", "http://255.255.255.255/", "https://127.0.0.1/",
        "https://10.0.0.1:443/",
    ],
    "numbers": [
        "http://2130706433/", "http://2852039166/latest/meta-data/", "http://3232235521/", "http://167772161/",
        "http://0/", "http://4294967295/", "http://017700000001/", "http://025177524776/", "http://0x7f000001/",
        "http://0xa9fea9fe/", "http://0x0A000001/", "http://0X7F000001/", "http://127.1/", "http://127.0.1/",
        "http://10.1/", "http://192.168.1/", "http://169.254.43518/", "http://0x7f.1/", "http://0x7f.0x0.0x0.0x1/",
        "http://0xa9.0xfe.0xa9.0xfe/", "http://0177.0.0.1/", "http://0177.0.0.01/", "http://0251.0376.0251.0376/",
        "http://00000177.0.0.1/", "http://127.0.0.001/", "http://127.0x0.0.1/", "http://0177.0x0.0.1/",
        "http://127.0.0.1.1/", "http://256.256.256.256/", "http://383.0.0.1/", "http://4425673729/",
        "http://127..0.1/", "http://.127.0.0.1/", "http://0x/", "http://1.1/",
    ],
    "trailing dots": [
        "http://127.0.0.1./", "http://10.0.0.1./", "http://169.254.169.254./", "http://localhost./",
        "http://2130706433./", "http://127.0.0.1../", "http://localhost../",
    ],
    "IPv6": [
        "http://[::1]/", "http://[::]/", "http://[0:0:0:0:0:0:0:1]/",
        "http://[0000:0000:0000:0000:0000:0000:0000:0001]/", "http://[fe80::1]/", "http://[febf::1]/",
        "http://[fec0::1]/", "http://[fc00::1]/", "http://[fd00:ec2::254]/", "http://[fdff::1]/",
        "http://[ff02::1]/", "http://[ff05::2]/", "http://[100::1]/", "http://[2001:db8::1]/", "http://[3fff::1]/",
        "http://[2001:2::1]/", "http://[2001:10::1]/", "http://[2001:20::1]/", "http://[5f00::1]/",
        "http://[4000::1]/", "http://[2620:4f:8000::1]/",
    ],
    "IPv6 that carries IPv4": [
        "http://[::ffff:127.0.0.1]/", "http://[::ffff:7f00:1]/", "http://[0:0:0:0:0:ffff:7f00:1]/",
        "http://[::ffff:10.0.0.1]/", "http://[::ffff:169.254.169.254]/", "http://[::ffff:a9fe:a9fe]/",
        "http://[::127.0.0.1]/", "http://[::7f00:1]/", "http://[::10.0.0.1]/", "http://[::ffff:0:127.0.0.1]/",
        "http://[64:ff9b::127.0.0.1]/", "http://[64:ff9b::7f00:1]/", "http://[64:ff9b::a9fe:a9fe]/",
        "http://[64:ff9b::10.0.0.1]/", "http://[64:ff9b:1::7f00:1]/", "http://[2002:7f00:1::]/",
        "http://[2002:7f00:0001::1]/", "http://[2002:a9fe:a9fe::1]/", "http://[2002:0a00:0001::1]/",
        "http://[2001:0:7f00:1::1]/", "http://[2001:0000:4136:e378:8000:63bf:80ff:fffe]/",
        "http://[2a00:1::5efe:7f00:1]/", "http://[2a00:1::200:5efe:a00:1]/",
    ],
    "zones": [
        "http://[fe80::1%25eth0]/", "http://[fe80::1%eth0]/", "http://[::1%25lo]/", "http://[::1%lo]/",
        "http://[2a00:1::1%251]/", "http://[fe80::1%252]/",
    ],
    "users": [
        "http://example.com@127.0.0.1/", "http://example.com:80@127.0.0.1/", "http://a:b@10.0.0.1/",
        "http://127.0.0.1@example.com/", "http://example.com%40@127.0.0.1/", "http://example.com%2f@127.0.0.1/",
        "http://@127.0.0.1/", "http://a@b@169.254.169.254/", "http://127.0.0.1\\@example.com/",
    ],
    "other letters": [
        "http://\uff11\uff12\uff17.\uff10.\uff10.\uff11/", "http://\u2460\u2461\u2466.\u24ea.\u24ea.\u2460/",
        "http://127\u30020\u30020\u30021/", "http://127\uff0e0\uff0e0\uff0e1/", "http://127\uff610\uff610\uff611/",
        "http://\u0661\u0662\u0667.0.0.1/", "http://\u24db\u24de\u24d2\u24d0\u24db\u24d7\u24de\u24e2\u24e3/",
        "http://loc\u0430lhost/", "http://\u212bocalhost/", "http://xn--localhost-/", "http://%31%32%37.0.0.1/",
        "http://127%2e0%2e0%2e1/", "http://%6c%6f%63%61%6c%68%6f%73%74/", "http://127.0.0.1%00.example.com/",
        "http://127.0.0.1%20/", "http://127.0.0.1%0d%0a/", "http://loc\u00adalhost/", "http://exa_mple!.com/",
    ],
    "names of this network": [
        "http://localhost/", "http://LOCALHOST/", "http://LocalHost/", "http://api.localhost/",
        "http://localhost.localdomain/", "http://ip6-localhost/", "http://ip6-loopback/", "http://router/",
        "http://metadata/", "http://metadata.google.internal/computeMetadata/v1/",
        "http://kubernetes.default.svc.cluster.local/", "http://printer.local/", "http://router.lan/",
        "http://nas.home/", "http://nas.home.arpa/", "http://wiki.corp/", "http://wiki.intranet/",
        "http://db.private/", "http://hidden.onion/", "http://a.test/", "http://a.invalid/",
        "http://1.0.0.127.in-addr.arpa/",
    ],
    "names that lead inward": [f"http://{name}/" for name in NAMES],
    "ports": [
        "http://example.com:22/", "http://example.com:25/", "http://example.com:6379/", "http://example.com:8080/",
        "http://example.com:11211/", "http://example.com:65535/", "http://example.com:0/",
        "http://example.com:99999/", "http://example.com:\uff12\uff12/", "http://example.com:-80/",
        "https://example.com:2375/",
    ],
    "schemes": [
        "file:///etc/passwd", "FILE:///etc/passwd", "ftp://example.com/", "gopher://127.0.0.1:6379/_INFO",
        "dict://127.0.0.1:11211/stats", "ldap://127.0.0.1/", "jar:http://127.0.0.1!/", "data:text/plain,x",
        "javascript:alert(1)", "mailto:a@example.com", "unix:///var/run/docker.sock", "ws://127.0.0.1/",
        "httpx://example.com/", "//127.0.0.1/", "//[::1]/",
    ],
}  # fmt: skip
"""By kind of trick."""

OUTWARD = (
    "http://example.com/", "https://example.com/", "http://example.com:80/", "https://example.com:443/a?b",
    "http://example.com./", "http://93.184.216.34/", "http://[2606:2800:220:1::1]/",
    "http://[64:ff9b::93.184.216.34]/", "http://xn--bcher-kva.example.com/", "http://b\u00fccher.example.com/",
    "http://8.8.8.8.example.com/", "http://a-b.c--d.example.com/", "http://1e100.net/", "http://172.15.255.255/",
    "http://172.32.0.1/", "http://100.128.0.1/", "http://198.20.0.1/", "http://11.0.0.1/",
)  # fmt: skip
"""Where a redirect may lead."""
