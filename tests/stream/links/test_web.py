"""Fetching from servers on this machine, the good ones and those that do what no server should."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from model.errors import LinkError
from stream.links.policy import LinkPolicy
from stream.links.web import Reply, Web, header_text
from tests.stream.links.servers import Asked, LocalServer, Page, Route, redirect, resolver

SHORT = LinkPolicy(allow_private=True, connect_seconds=2.0, read_seconds=0.4, max_fetches=3)
NAMES = {"radio.test": "127.0.0.1", "other.test": "127.0.0.1", "six.test": "::1", "lan.test": "10.0.0.1"}


@pytest.fixture
def server() -> Iterator[LocalServer]:
    with LocalServer() as running:
        yield running


@pytest.fixture
def web() -> Iterator[Web]:
    made = Web(SHORT, resolve=resolver(NAMES))
    yield made
    made.close()


def read_all(reply: Reply) -> bytes:
    pieces = []
    with reply:
        while piece := reply.read(1000):
            pieces.append(piece)
    return b"".join(pieces)


def raw(*pieces: bytes, pause_seconds: float = 0.0, forever: bool = False, hold: bool = False) -> Route:
    """A server that sends these pieces and nothing else; `forever`: the last one again and again, with pauses.

    hold : it then leaves the connection open.
    """

    def route(asked: Asked) -> None:
        for piece in pieces:
            asked.send(piece)
        while forever and asked.send(pieces[-1]) and not asked.closing.wait(pause_seconds):
            pass
        asked.closing.wait(20.0 if hold else 0.0)

    return route


def silent(asked: Asked) -> None:
    asked.closing.wait(20.0)


# ---- what works ------------------------------------------------------------------------------------------------------


def test_a_page_is_read_whole_in_pieces_and_says_how_long_it_is(server: LocalServer, web: Web) -> None:
    server.routes["/a.mp3"] = Page(b"sound" * 1000, "audio/mpeg")
    reply = web.open(server.url("/a.mp3", "radio.test"))
    assert (reply.status, reply.length, reply.headers["content-TYPE"]) == (200, 5000, "audio/mpeg")
    assert reply.url == server.url("/a.mp3", "radio.test")
    assert read_all(reply) == b"sound" * 1000
    assert reply.read(10) == b""


def test_the_name_is_in_the_request_and_the_checked_address_is_what_is_connected_to(server: LocalServer) -> None:
    server.routes["/"] = Page(b"ok")
    looked_up = []

    def resolve(host: str, port: int, **kind: object) -> list:
        looked_up.append(host)
        # A name server that gives another address the second time (DNS rebinding) is not asked a second time.
        return resolver({"radio.test": "127.0.0.1" if len(looked_up) == 1 else "10.255.255.1"})(host, port)

    web = Web(SHORT, resolve=resolve)
    assert read_all(web.open(server.url("/", "radio.test"))) == b"ok"
    assert looked_up == ["radio.test"]
    assert server.asked[0].headers["host"] == f"radio.test:{server.port}"


def test_no_name_is_looked_up_but_through_the_check(
    server: LocalServer, web: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.routes["/"] = Page(b"ok")

    def refuse(*_: object, **__: object) -> list:
        raise AssertionError("a second look-up")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(socket, "gethostbyname", refuse)
    assert read_all(web.open(server.url("/", "radio.test"))) == b"ok"


def test_the_next_address_is_tried_where_one_does_not_answer(server: LocalServer) -> None:
    server.routes["/"] = Page(b"ok")
    web = Web(SHORT, resolve=resolver({"two.test": ("127.0.0.2", "127.0.0.1")}))  # nobody listens at the first
    assert read_all(web.open(server.url("/", "two.test"))) == b"ok"


def test_servers_with_ipv6_addresses_are_reached() -> None:
    try:
        server = LocalServer({"/": Page(b"six")}, host="::1")
    except OSError:
        pytest.skip("this machine has no IPv6")
    with server:
        web = Web(SHORT, resolve=resolver(NAMES))
        assert read_all(web.open(server.url("/", "six.test"))) == b"six"
        assert read_all(web.open(server.url("/", "[::1]"))) == b"six"
        assert server.asked[1].headers["host"] == f"[::1]:{server.port}"


def test_old_shoutcast_servers_that_answer_icy_are_understood(server: LocalServer, web: Web) -> None:
    server.routes["/"] = raw(b"ICY 200 OK\r\nicy-name:Caf\xc3\xa9\r\nicy-metaint:16000\r\n\r\n", b"\xff\xfbsound")
    with web.open(server.url("/"), headers={"Icy-MetaData": "1"}) as reply:
        assert (reply.status, reply.length, reply.headers["Icy-MetaInt"]) == (200, None, "16000")
        assert header_text(reply.headers["icy-name"]) == "Café"
        assert reply.read(100) == b"\xff\xfbsound"
    assert server.asked[0].headers["icy-metadata"] == "1"


def test_chunked_bodies_are_joined(server: LocalServer, web: Web) -> None:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    server.routes["/"] = raw(head, b"5\r\nhello\r\n6;x=y\r\n world\r\n0\r\nTrailer: a\r\n\r\n")
    reply = web.open(server.url("/"))
    assert reply.length is None
    assert read_all(reply) == b"hello world"


def test_what_there_is_comes_at_once_and_is_not_waited_for_to_be_more(server: LocalServer, web: Web) -> None:
    server.routes["/"] = raw(Page(with_length=False).head(), b"first", hold=True)
    with web.open(server.url("/")) as reply:
        assert reply.read(100_000) == b"first"


def test_redirects_are_followed_and_the_way_is_told(server: LocalServer, web: Web) -> None:
    server.routes |= {
        "/a": redirect("/b?x=1", "301 Moved"),
        "/b": redirect("c", "307 Temporary"),
        "/c": redirect(server.url("/d", "other.test"), "303 See Other"),
        "/d": Page(b"here"),
    }
    reply = web.open(server.url("/a", "radio.test"), headers={"Authorization": "Bearer x", "Cookie": "y", "A": "b"})
    assert read_all(reply) == b"here"
    assert reply.url == server.url("/d", "other.test") and len(reply.hops) == 4
    assert not reply.downgraded
    assert [("authorization" in asked.headers, asked.headers.get("a")) for asked in server.asked] == [
        (True, "b"),
        (True, "b"),
        (True, "b"),
        (False, "b"),  # another server
    ]
    assert "cookie" not in server.asked[-1].headers


def test_a_body_is_sent_and_forgotten_where_the_answer_is_elsewhere(server: LocalServer, web: Web) -> None:
    server.routes |= {"/form": redirect("/result", "303 See Other"), "/result": Page(b"done"), "/post": Page(b"ok")}
    assert web.request("POST", server.url("/post"), body=b"a=b").read(9) == b"ok"
    assert web.request("POST", server.url("/form"), body=b"a=b", headers={"Content-Type": "x/y"}).read(9) == b"done"
    assert [(asked.method, asked.body) for asked in server.asked] == [
        ("POST", b"a=b"),
        ("POST", b"a=b"),
        ("GET", b""),
    ]


# ---- nothing of the environment --------------------------------------------------------------------------------------


def test_proxies_password_files_and_cookies_of_the_environment_are_ignored(
    server: LocalServer, web: Web, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1/")
    (tmp_path / ".netrc").write_text("machine radio.test login me password secret\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    server.routes["/"] = Page(b"ok", headers=(("Set-Cookie", "a=b"),))
    for _ in range(2):
        assert read_all(web.open(server.url("/", "radio.test"))) == b"ok"
        assert set(server.asked[-1].headers) == {"host", "user-agent", "accept", "accept-encoding", "connection"}


def test_a_caller_cannot_send_headers_that_belong_to_the_connection(server: LocalServer, web: Web) -> None:
    server.routes["/"] = Page(b"ok")
    bad = {"Host": "evil", "Transfer-Encoding": "chunked", "Content-Length": "5", "Accept-Encoding": "gzip"}
    assert read_all(web.open(server.url("/", "radio.test"), headers=bad)) == b"ok"
    headers = server.asked[0].headers
    assert headers["host"] == f"radio.test:{server.port}" and headers["accept-encoding"] == "identity"
    assert "transfer-encoding" not in headers and "content-length" not in headers
    with pytest.raises(LinkError):
        web.open(server.url("/"), headers={"Referer": "a\r\nX-Smuggled: yes"})
    assert len(server.asked) == 1


# ---- what is refused -------------------------------------------------------------------------------------------------

REDIRECTS = [
    ("http://10.0.0.1/", "private network"),
    ("http://lan.test/", "private network"),
    ("http://127.0.0.1:8050/", "of this machine"),
    ("http://[::1]/", "of this machine"),
    ("http://169.254.169.254/latest/meta-data/", "secrets"),
    ("http://2130706433/", "unusual spelling"),
    ("//169.254.169.254/", "secrets"),
    ("file:///etc/passwd", "not of the web"),
    ("ftp://radio.test/", "not of the web"),
    ("data:audio/mpeg;base64,AAAA", "not of the web"),
    ("gopher://127.0.0.1:6379/_X", "not of the web"),
    ("http://user:pass@radio.test/", "user name"),
    ("http://radio.test:25/", "port 25"),
    ("http://nowhere.test/", "cannot be found"),
    ("http://radio.test\\@127.0.0.1/", "backslashes"),
]


@pytest.mark.parametrize(("location", "says"), REDIRECTS)
def test_redirects_are_checked_like_links(server: LocalServer, location: str, says: str) -> None:
    server.routes["/"] = redirect(location)
    dialled = []

    def dial(sock: socket.socket, where: tuple[str, int]) -> None:
        """The internet: this public address is our server."""
        dialled.append(where)
        sock.connect(("127.0.0.1", server.port))

    web = Web(LinkPolicy(), resolve=resolver(NAMES | {"public.test": "93.184.216.34"}), dial=dial)
    with pytest.raises(LinkError, match=says):
        web.open("http://public.test/")
    assert dialled == [("93.184.216.34", 80)]


def test_redirects_that_lead_on_and_on_are_given_up(server: LocalServer, web: Web) -> None:
    server.routes |= {"/": redirect("/"), "/a": redirect("/b"), "/b": redirect("/a")}
    for path in ("/", "/a"):
        with pytest.raises(LinkError, match="on and on"):
            web.open(server.url(path))
    assert len(server.asked) == 2 * (SHORT.max_redirects + 1)


def test_a_redirect_without_an_aim_is_an_answer_like_others(server: LocalServer, web: Web) -> None:
    server.routes["/"] = Page(status="302 Found")
    with pytest.raises(LinkError, match="answered 302"):
        web.open(server.url("/"))


@pytest.mark.parametrize(("status", "temporary"), [("404 Not Found", False), ("403 No", False), ("503 Busy", True)])
def test_an_answer_that_is_none_says_which_and_whether_trying_again_may_help(
    server: LocalServer, web: Web, status: str, temporary: bool
) -> None:
    server.routes["/"] = Page(b"x" * 100, status=status)
    with pytest.raises(LinkError, match=f"answered {status[:3]}") as caught:
        web.open(server.url("/"))
    assert caught.value.temporary is temporary


@pytest.mark.parametrize("encoding", ["gzip", "br", "deflate", "zstd", "gzip, gzip"])
def test_compressed_answers_are_refused_before_a_byte_of_them_is_read(
    server: LocalServer, web: Web, encoding: str
) -> None:
    import gzip

    server.routes["/bomb"] = Page(gzip.compress(bytes(10_000_000)), headers=(("Content-Encoding", encoding),))
    server.routes["/other"] = raw(f"HTTP/1.1 200 OK\r\nTransfer-Encoding: {encoding}, chunked\r\n\r\n".encode())
    for path in ("/bomb", "/other"):
        with pytest.raises(LinkError, match="compressed"):
            web.open(server.url(path))


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"\r\n\r\n",
        b"hello\r\n",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"+OK redis\r\n",
        b"HTTP/2 200 OK\r\n\r\n",
        b"HTTP/1.1 2x0 OK\r\n\r\n",
        b"HTTP/1.1 " + b"9" * 100_000,
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 7\r\n\r\nhello",
        b"\x16\x03\x01\x02\x00",
    ],
)
def test_what_is_no_http_is_refused(server: LocalServer, web: Web, answer: bytes) -> None:
    server.routes["/"] = raw(answer)
    with pytest.raises(LinkError, match=r"no HTTP|broke off|more headers"):
        web.open(server.url("/"))


# ---- what does not end, or too early -------------------------------------------------------------------------------


def test_headers_that_do_not_end_are_given_up_by_their_size(server: LocalServer, web: Web) -> None:
    server.routes |= {
        "/many": raw(b"HTTP/1.1 200 OK\r\n", b"X-A: b\r\n" * 1000, forever=True),
        "/long": raw(b"HTTP/1.1 200 OK\r\nX-A: ", b"b" * 10_000, forever=True),
        "/before": raw(b"HTTP/1.1 100 Continue\r\n\r\n" * 400, forever=True),
    }
    for path in server.routes:
        with pytest.raises(LinkError, match=r"more headers|no HTTP"):
            web.open(server.url(path))


def test_headers_that_come_drop_by_drop_are_given_up_by_their_time(server: LocalServer, web: Web) -> None:
    server.routes["/"] = raw(b"HTTP/1.1 200 OK\r\n", b"A: b\r\n", pause_seconds=0.05, forever=True)
    with pytest.raises(LinkError, match="too long to answer") as caught:
        web.open(server.url("/"))
    assert caught.value.status == 504 and caught.value.temporary


def test_a_server_that_says_nothing_is_given_up(server: LocalServer, web: Web) -> None:
    server.routes["/"] = silent
    with pytest.raises(LinkError, match="too long to answer"):
        web.open(server.url("/"))


def test_slow_redirects_do_not_add_up(server: LocalServer) -> None:
    def slow(asked: Asked) -> None:
        asked.closing.wait(0.3)
        asked.answer(redirect("/"))

    server.routes["/"] = slow
    web = Web(LinkPolicy(allow_private=True, connect_seconds=0.1, read_seconds=0.35, max_redirects=100))
    with pytest.raises(LinkError, match="too long to answer"):
        web.open(server.url("/"))
    assert len(server.asked) <= 4


def test_a_body_that_stops_coming_is_given_up(server: LocalServer, web: Web) -> None:
    server.routes["/"] = raw(Page(bytes(100)).head(), b"some", hold=True)
    server.routes["/chunked"] = raw(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1;", b"x", pause_seconds=0.05, forever=True
    )
    for path, first in (("/", b"some"), ("/chunked", b"")):
        reply = web.open(server.url(path))
        assert not first or reply.read(100) == first
        with pytest.raises(LinkError, match="too long") as caught:
            reply.read(100)
        assert caught.value.temporary


def test_a_deadline_ends_what_goes_on_for_ever(server: LocalServer, web: Web) -> None:
    server.routes["/"] = raw(Page(with_length=False).head(), b"x", pause_seconds=0.02, forever=True)
    reply = web.open(server.url("/"), deadline_seconds=0.3)
    with pytest.raises(LinkError, match="too long"):
        while reply.read(10):
            pass


def test_a_body_that_ends_before_its_promised_length_is_no_whole_one(server: LocalServer, web: Web) -> None:
    server.routes["/short"] = raw(Page(bytes(100)).head() + b"some")
    server.routes["/chunked"] = raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nsome")
    for path in server.routes:
        with pytest.raises(LinkError, match="broke off") as caught:
            read_all(web.open(server.url(path)))
        assert caught.value.temporary


def test_what_comes_after_the_promised_length_is_not_read(server: LocalServer, web: Web) -> None:
    server.routes["/"] = raw(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nsomeHTTP/1.1 200 OK\r\n\r\nsmuggled")
    assert read_all(web.open(server.url("/"))) == b"some"


def test_a_server_that_is_not_there_is_said_so(web: Web) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(LinkError, match="no server at that address"):
        web.open(f"http://127.0.0.1:{port}/")


# ---- from several threads --------------------------------------------------------------------------------------------


def test_closing_ends_a_read_that_waits_in_another_thread(server: LocalServer) -> None:
    server.routes["/"] = raw(Page(with_length=False).head(), b"first", hold=True)
    web = Web(LinkPolicy(allow_private=True, read_seconds=60.0))
    reply = web.open(server.url("/"))
    assert reply.read(10) == b"first"
    ended: list[LinkError] = []
    waiting = threading.Event()

    def read() -> None:
        waiting.set()
        try:
            reply.read(10)
        except LinkError as error:
            ended.append(error)

    thread = threading.Thread(target=read)
    thread.start()
    waiting.wait(10.0)
    reply.close()
    reply.close()
    thread.join(10.0)
    assert not thread.is_alive()
    assert "closed" in str(ended[0])


def test_closing_the_web_ends_what_is_open_and_what_is_being_opened(server: LocalServer) -> None:
    server.routes |= {"/open": raw(Page(with_length=False).head(), b"x", hold=True), "/silent": silent}
    web = Web(LinkPolicy(allow_private=True, read_seconds=60.0))
    reply = web.open(server.url("/open"))
    reply.read(1)
    errors: list[LinkError] = []

    def run(what: Callable[[], object]) -> None:
        try:
            what()
        except LinkError as error:
            errors.append(error)

    threads = [
        threading.Thread(target=run, args=(lambda: reply.read(1),)),
        threading.Thread(target=run, args=(lambda: web.open(server.url("/silent")),)),
    ]
    for thread in threads:
        thread.start()
    while server.connections < 2:
        threading.Event().wait(0.005)
    web.close()
    for thread in threads:
        thread.join(10.0)
    assert len(errors) == 2
    with pytest.raises(LinkError, match="ending"):
        web.open(server.url("/open"))


def test_only_so_many_are_open_at_once_and_each_end_makes_room(server: LocalServer, web: Web) -> None:
    server.routes |= {"/live": raw(Page(with_length=False).head(), b"x", hold=True), "/a": Page(b"ok")}
    held = [web.open(server.url("/live")) for _ in range(SHORT.max_fetches)]
    with pytest.raises(LinkError, match="at most 3 at once") as caught:
        web.open(server.url("/a"))
    assert caught.value.status == 429 and caught.value.temporary
    held[0].close()
    for _ in range(2 * SHORT.max_fetches):  # read to the end, failed, forgotten: all of them make room
        assert read_all(web.open(server.url("/a"))) == b"ok"
        with pytest.raises(LinkError):
            web.open(server.url("/nowhere"))
        with pytest.raises(LinkError):
            web.open("http://radio.test:1/")
        web.open(server.url("/a"))
    for reply in held:
        reply.close()


# ---- encryption ------------------------------------------------------------------------------------------------------


@pytest.fixture
def encrypted(server_tls: ssl.SSLContext) -> Iterator[LocalServer]:
    with LocalServer(tls=server_tls) as server:
        yield server


def test_the_certificate_is_that_of_the_name_though_the_connection_goes_to_the_address(
    encrypted: LocalServer, certificate: tuple[Path, Path]
) -> None:
    names: list[str | None] = []
    assert encrypted.tls is not None
    encrypted.tls.sni_callback = lambda _, name, __: names.append(name)
    encrypted.routes["/"] = Page(b"safe" * 10_000)
    web = Web(SHORT, resolve=resolver(NAMES), tls=ssl.create_default_context(cafile=str(certificate[0])))
    assert read_all(web.open(encrypted.url("/", "radio.test"))) == b"safe" * 10_000
    assert names == ["radio.test"]
    for host in ("other.test", "127.0.0.1"):
        with pytest.raises(LinkError, match="cannot prove who it is"):
            web.open(encrypted.url("/", host))


def test_a_certificate_of_an_unknown_authority_is_refused(encrypted: LocalServer) -> None:
    encrypted.routes["/"] = Page(b"unsafe")
    with pytest.raises(LinkError, match="cannot prove who it is"):
        Web(SHORT, resolve=resolver(NAMES)).open(encrypted.url("/", "radio.test"))
    assert not encrypted.asked


def test_closing_ends_an_encrypted_read_too(encrypted: LocalServer, certificate: tuple[Path, Path]) -> None:
    encrypted.routes["/"] = raw(Page(with_length=False).head(), b"first", hold=True)
    tls = ssl.create_default_context(cafile=str(certificate[0]))
    web = Web(LinkPolicy(allow_private=True, read_seconds=60.0), resolve=resolver(NAMES), tls=tls)
    reply = web.open(encrypted.url("/", "radio.test"))
    assert reply.read(10) == b"first"
    closer = threading.Timer(0.05, reply.close)
    closer.start()
    with pytest.raises(LinkError, match="closed"):
        reply.read(10)
    closer.join()


def test_a_server_that_never_finishes_greeting_is_given_up(server: LocalServer) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:  # accepts, and says nothing
        web = Web(LinkPolicy(allow_private=True, connect_seconds=0.3, read_seconds=5.0))
        with pytest.raises(LinkError, match=r"too long|broke off"):
            web.open(f"https://127.0.0.1:{listener.getsockname()[1]}/")


def test_a_way_from_an_encrypted_address_to_an_open_one_is_followed_and_not_hidden(
    encrypted: LocalServer, server: LocalServer, certificate: tuple[Path, Path]
) -> None:
    server.routes["/"] = Page(b"open")
    encrypted.routes["/"] = redirect(server.url("/", "radio.test"))
    web = Web(SHORT, resolve=resolver(NAMES), tls=ssl.create_default_context(cafile=str(certificate[0])))
    reply = web.open(encrypted.url("/", "radio.test"))
    assert reply.downgraded and reply.url.startswith("http:")
    assert read_all(reply) == b"open"
