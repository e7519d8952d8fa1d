"""Where text may go: a URL is taken apart once, strictly, and only its normalised form is ever connected to.

So what was checked is what is called: no second parser can read another host out of the same string. Names
are resolved by the system when the connection is made, never before and never by us; who controls the names
of a listed host controls where its traffic ends, so in doubt list addresses, or use https.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from typing import NamedTuple

import regex

_HOST = r"(?P<host>\[[0-9A-Fa-f:.]+\]|[^\s/?#@:\\\[\]%]+)(?::(?P<port>[0-9]{1,5}))?"
_URL = regex.compile(rf"(?P<scheme>https?)://{_HOST}(?P<path>(?:/[A-Za-z0-9._~%-]*)*)")
_LISTED = regex.compile(rf"(?:(?P<scheme>https?)://)?{_HOST}/?")
_NAME = regex.compile(
    r"(?!.{254})[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9])?(?:\.[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9])?)*"
)
_NUMERIC = regex.compile(r"[0-9]+|0x[0-9a-f]*")
_PORTS = {"http": 80, "https": 443}
_LOCAL = tuple(
    ipaddress.ip_network(each)
    for each in ("127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "::1/128", "fc00::/7")
)


class Endpoint(NamedTuple):
    """A base URL in its normal form."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def address(self) -> str:
        """Host and port."""
        return f"{self.host}:{self.port}"

    @property
    def url(self) -> str:
        return f"{self.scheme}://{self.address}{self.path}"


def permitted(url: str, hosts: Iterable[str]) -> Endpoint:
    """The endpoint of a base URL, if one of `hosts` is its host and port.

    Args:
        hosts: `host`, `host:port`, or either behind `https://` or `http://`; the scheme's own port if none.

    Raises:
        ValueError: the URL is not plain `http(s)://host[:port]/path`; its host is not listed; or the text
            would travel in clear to a host that is neither this machine nor a private address, and is not
            listed as `http://host`.
    """
    endpoint = parse(url)
    entries = [_entry(each) for each in hosts]
    same = [
        scheme
        for scheme, host, port in entries
        if host == endpoint.host and (port or _PORTS[endpoint.scheme]) == endpoint.port
    ]
    if not {None, endpoint.scheme} & set(same):
        raise ValueError(
            f"{endpoint.address} is not listed in hosts; text may leave only to a host that the recipe lists"
        )
    if endpoint.scheme == "http" and "http" not in same and not _is_local(endpoint.host):
        raise ValueError(
            f"text would travel unencrypted to {endpoint.address}; use https, "
            f"or list http://{endpoint.address} in hosts"
        )
    return endpoint


def parse(url: str) -> Endpoint:
    """A base URL taken apart.

    Raises:
        ValueError: user name, password, query, fragment or anything odd stands in it. The message does not
            repeat the URL, which may hold a secret.
    """
    match = _URL.fullmatch(url)
    if match is None:
        raise ValueError(
            "url: write http(s)://host[:port]/path, for example http://127.0.0.1:8000/v1; "
            "without user name, password, query or fragment"
        )
    scheme = match["scheme"]
    return Endpoint(
        scheme, _normal(match["host"]), _port(match["port"]) or _PORTS[scheme], match["path"].rstrip("/")
    )


def _entry(listed: str) -> tuple[str | None, str, int | None]:
    match = _LISTED.fullmatch(listed)
    if match is None:
        raise ValueError("hosts: write host, host:port or http://host:port, one host each, without a path")
    return match["scheme"], _normal(match["host"]), _port(match["port"])


def _port(digits: str | None) -> int | None:
    if digits is None:
        return None
    if not 0 < int(digits) < 1 << 16:
        raise ValueError("a port is a number from 1 to 65535")
    return int(digits)


def _normal(host: str) -> str:
    """Lower case, IDNA 2008, addresses in their one usual form.

    What ends in a number is an address for resolvers (127.1, 0x7f.1), so it has to be written as one.
    """
    if host.startswith("["):
        return f"[{ipaddress.IPv6Address(host[1:-1])}]"
    host = host.lower()
    if not host.isascii():
        host = _idna(host)
    if _NUMERIC.fullmatch(host.rpartition(".")[2]):
        return str(ipaddress.IPv4Address(host))
    if not _NAME.fullmatch(host):
        raise ValueError("a host is a name of letters, digits and hyphens, or an address")
    return host


def _idna(host: str) -> str:
    try:
        import idna
    except ImportError:
        raise ValueError("a host in other letters needs idna: pip install 'govtune[llm]'") from None
    try:
        return idna.encode(host).decode("ascii")
    except UnicodeError:
        raise ValueError("a host is not a valid internationalised name (IDNA 2008)") from None


def _is_local(host: str) -> bool:
    try:
        address = ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return host == "localhost"
    return any(address in network for network in _LOCAL)
