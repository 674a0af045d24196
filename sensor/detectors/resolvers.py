"""Public resolvers that answer over HTTPS or TLS: whoever asks them hides its names. No detector."""

HOSTS = frozenset(
    {
        "cloudflare-dns.com", "mozilla.cloudflare-dns.com", "chrome.cloudflare-dns.com", "one.one.one.one",
        "security.cloudflare-dns.com", "family.cloudflare-dns.com", "1dot1dot1dot1.cloudflare-dns.com", "dns.google",
        "dns.google.com", "dns64.dns.google", "dns.quad9.net", "dns9.quad9.net", "dns10.quad9.net", "dns11.quad9.net",
        "doh.opendns.com", "doh.familyshield.opendns.com", "dns.umbrella.com", "doh.cleanbrowsing.org",
        "dns.adguard.com", "dns.adguard-dns.com", "dns-family.adguard.com", "unfiltered.adguard-dns.com",
        "dns.nextdns.io", "firefox.dns.nextdns.io", "chromium.dns.nextdns.io", "doh.xfinity.com", "dns.alidns.com",
        "doh.pub", "dot.pub", "doh.360.cn", "dns.controld.com", "freedns.controld.com", "doh.mullvad.net",
        "dns.mullvad.net", "base.dns.mullvad.net", "adblock.dns.mullvad.net", "doh.libredns.gr",
        "dns.digitale-gesellschaft.ch",
        "doh.appliedprivacy.net", "dnsforge.de", "dns.switch.ch", "doh.dns.sb", "dot.sb", "ordns.he.net", "dns0.eu",
        "doh.apple.com", "odoh.cloudflare-dns.com", "doh.cox.net", "resolver.dnscrypt.info",
    }
)  # fmt: skip
"""Names of the operators' own documentation and of Firefox', Chrome's and Windows' lists of resolvers (2024)."""

ADDRESSES = frozenset(
    {
        "1.1.1.1", "1.0.0.1", "1.1.1.2", "1.0.0.2", "1.1.1.3", "1.0.0.3", "8.8.8.8", "8.8.4.4", "9.9.9.9",
        "149.112.112.112", "9.9.9.10", "9.9.9.11", "208.67.222.222", "208.67.220.220", "94.140.14.14", "94.140.15.15",
        "45.90.28.0", "45.90.30.0", "185.228.168.9", "185.228.168.168", "223.5.5.5", "223.6.6.6", "76.76.2.0",
        "194.242.2.2", "2606:4700:4700::1111", "2606:4700:4700::1001", "2001:4860:4860::8888", "2001:4860:4860::8844",
        "2620:fe::fe", "2620:fe::9", "2620:119:35::35", "2620:119:53::53", "2a10:50c0::ad1:ff", "2a10:50c0::ad2:ff",
    }
)  # fmt: skip
"""Their addresses, by the same sources."""

DOT_PORT = 853
"""DNS over TLS and over QUIC (RFC 7858 §3.1, RFC 9250 §4.1.1)."""


def is_resolver(name: str | None) -> bool:
    """Tell whether a name is a public resolver's, or below one's (a customer's own name at NextDNS or Control D)."""
    text = (name or "").rstrip(".").lower()
    while text:
        if text in HOSTS:
            return True
        text = text.partition(".")[2]
    return False
