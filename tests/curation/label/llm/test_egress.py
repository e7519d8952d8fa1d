"""What stays here, and what is on record of what left."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from curation.errors import UsageError
from curation.label.llm import LlmAnswers, guard
from curation.label.taxonomy import Taxonomy

Ask = Callable[..., LlmAnswers]
Serve = Callable[..., Any]

PHONE = "13912345678"
HELD = {
    f"路灯不亮，请致电{PHONE}。": "held_cn_mobile",
    "路灯不亮，身份证号11010519491231002X。": "held_cn_resident_id",
    "机密★5年\n路灯改造方案": "secrecy_mark",
    "内部资料 注意保存\n路灯改造方案": "internal_mark",
    "联系人：王建国，路灯不亮。": "held_person",
}


def test_what_is_found_again_never_reaches_the_server(serve: Serve, ask: Ask, log: Path) -> None:
    server = serve()
    answers = ask(server, ["路灯不亮", *HELD, "联系人：[姓名]，电话[手机号]，路灯不亮"])
    assert answers.label.tolist() == [0, -1, -1, -1, -1, -1, 0]
    assert answers.reason == (None, *HELD.values(), None)
    left = "".join(server.texts)
    assert sorted(server.texts) == sorted(["路灯不亮", "联系人：[姓名]，电话[手机号]，路灯不亮"])
    assert not any(held in left for held in HELD)
    assert all(PHONE.encode() not in data for data in server.received)
    assert PHONE not in log.read_text()
    assert "        1  without a label: held_cn_mobile" in answers.lines()


def test_a_number_across_the_cut_is_seen_whole(serve: Serve, ask: Ask) -> None:
    server = serve()
    text = "路灯不亮，电话"
    answers = ask(server, [text + PHONE], characters=len(text) + 7)
    assert answers.reason == ("held_cn_mobile",)
    assert not server.received


def test_a_mark_behind_the_cut_is_seen(serve: Serve, ask: Ask) -> None:
    server = serve()
    assert ask(server, ["路灯不亮" * 300 + "\n机密★5年"], characters=10).reason == ("secrecy_mark",)
    assert not server.received


def test_long_texts_are_cut_and_counted(serve: Serve, ask: Ask) -> None:
    server = serve()
    answers = ask(server, ["路灯" * 50, "路灯不亮"], characters=20)
    assert sorted(server.texts, key=len) == ["路灯不亮", "路灯" * 10]
    assert answers.usage.truncated == 1


def test_an_example_that_holds_a_person_stops_everything(serve: Serve, ask: Ask, streets: Taxonomy) -> None:
    data = streets.model_dump(by_alias=True, exclude_defaults=True)
    data["labels"][0]["examples"] = [f"致电{PHONE}"]
    careless = Taxonomy.model_validate(data)
    server = serve()
    with pytest.raises(UsageError) as error:
        ask(server, ["路灯不亮"], taxonomy=careless)
    assert str(error.value).startswith(
        "taxonomy streets, label L1: an example must not leave (held_cn_mobile)"
    )
    assert PHONE not in str(error.value)
    assert not server.received
    assert ask(server, ["路灯不亮"], taxonomy=careless, examples=0).label.tolist() == [0]


def test_the_examples_of_shipped_taxonomies_may_leave() -> None:
    from curation.label import taxonomy

    for name in ("letters", "scenarios"):
        examples = [each for label in taxonomy.load(name).leaves for each in label.examples]
        assert set(guard(examples)) == {None}


def test_guard_takes_any_text() -> None:
    assert guard(["", "\x00", "\ud800路灯", "😀<b>路灯</b>", "\n"]) == [None] * 5
    assert guard([]) == []


def test_every_request_is_on_record_and_no_text(serve: Serve, ask: Ask, log: Path) -> None:
    server = serve(lambda text, number: {"value": "路灯"} if number else {"status": 503})
    ask(server, ["路灯不亮"])
    events = [json.loads(line) for line in log.read_text().splitlines()]
    assert [each["event"] for each in events] == ["sent", "answered"] * 2
    assert [each["outcome"] for each in events[1::2]] == [503, 200]
    sent, answered = events[2:]
    assert sent["sha256"] == answered["sha256"] == hashlib.sha256(server.received[1]).hexdigest()
    assert sent["text_sha256"] == hashlib.sha256("路灯不亮".encode()).hexdigest()
    assert (sent["characters"], sent["host"], sent["model"]) == (4, server.host, "m")
    assert (answered["prompt_tokens"], answered["completion_tokens"]) == (100, 10)
    assert "路灯" not in log.read_text()
    assert log.stat().st_mode & 0o777 == 0o600


def test_a_log_is_appended_to(serve: Serve, ask: Ask, log: Path) -> None:
    server = serve()
    ask(server, ["路灯不亮"])
    ask(server, ["道路坑洼"])
    assert len(log.read_text().splitlines()) == 4


def test_nothing_leaves_unrecorded(serve: Serve, ask: Ask, log: Path) -> None:
    log.mkdir()
    server = serve()
    with pytest.raises(UsageError, match="cannot be written"):
        ask(server, ["路灯不亮"])
    assert not server.received


def test_an_unlisted_host_is_refused_before_any_connection(serve: Serve, ask: Ask, log: Path) -> None:
    server = serve()
    for hosts in ([], ["127.0.0.1"], ["localhost"], [f"127.0.0.1:{server.server_port + 1}"]):
        with pytest.raises(ValueError, match="not listed in hosts"):
            ask(server, ["路灯不亮"], hosts=hosts)
    assert not server.received
    assert not log.exists()


def test_an_offices_own_authority_is_trusted_only_when_named(serve: Serve, ask: Ask, tmp_path: Path) -> None:
    import ssl

    authority = _certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(authority, tmp_path / "key.pem")
    server = serve()
    server.socket = context.wrap_socket(server.socket, server_side=True)
    given = {"url": f"https://{server.host}/v1", "retries": 0}
    assert ask(server, ["路灯不亮"], **given).reason == ("no_connection",)
    assert ask(server, ["路灯不亮"], **given, ca_file=str(authority)).label.tolist() == [0]
    with pytest.raises(UsageError, match="cannot be read as certificates"):
        ask(server, ["路灯不亮"], **given, ca_file=str(tmp_path / "egress.jsonl"))


def _certificate(folder: Path) -> Path:
    pytest.importorskip("cryptography")
    import datetime
    import ipaddress

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "office")])
    now = datetime.datetime.now(datetime.UTC)
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    (folder / "key.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    (folder / "ca.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    return folder / "ca.pem"
