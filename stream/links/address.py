"""Where a link leads: its parts, and the addresses its name stands for, all of them checked.

What is refused follows the IANA registries of special-purpose addresses (RFC 6890 and its successors), and for ports
the list of the Fetch standard. The connection is made to the addresses found here and the name is not looked up again,
so that a name server cannot give a good address to the check and a bad one to the connection.
"""

from __future__ import annotations

import ipaddress
import re
import socket
import urllib.parse
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from model.errors import LinkError
from stream.links.policy import LinkPolicy

Resolve = Callable[..., list[Any]]
"""`socket.getaddrinfo`, or what stands for it in tests."""

MAX_URL_LENGTH = 8192  # signed addresses of media servers have some thousand characters
MAX_ADDRESSES = 16  # of one name; more are an attempt at something
DEFAULT_PORTS = {"http": 80, "https": 443}

# https://fetch.spec.whatwg.org/#port-blocking: services that could take a request for something said to them.
# fmt: off
_PORTS_OF_OTHERS = frozenset({
    0, 1, 7, 9, 11, 13, 15, 17, 19, 20, 21, 22, 23, 25, 37, 42, 43, 53, 69, 77, 79, 87, 95, 101, 102, 103, 104, 109,
    110, 111, 113, 115, 117, 119, 123, 135, 137, 139, 143, 161, 179, 389, 427, 465, 512, 513, 514, 515, 526, 530,
    531, 532, 540, 548, 554, 556, 563, 587, 601, 636, 989, 990, 993, 995, 1719, 1720, 1723, 2049, 3659, 4045, 4190,
    5060, 5061, 6000, 6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697, 10080,
})
# fmt: on

# First match counts: the single addresses stand before the networks that --allow-private-links opens.
_NEVER = (
    ("where cloud machines keep their secrets", "169.254.169.254 169.254.170.2 100.100.100.200 192.0.0.192"),
    ("where cloud machines keep their secrets", "168.63.129.16 fd00:ec2::254 fd20:ce::254"),
    ("of the nearest cable only (link-local)", "169.254.0.0/16 fe80::/10 fec0::/10"),
    ("of many machines at once (multicast)", "224.0.0.0/4 ff00::/8"),
    ("of no machine", "0.0.0.0/8 255.255.255.255 ::/128 100::/64"),
    ("for documentation only", "192.0.2.0/24 198.51.100.0/24 203.0.113.0/24 2001:db8::/32 3fff::/20"),
    ("that is reserved", "192.0.0.0/24 192.88.99.0/24 198.18.0.0/15 240.0.0.0/4"),
    ("that stands for an older one (IPv4-mapped)", "::ffff:0:0/96 ::ffff:0:0:0/96"),
    ("of a tunnel (6to4, Teredo and the like)", "2002::/16 2001::/23"),
)
_PRIVATE = (
    ("of this machine", "127.0.0.0/8 ::1"),
    ("of a private network", "10.0.0.0/8 172.16.0.0/12 192.168.0.0/16 100.64.0.0/10 fc00::/7"),
)
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_PUBLIC_IPV6 = ipaddress.IPv6Network("2000::/3")
_ISATAP = (b"\x00\x00\x5e\xfe", b"\x02\x00\x5e\xfe")


@dataclass(frozen=True)
class Address:
    """Where a link leads."""

    url: str
    """As it is asked for: ASCII, without a fragment."""
    scheme: str
    """http or https."""
    host: str
    """The name (IDNA, no dot at the end) or the address, an IPv6 one without brackets."""
    port: int
    target: str
    """Path and query, as they stand in a request."""
    addresses: tuple[str, ...]
    """What the host stands for, all checked. The connection goes to one of these."""


def checked_address(url: str, policy: LinkPolicy, *, resolve: Resolve = socket.getaddrinfo) -> Address:
    """Take a link apart and look its name up. Raises LinkError if it, or any address of its name, is refused."""
    scheme, host, port, target = split_link(url)
    bracketed = f"[{host}]" if ":" in host else host
    plain = f"{scheme}://{bracketed}" + ("" if port == DEFAULT_PORTS[scheme] else f":{port}") + target
    if ":" in host or host.replace(".", "").isdigit():
        addresses: tuple[str, ...] = (host,)
    else:
        addresses = _looked_up(host, port, resolve)
    for address in addresses:
        reason = refusal(address, policy)
        if reason is not None:
            leads = "is" if address == host else "leads to"
            private = not policy.allow_private and refusal(address, LinkPolicy(allow_private=True)) is None
            raise LinkError(
                f"{host} {leads} an address {reason}",
                rule="links lead to public addresses",
                next_step="If you mean it, start genrescope with --allow-private-links" if private else "",
            )
    return Address(plain, scheme, host, port, target, addresses)


def split_link(url: str) -> tuple[str, str, int, str]:
    """Scheme, host (name or canonical address), port, path with query; nothing is looked up.

    Raises LinkError for everything that two programs could read differently: white space and control characters,
    backslashes, names with a password, addresses written in unusual ways.
    """
    url = url.strip(" ")
    if len(url) > MAX_URL_LENGTH:
        raise _refused("this link", f"is {len(url)} characters long", f"a link has at most {MAX_URL_LENGTH}")
    if re.search(r"[\x00-\x1f\x7f-\x9f\\\u2028\u2029\ud800-\udfff]", url):
        raise _refused(shown(url), "holds line breaks, backslashes or the like", "a link is one line of plain text")
    try:
        parts = urllib.parse.urlsplit(url)
        port = parts.port
    except ValueError as error:  # unbalanced brackets, a port that is no number
        raise _refused(shown(url), f"is no link ({error})", "it looks like https://example.com/music.mp3") from None
    scheme = parts.scheme
    if scheme not in DEFAULT_PORTS:
        raise _refused(shown(url), f"is not of the web ({scheme}:)" if scheme else "is no link", "http and https only")
    if "@" in parts.netloc:
        raise _refused(shown(url), "holds a user name or password", "links are asked for without")
    host = _checked_host(parts.hostname or "", url, bracketed="[" in parts.netloc)
    if port is None:
        port = DEFAULT_PORTS[scheme]
    if port in _PORTS_OF_OTHERS:
        raise _refused(shown(url), f"leads to port {port}", "that is not one of web servers")
    target = urllib.parse.quote(parts.path or "/", safe="/%:@!$&'()*+,;=~-._")
    if parts.query:
        target += "?" + urllib.parse.quote(parts.query, safe="/%:@!$&'()*+,;=~-._?[]|{}^`")
    return scheme, host, port, target


def shown(url: str) -> str:
    """A link as it may be shown: without user name, password, query and control characters, and not too long."""
    plain = re.sub(r"[^\x20-\x7e\xa0-\u2027\u202f-\ud7ff]", "?", url.strip())
    plain = re.sub(r"^([A-Za-z][A-Za-z0-9+.-]*:/*)[^/?#]*@", r"\1", plain)
    plain = re.split(r"[?#]", plain, maxsplit=1)[0]
    return (plain if len(plain) <= 120 else plain[:119] + "…") or "this link"


def refusal(address: str, policy: LinkPolicy) -> str | None:
    """Why this IP address is refused, to be read after "an address"; None if it is not."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return "that cannot be read"
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.scope_id is not None:
            return "of the nearest cable only (link-local)"
        if ip in _NAT64:
            # Networks without IPv4 give such addresses to all names that have only IPv4; what counts is inside.
            return refusal(str(ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)), LinkPolicy())
    for networks, allowed in ((_NEVER, False), (_PRIVATE, policy.allow_private)):
        for reason, members in networks:
            if any(_within(ip, network) for network in members.split()):
                return None if allowed else reason
    if isinstance(ip, ipaddress.IPv6Address):
        if ip not in _PUBLIC_IPV6:
            return "that is reserved"
        if ip.packed[8:12] in _ISATAP:
            return "of a tunnel (6to4, Teredo and the like)"
    # What a newer Python knows and the list above does not.
    return None if ip.is_global and not ip.is_multicast else "that is reserved"


def _within(ip: ipaddress.IPv4Address | ipaddress.IPv6Address, network: str) -> bool:
    members = ipaddress.ip_network(network)
    return ip.version == members.version and ip in members


def _looked_up(host: str, port: int, resolve: Resolve) -> tuple[str, ...]:
    try:
        found = resolve(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise LinkError(
            f"{host} cannot be found",
            rule="its name leads to no address",
            next_step="Check the link, or the connection to the internet",
            status=502,
            temporary=True,
        ) from None
    addresses = tuple(dict.fromkeys(str(sockaddr[0]) for _, _, _, _, sockaddr in found))
    if not addresses or len(addresses) > MAX_ADDRESSES:
        raise LinkError(
            f"{host} leads to {len(addresses)} addresses", rule=f"one to {MAX_ADDRESSES} are usual", status=502
        )
    return addresses


def _checked_host(host: str, url: str, *, bracketed: bool) -> str:
    """A name in ASCII, or an address in its one canonical spelling."""
    if bracketed:
        try:
            ip = ipaddress.IPv6Address(host)
        except ValueError:
            raise _refused(shown(url), "holds no address in its brackets", "IPv6 addresses stand there") from None
        if ip.scope_id is not None:
            raise _refused(shown(url), "names a network card (%)", "links lead to public addresses")
        return str(ip)
    try:
        # IDNA first: it turns digits and dots of other scripts into ours.
        name = host.encode("idna").decode("ascii").lower() if host else ""
    except UnicodeError:
        name = ""
    name = name.removesuffix(".")
    labels = name.split(".")
    if len(name) > 253 or not all(re.fullmatch(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?", label) for label in labels):
        raise _refused(
            shown(url), "names no server" if not host else "names a server that cannot be", "as RFC 1123 has it"
        )
    if re.fullmatch(r"[0-9]+|0x[0-9a-f]*", labels[-1]):
        # Programs differ in what they take for an IPv4 address: 2130706433, 0x7f.1 and 0177.0.0.1 are 127.0.0.1.
        try:
            canonical = str(ipaddress.IPv4Address(name))
        except ValueError:
            canonical = ""
        if canonical != host:
            raise _refused(shown(url), "holds an address in an unusual spelling", "four numbers with dots are usual")
    return name


def _refused(link: str, what: str, rule: str) -> LinkError:
    return LinkError(f"{link} {what}", rule=rule, next_step="Check the link")
