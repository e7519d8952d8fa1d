"""Which hosts text may leave to."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from curation.label.llm.endpoint import parse, permitted
from curation.label.llm.params import LlmParams
from curation.strict import first_fault


def test_nothing_may_leave_by_default() -> None:
    with pytest.raises(ValidationError) as fault:
        LlmParams(url="https://llm.example.cn/v1", model="m")
    assert first_fault(fault.value, LlmParams).startswith("llm.example.cn:443 is not listed in hosts")


@pytest.mark.parametrize(
    ("url", "hosts"),
    [
        ("https://llm.example.cn/v1", ["llm.example.cn"]),
        ("https://LLM.Example.cn:443/v1/", ["llm.example.cn:443"]),
        ("https://llm.example.cn:8443/v1", ["https://llm.example.cn:8443"]),
        ("http://127.0.0.1:11434/v1", ["127.0.0.1:11434"]),
        ("http://localhost:8000/v1", ["localhost:8000"]),
        ("http://10.1.2.3:8000", ["10.1.2.3:8000"]),
        ("http://[::1]:8000/v1", ["[0:0::1]:8000"]),
        ("http://gpu_node:8000/v1", ["http://gpu_node:8000"]),
        ("https://政务.例子/v1", ["xn--zfr164b.xn--fsqu00a"]),
    ],
)
def test_a_listed_host_is_permitted(url: str, hosts: list[str]) -> None:
    assert permitted(url, hosts).url.startswith(url.partition("://")[0])


@pytest.mark.parametrize(
    ("url", "hosts"),
    [
        ("https://llm.example.cn.evil.com/v1", ["llm.example.cn"]),
        ("https://evil-llm.example.cn/v1", ["llm.example.cn"]),
        ("https://a.llm.example.cn/v1", ["llm.example.cn"]),
        ("https://llm.example.cn./v1", ["llm.example.cn"]),
        ("https://llm.example.cn:444/v1", ["llm.example.cn"]),
        ("https://llm.example.cn@evil.com/v1", ["llm.example.cn"]),
        ("https://user:secret@llm.example.cn/v1", ["llm.example.cn"]),
        ("https://llm.example.cn\\@evil.com/v1", ["llm.example.cn"]),
        ("https://evil.com#llm.example.cn", ["llm.example.cn"]),
        ("https://evil.com?llm.example.cn", ["llm.example.cn"]),
        ("https://llm.example.cn/v1?x=1", ["llm.example.cn"]),
        ("https://llm.example.cn%2eevil.com/v1", ["llm.example.cn"]),
        ("https://llm．example．cn.evil.com/v1", ["llm.example.cn"]),
        ("https://llm.exаmple.cn/v1", ["llm.example.cn"]),  # a Cyrillic letter
        ("ftp://llm.example.cn/v1", ["llm.example.cn"]),
        ("//llm.example.cn/v1", ["llm.example.cn"]),
        (" https://llm.example.cn/v1", ["llm.example.cn"]),
        ("https://llm.example.cn\n/v1", ["llm.example.cn"]),
        ("https://llm.example.cn:0/v1", ["llm.example.cn:0"]),
        ("https://llm.example.cn:99999/v1", ["llm.example.cn:99999"]),
        ("http://llm.example.cn/v1", ["llm.example.cn:80"]),  # in clear, and not listed so
        ("http://llm.example.cn/v1", ["https://llm.example.cn:80"]),
        ("https://llm.example.cn:80/v1", ["http://llm.example.cn:80"]),
        ("http://8.8.8.8/v1", ["8.8.8.8"]),
        ("http://169.254.169.254/v1", ["169.254.169.254"]),  # metadata of a cloud
        ("http://[::ffff:10.0.0.1]/v1", ["[::ffff:10.0.0.1]"]),
        ("http://127.1/v1", ["127.1"]),
        ("http://0x7f.0.0.1/v1", ["0x7f.0.0.1"]),
        ("http://2130706433/v1", ["2130706433"]),
        ("http://127.0.0.01/v1", ["127.0.0.1"]),
        ("https://llm.example.cn/v1", ["*.example.cn"]),
        ("https://llm.example.cn/v1", ["example.cn"]),
        ("https://llm.example.cn/v1", ["llm.example.cn/v1"]),
        ("https://llm.example.cn/v1", [""]),
        ("https://llm.example.cn/v1", []),
    ],
)
def test_anything_else_is_refused(url: str, hosts: list[str]) -> None:
    with pytest.raises(ValueError, match=r"\S") as fault:
        permitted(url, hosts)
    assert "secret" not in str(fault.value)


_names = st.from_regex(r"[a-z][a-z0-9]{0,8}(\.[a-z][a-z0-9]{0,8}){0,2}", fullmatch=True)
_ports = st.integers(1, 65535)


@given(_names, _ports, _names, _ports)
def test_only_the_same_host_and_port_is_permitted(host: str, port: int, listed: str, its: int) -> None:
    url = f"https://{host}:{port}/v1"
    if (host, port) == (listed, its):
        assert permitted(url, [f"{listed}:{its}"]).address == f"{host}:{port}"
    else:
        with pytest.raises(ValueError, match="not listed"):
            permitted(url, [f"{listed}:{its}"])
    assert permitted(url, [f"{host}:{port}"]).url == url


@given(st.text(max_size=30), st.text(max_size=10))
def test_what_is_connected_to_is_what_was_checked(host: str, path: str) -> None:
    """Whatever passes reads the same for the client that connects."""
    import httpx

    try:
        endpoint = parse(f"https://{host}/{path}")
    except ValueError:
        return
    read = httpx.URL(endpoint.url)
    assert read.raw_host.decode() == endpoint.host.strip("[]")
    assert read.port in (None, endpoint.port)
    assert not read.userinfo
    assert parse(endpoint.url) == endpoint
