"""Where links may lead: the table of what was tried, and what honest links need."""

from __future__ import annotations

import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.errors import LinkError
from stream.links.address import MAX_ADDRESSES, checked_address, refusal, shown, split_link
from stream.links.policy import LinkPolicy
from tests.stream.links.servers import resolver

PUBLIC = LinkPolicy()
PRIVATE = LinkPolicy(allow_private=True)

NAMES = {
    "radio.example": "93.184.216.34",
    "six.example": "2606:2800:220:1:248:1893:25c8:1946",
    "both.example": ("93.184.216.34", "2606:2800:220:1:248:1893:25c8:1946"),
    "nat64.example": "64:ff9b::5db8:d822",
    "localhost": ("127.0.0.1", "::1"),
    "loop.attack": "127.0.0.1",
    "loop6.attack": "::1",
    "any.attack": "0.0.0.0",
    "any6.attack": "::",
    "lan.attack": "192.168.1.1",
    "ten.attack": "10.0.0.1",
    "carrier.attack": "100.64.0.1",
    "ula.attack": "fd12:3456::1",
    "metadata.google.internal": "169.254.169.254",
    "metadata6.attack": "fd00:ec2::254",
    "mapped.attack": "::ffff:127.0.0.1",
    "nat64.attack": "64:ff9b::7f00:1",
    "sixtofour.attack": "2002:7f00:1::",
    "teredo.attack": "2001:0:4136:e378:8000:63bf:80ff:fffe",
    "linklocal.attack": "fe80::1%eth0",
    "half.attack": ("93.184.216.34", "127.0.0.1"),
    "half6.attack": ("2606:2800:220:1:248:1893:25c8:1946", "::1"),
}


def check(url: str, policy: LinkPolicy = PUBLIC) -> tuple[str, ...]:
    return checked_address(url, policy, resolve=resolver(NAMES)).addresses


# What it is, and a part of what is said of it.
ATTACKS = [
    # This machine, spelled in many ways
    ("http://127.0.0.1/", "of this machine"),
    ("http://127.8.9.10:8050/", "of this machine"),
    ("http://127.1/", "unusual spelling"),
    ("http://127.0.1/", "unusual spelling"),
    ("http://2130706433/", "unusual spelling"),
    ("http://0x7f000001/", "unusual spelling"),
    ("http://0x7f.1/", "unusual spelling"),
    ("http://0177.0.0.1/", "unusual spelling"),
    ("http://00000177.0.0.1/", "unusual spelling"),
    ("http://127.0.0.01/", "unusual spelling"),
    ("http://127.0.0.0x1/", "unusual spelling"),
    ("http://127.0.0.1./", "unusual spelling"),
    ("http://017700000001/", "unusual spelling"),
    ("http://4294967297/", "unusual spelling"),
    ("http://256.256.256.256/", "unusual spelling"),
    ("http://1.2.3.4.5/", "unusual spelling"),
    ("http://①②⑦.⓪.⓪.①/", "unusual spelling"),
    ("http://127。0。0。1/", "unusual spelling"),
    ("http://\uff11\uff12\uff17.0.0.1/", "unusual spelling"),
    ("http://0/", "unusual spelling"),
    ("http://0.0.0.0:8050/", "of no machine"),
    ("http://[::1]/", "of this machine"),
    ("http://[0:0:0:0:0:0:0:1]/", "of this machine"),
    ("http://[::]/", "of no machine"),
    ("http://[::127.0.0.1]/", "reserved"),
    ("http://[::ffff:127.0.0.1]/", "IPv4-mapped"),
    ("http://[::ffff:7f00:1]/", "IPv4-mapped"),
    ("http://[::ffff:0:127.0.0.1]/", "IPv4-mapped"),
    ("http://[64:ff9b::127.0.0.1]/", "of this machine"),
    ("http://[64:ff9b:1::7f00:1]/", "reserved"),
    ("http://[2002:7f00:1::]/", "tunnel"),
    ("http://[2001:0:4136:e378:8000:63bf:80ff:fffe]/", "tunnel"),
    ("http://[2606:2800::5efe:7f00:1]/", "tunnel"),
    ("http://[fe80::1%25eth0]/", "network card"),
    ("http://[fe80::1%eth0]/", "network card"),
    ("http://[::1%lo]/", "network card"),
    ("http://127.0.0.1%00.example.com/", "cannot be"),
    ("http://%31%32%37.0.0.1/", "cannot be"),
    ("http://[127.0.0.1]/", "is no link|no address"),
    ("http://[v1.fe80]/", "is no link|no address"),
    # Networks around it
    ("http://10.0.0.1/", "private network"),
    ("http://172.16.0.1/", "private network"),
    ("http://172.31.255.255/", "private network"),
    ("http://192.168.1.1/", "private network"),
    ("http://100.64.0.1/", "private network"),
    ("http://[fd12:3456::1]/", "private network"),
    ("http://[fc00::1]/", "private network"),
    ("http://[fe80::1]/", "link-local"),
    ("http://[fec0::1]/", "link-local"),
    ("http://[64:ff9b::192.168.1.1]/", "private network"),
    # Secrets of cloud machines
    ("http://169.254.169.254/latest/meta-data/", "secrets"),
    ("http://169.254.170.2/v2/credentials", "secrets"),
    ("http://[fd00:ec2::254]/latest/meta-data/", "secrets"),
    ("http://100.100.100.200/latest/meta-data/", "secrets"),
    ("http://192.0.0.192/opc/v2/", "secrets"),
    ("http://168.63.129.16/machine", "secrets"),
    ("http://[::ffff:169.254.169.254]/", "IPv4-mapped"),
    ("http://2852039166/latest/meta-data/", "unusual spelling"),
    ("http://metadata.google.internal/computeMetadata/v1/", "secrets"),
    ("http://metadata6.attack/", "secrets"),
    # Addresses of nobody in particular
    ("http://169.254.1.1/", "link-local"),
    ("http://224.0.0.1/", "multicast"),
    ("http://[ff02::1]/", "multicast"),
    ("http://[ff0e::1]/", "multicast"),
    ("http://255.255.255.255/", "of no machine"),
    ("http://240.0.0.1/", "reserved"),
    ("http://192.0.0.1/", "reserved"),
    ("http://198.18.0.1/", "reserved"),
    ("http://192.0.2.1/", "documentation"),
    ("http://[2001:db8::1]/", "documentation"),
    ("http://[3fff::1]/", "documentation"),
    ("http://[100::1]/", "of no machine"),
    ("http://[5f00::1]/", "reserved"),
    # Names that lead to such addresses
    ("http://localhost/", "of this machine"),
    ("http://LOCALHOST./", "of this machine"),
    ("http://loop.attack/", "of this machine"),
    ("http://loop6.attack/", "of this machine"),
    ("http://any.attack/", "of no machine"),
    ("http://any6.attack/", "of no machine"),
    ("http://lan.attack/", "private network"),
    ("http://ten.attack/", "private network"),
    ("http://carrier.attack/", "private network"),
    ("http://ula.attack/", "private network"),
    ("http://mapped.attack/", "IPv4-mapped"),
    ("http://nat64.attack/", "of this machine"),
    ("http://sixtofour.attack/", "tunnel"),
    ("http://teredo.attack/", "tunnel"),
    ("http://linklocal.attack/", "link-local"),
    ("http://half.attack/", "of this machine"),
    ("http://half6.attack/", "of this machine"),
    # Other protocols
    ("file:///etc/passwd", "not of the web"),
    ("FILE:///etc/passwd", "not of the web"),
    ("ftp://radio.example/a.mp3", "not of the web"),
    ("gopher://127.0.0.1:6379/_FLUSHALL", "not of the web"),
    ("dict://127.0.0.1:11211/stats", "not of the web"),
    ("data:audio/mpeg;base64,AAAA", "not of the web"),
    ("concat:/etc/passwd|/etc/group", "not of the web"),
    ("rtmp://radio.example/live", "not of the web"),
    ("javascript:alert(1)", "not of the web"),
    ("jar:http://radio.example/a!/b", "not of the web"),
    ("view-source:http://127.0.0.1/", "not of the web"),
    ("/etc/passwd", "is no link"),
    ("//127.0.0.1/", "is no link"),
    ("", "is no link"),
    # Links that two programs read differently
    ("http://radio.example@127.0.0.1/", "user name"),
    ("http://127.0.0.1@radio.example/", "user name"),
    ("http://user:secret@radio.example/", "user name"),
    ("http://@radio.example/", "user name"),
    ("http://radio.example\\@127.0.0.1/", "backslashes"),
    ("http:\\\\127.0.0.1\\", "backslashes"),
    ("http://radio.example\r\nHost: 127.0.0.1/", "line breaks"),
    ("http://radio.example/\r\nX: y", "line breaks"),
    ("http://ra\tdio.example/", "line breaks"),
    ("http://radio.example/\x00", "line breaks"),
    ("http://radio.example /", "cannot be"),
    ("http:///radio.example/", "names no server"),
    ("http:127.0.0.1/", "names no server"),
    ("http://.radio.example/", "cannot be"),
    ("http://radio..example/", "cannot be"),
    ("http://-radio.example/", "cannot be"),
    ("http://" + "a" * 64 + ".example/", "cannot be"),
    ("http://" + "a." * 130 + "example/", "cannot be"),
    ("http://radio.example:99999/", "is no link"),
    ("http://radio.example:-1/", "is no link"),
    ("http://radio.example:8o/", "is no link"),
    ("http://[::1/", "is no link"),
    ("http://radio.example/" + "a" * 9000, "characters long"),
    # Services that are no web servers
    ("http://radio.example:22/", "port 22"),
    ("http://radio.example:25/", "port 25"),
    ("http://radio.example:0/", "port 0"),
    ("https://radio.example:6667/", "port 6667"),
]


@pytest.mark.parametrize(("url", "says"), ATTACKS)
def test_a_link_to_what_is_not_public_is_refused_and_it_is_said_why(url: str, says: str) -> None:
    with pytest.raises(LinkError, match=says) as caught:
        check(url)
    assert caught.value.status == 422 and not caught.value.temporary
    assert "\n" not in str(caught.value) and "\r" not in str(caught.value)


NEVER_ALLOWED = [(url, says) for url, says in ATTACKS if says not in ("of this machine", "private network")]


@pytest.mark.parametrize(("url", "says"), NEVER_ALLOWED)
def test_private_links_being_allowed_opens_nothing_but_this_machine_and_private_networks(url: str, says: str) -> None:
    with pytest.raises(LinkError, match=says):
        check(url, PRIVATE)


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:8050/",
        "http://localhost/",
        "http://[::1]:8000/",
        "http://192.168.1.1/",
        "http://ten.attack/",
        "http://[fd12:3456::1]/",
        "http://100.64.0.1/",
    ],
)
def test_private_addresses_are_allowed_where_the_policy_says_so_and_refused_with_that_advice(url: str) -> None:
    assert check(url, PRIVATE)
    with pytest.raises(LinkError, match="--allow-private-links"):
        check(url)


def test_translated_addresses_of_private_networks_are_refused_even_where_private_ones_are_allowed() -> None:
    for url in ("http://[64:ff9b::127.0.0.1]/", "http://nat64.attack/", "http://[64:ff9b::10.0.0.1]/"):
        with pytest.raises(LinkError):
            check(url, PRIVATE)


def test_metadata_addresses_are_not_said_to_be_a_matter_of_an_option() -> None:
    with pytest.raises(LinkError) as caught:
        check("http://169.254.169.254/")
    assert "--allow-private-links" not in str(caught.value)


def test_honest_links_come_through_with_every_address_their_name_has() -> None:
    assert check("http://radio.example:8000/live.mp3") == ("93.184.216.34",)
    assert check("https://both.example/") == NAMES["both.example"]
    assert check("https://nat64.example/") == ("64:ff9b::5db8:d822",)
    assert check("http://8.8.8.8/") == ("8.8.8.8",)
    assert check("http://[2606:2800:220:1:248:1893:25c8:1946]/") == (NAMES["six.example"],)


def test_a_link_is_taken_apart_into_what_a_request_needs() -> None:
    address = checked_address("HTTPS://Radio.Example:8443/a b/ü.mp3?q=ö&x=%20#here", PUBLIC, resolve=resolver(NAMES))
    assert (address.scheme, address.host, address.port) == ("https", "radio.example", 8443)
    assert address.target == "/a%20b/%C3%BC.mp3?q=%C3%B6&x=%20"
    assert address.url == "https://radio.example:8443/a%20b/%C3%BC.mp3?q=%C3%B6&x=%20"
    six = checked_address("http://[2606:2800:220:1:248:1893:25c8:1946]:81/?a", PUBLIC, resolve=resolver({}))
    assert six.url == "http://[2606:2800:220:1:248:1893:25c8:1946]:81/?a"


def test_names_in_other_scripts_are_asked_for_in_ascii() -> None:
    assert split_link("http://bücher.example./")[1] == "xn--bcher-kva.example"


def test_the_name_is_looked_up_once_and_with_its_final_form() -> None:
    asked = []

    def resolve(host: str, port: int, **kind: object) -> list:
        asked.append((host, port, kind))
        return resolver(NAMES)(host, port)

    checked_address("http://RADIO.example.:8000/", PUBLIC, resolve=resolve)
    assert asked == [("radio.example", 8000, {"type": socket.SOCK_STREAM})]
    checked_address("http://8.8.8.8/", PUBLIC, resolve=resolve)
    assert len(asked) == 1  # an address is no name


def test_a_name_without_an_address_is_not_found_and_may_be_later() -> None:
    with pytest.raises(LinkError, match="cannot be found") as caught:
        check("http://nowhere.example/")
    assert caught.value.temporary


def test_a_name_with_very_many_addresses_is_refused() -> None:
    many = tuple(f"93.184.216.{number}" for number in range(MAX_ADDRESSES + 1))
    with pytest.raises(LinkError, match="17 addresses"):
        checked_address("http://many.example/", PUBLIC, resolve=resolver({"many.example": many}))
    with pytest.raises(LinkError, match="0 addresses"):
        checked_address("http://none.example/", PUBLIC, resolve=lambda *_, **__: [])


@pytest.mark.parametrize("answer", ["nonsense", "127.1", "", "::1%lo"])
def test_an_answer_of_the_name_server_that_is_no_address_is_refused(answer: str) -> None:
    assert refusal(answer, PRIVATE) is not None


def test_what_is_shown_of_a_link_holds_no_secrets_and_no_line_breaks() -> None:
    assert shown("http://user:secret@radio.example/a?token=secret#x") == "http://radio.example/a"
    assert "\n" not in shown("http://radio.example/\nSet-Cookie: a")
    assert len(shown("http://radio.example/" + "a" * 5000)) <= 120
    with pytest.raises(LinkError) as caught:
        check("http://user:secret@radio.example/")
    assert "secret" not in str(caught.value)


@given(st.ip_addresses())
def test_whatever_is_let_through_is_public_by_python_s_own_judgement_too(ip: object) -> None:
    if refusal(str(ip), PUBLIC) is None:
        assert ip.is_global or str(ip).startswith("64:ff9b::")  # type: ignore[attr-defined]
        assert not ip.is_multicast  # type: ignore[attr-defined]
        assert not ip.is_private or str(ip).startswith("64:ff9b::")  # type: ignore[attr-defined]


@given(st.text(max_size=60))
def test_no_text_makes_it_fail_in_another_way_than_by_saying_so(text: str) -> None:
    for url in (text, f"http://{text}/", f"http://radio.example{text}", f"http://[{text}]/"):
        try:
            scheme, host, port, target = split_link(url)
        except LinkError:
            continue
        assert scheme in ("http", "https") and 0 < port < 65536
        assert f"{scheme}{host}{target}".isascii() and target.startswith("/")
        assert not set("\r\n\t \\@") & set(host) and not set("\r\n\t \\") & set(target)
