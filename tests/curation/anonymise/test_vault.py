"""The vault: what was replaced comes back byte for byte, for the right key and the right file alone."""

from __future__ import annotations

import csv
import json
import stat
import sys
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from curation.anonymise.files import Also, anonymise_file
from curation.anonymise.restore import restore_file
from curation.anonymise.vault import open_vault, read_vault_key
from curation.errors import UsageError
from curation.ingest import tables

KEY = b"a vault key of thirty-two bytes!"
TEXT = "我叫覃水生，电话13812345678。"

Command = Callable[..., Any]


def round_trip(folder: Path, name: str, data: bytes, **options: Any) -> tuple[bytes, bytes]:
    """The anonymised file and the restored one."""
    source, output, vault = folder / f"in{name}", folder / f"out{name}", folder / "vault"
    restored = folder / f"again{name}"
    source.write_bytes(data)
    vault.unlink(missing_ok=True)
    also = Also(vault=vault, vault_key=KEY)
    anonymise_file(source, output, names="none", also=also, **options)
    restore_file(output, restored, vault=vault, key=KEY)
    return output.read_bytes(), restored.read_bytes()


PERSONAL = st.sampled_from(
    (
        "覃水生",
        "13812345678",
        "１３８１２３４５６７８",
        "身份证号11010119900307293X",
        "邮箱a.b@qq.com",
        "姓名：王小明",
    )
)
PROSE = st.lists(
    st.one_of(
        PERSONAL, st.text(max_size=8), st.sampled_from(("，我叫", "\u2028", "😀", "\\", '"', "  ", "\r\n"))
    ),
    max_size=8,
).map("".join)
ANY = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**25), 10**25)
    | st.floats(allow_nan=False, allow_infinity=False)
    | PROSE,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(PROSE, inner, max_size=3),
    max_leaves=6,
)


@st.composite
def lines(draw: st.DrawFn) -> str:
    """An object as anybody may have written it: any order of keys, spaces, escapes."""
    row: dict[str, Any] = {"text": draw(PROSE)} if draw(st.booleans()) else {}
    row |= draw(st.dictionaries(st.text(max_size=4).map("x".__add__), ANY, max_size=3))
    if draw(st.booleans()):
        row |= {"phone": draw(st.sampled_from(("13812345678", 13812345678, 13812345678.0, None)))}
    if draw(st.booleans()):
        row |= {"text": draw(PROSE), "id": draw(st.integers(0, 3))}
    separators = draw(st.sampled_from(((",", ":"), (", ", ": "), (" ,  ", "\t:  "))))
    line = json.dumps(row, ensure_ascii=draw(st.booleans()), separators=separators)
    line = line.encode("utf-8", "backslashreplace").decode()
    if draw(st.booleans()):
        line = line.replace("/", "\\/").replace("中", "\\u4e2D")
    return draw(st.sampled_from(("", " "))) + line + draw(st.sampled_from(("\n", "\r\n", "\n\n", " \n")))


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(written=st.lists(lines(), min_size=1, max_size=4), mark=st.booleans(), cut=st.booleans())
def test_json_lines_come_back_byte_for_byte(
    tmp_path_factory: pytest.TempPathFactory, written: list[str], mark: bool, cut: bool
) -> None:
    folder = tmp_path_factory.mktemp("trip")
    text = "".join(['{"text": "我叫覃水生，"}\n', *written])
    data = (b"\xef\xbb\xbf" if mark else b"") + (text.rstrip("\r\n") if cut else text).encode()
    for key in (None, b"a surrogate key, long enough"):
        output, restored = round_trip(folder, ".jsonl", data, key=key)
        assert restored == data
        assert len(output.splitlines()) >= len(written)


@pytest.mark.parametrize(
    "line",
    [
        '{"text": "\\u6211\\u53eb\\u8983\\u6c34\\u751f\\uff0c", "n": 1.50}',
        '{"text": "我叫覃水生，\\ud83d", "n": 123456789012345678901234567890}',
        '{"text": "我叫王一一，", "text": "我叫覃水生，"}',
        '{"text": "我叫覃水生，", "meta": {"a": "覃水生", "a": [ "覃水生" ]}}',
        '{"phone": 13812345678.0, "text": "请回\\t13812345678\\/谢谢", "n": 1E2}',
        '{"text": "我叫覃水生，", "meta": {  "深": ["找覃水生", null, 1.0]  } }',
        '{"text": "我叫覃水生，", "meta": {"覃水生": [{"a覃 水生": 1.50}], "覃 水生": "覃水生"} }',
    ],
)
def test_however_a_line_is_written_it_comes_back_and_keeps_nothing(tmp_path: Path, line: str) -> None:
    output, restored = round_trip(tmp_path, ".jsonl", f"{line}\r\n".encode())
    assert restored.decode() == line + "\r\n"
    for value in ("覃水生", "王一一", "13812345678", "\\u8983\\u6c34\\u751f"):
        assert value not in output.decode()


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(st.tuples(PROSE, PROSE), max_size=4),
    end=st.sampled_from(("\r\n", "\n")),
    quoting=st.sampled_from((csv.QUOTE_MINIMAL, csv.QUOTE_ALL)),
    encoding=st.sampled_from(("utf-8", "utf-8-sig", "gb18030")),
)
def test_csv_comes_back_byte_for_byte(
    tmp_path_factory: pytest.TempPathFactory,
    rows: list[tuple[str, str]],
    end: str,
    quoting: int,
    encoding: str,
) -> None:
    folder = tmp_path_factory.mktemp("trip")
    with (folder / "in.csv").open("w", encoding=encoding, newline="", errors="replace") as file:
        writer = csv.writer(file, lineterminator=end, quoting=quoting)
        writer.writerow(["诉求内容", "备注"])
        writer.writerow(["我叫覃水生，家住在那里", "覃水生"])
        writer.writerows([cell.replace("\0", "") for cell in row] for row in rows)
    data = (folder / "in.csv").read_bytes()
    _, restored = round_trip(folder, ".csv", data)
    assert restored == data


def test_text_in_any_encoding_comes_back(tmp_path: Path) -> None:
    for data in (
        TEXT.encode(),
        TEXT.encode("gb18030"),
        TEXT.encode("utf-16"),
        b"\xef\xbb\xbf" + TEXT.encode(),
    ):
        output, restored = round_trip(tmp_path, ".txt", data)
        assert "覃水生" not in output.decode()
        assert restored == data


def test_a_workbook_comes_back_cell_by_cell(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    for row in (
        ["编号", "诉求内容", "联系电话", "天"],
        ["a1", TEXT, 13812345678, 3.5],
        [None, "无事", None, "=1+1"],
    ):
        book.active.append(row)
    book.save(tmp_path / "in.xlsx")
    before = tables.read_rows(tmp_path / "in.xlsx").rows
    round_trip(tmp_path, ".xlsx", (tmp_path / "in.xlsx").read_bytes())
    assert tables.read_rows(tmp_path / "again.xlsx").rows == before
    assert tables.read_rows(tmp_path / "out.xlsx").rows[0]["联系电话"] == "[手机号]"


def test_a_table_comes_back_with_its_types(tmp_path: Path) -> None:
    table = pa.table(
        {
            "text": [TEXT, None],
            "phone": pa.array([13812345678, None], pa.int64()),
            "deep": [[{"who": "覃水生"}], []],
        }
    )
    pq.write_table(table, tmp_path / "first.parquet")
    round_trip(tmp_path, ".parquet", (tmp_path / "first.parquet").read_bytes())
    assert pq.read_table(tmp_path / "again.parquet").equals(table)
    assert "覃水生" not in str(pq.read_table(tmp_path / "out.parquet").to_pylist())


@pytest.fixture
def sealed(tmp_path: Path) -> tuple[Path, Path]:
    """An anonymised file and its vault."""
    source, output, vault = tmp_path / "in.jsonl", tmp_path / "out.jsonl", tmp_path / "out.vault"
    source.write_text(json.dumps({"text": TEXT}, ensure_ascii=False) + "\n", encoding="utf-8")
    anonymise_file(source, output, names="none", also=Also(vault=vault, vault_key=KEY))
    return output, vault


def test_a_vault_and_its_audit_are_for_their_owner_and_hold_no_value_in_clear(
    sealed: tuple[Path, Path], tmp_path: Path
) -> None:
    output, vault = sealed
    restore_file(output, tmp_path / "again.jsonl", vault=vault, key=KEY)
    restore_file(output, tmp_path / "again.jsonl", vault=vault, key=KEY)
    audit = tmp_path / "out.vault.audit.jsonl"
    for path in (vault, audit, tmp_path / "again.jsonl"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    for data in (vault.read_bytes(), audit.read_bytes()):
        assert all(value.encode() not in data for value in ("覃水生", "13812345678", "我叫"))
    first, second = map(json.loads, audit.read_text().splitlines())
    assert first["values"] == second["values"] == 2
    assert set(first) == {"time", "by", "vault_sha256", "output_sha256", "rows", "values"}
    assert open_vault(vault, KEY).header["output_sha256"] == first["output_sha256"]


def test_two_vaults_of_the_same_file_differ(sealed: tuple[Path, Path], tmp_path: Path) -> None:
    _, vault = sealed
    first = vault.read_bytes()
    vault.unlink()
    anonymise_file(
        tmp_path / "in.jsonl", tmp_path / "out.jsonl", names="none", also=Also(vault=vault, vault_key=KEY)
    )
    assert vault.read_bytes()[-64:] != first[-64:]


def test_a_wrong_key_restores_nothing(sealed: tuple[Path, Path], tmp_path: Path) -> None:
    output, vault = sealed
    with pytest.raises(UsageError, match="wrong key"):
        restore_file(output, tmp_path / "again.jsonl", vault=vault, key=KEY[::-1])
    assert not (tmp_path / "again.jsonl").exists()
    assert not (tmp_path / "out.vault.audit.jsonl").exists()


def test_a_changed_output_is_refused(sealed: tuple[Path, Path], tmp_path: Path) -> None:
    output, vault = sealed
    output.write_bytes(output.read_bytes() + b"\n")
    with pytest.raises(UsageError, match="changed since"):
        restore_file(output, tmp_path / "again.jsonl", vault=vault, key=KEY)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_byte_of_a_vault_can_be_changed_or_cut_off(sealed: tuple[Path, Path], data: st.DataObject) -> None:
    output, vault = sealed
    right = vault.read_bytes()
    at = data.draw(st.integers(0, len(right) - 1))
    forged = data.draw(
        st.sampled_from(
            (
                right[:at],
                right[:at] + bytes([right[at] ^ data.draw(st.integers(1, 255))]) + right[at + 1 :],
                right + right[at:],
            )
        )
    )
    try:
        vault.write_bytes(forged)
        with pytest.raises(UsageError) as raised:
            restore_file(output, output.with_name("again.jsonl"), vault=vault, key=KEY)
        assert "\n" not in str(raised.value)
    finally:
        vault.write_bytes(right)


def test_a_vault_of_many_chunks_keeps_their_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("curation.anonymise.vault.CHUNK", 16)
    rows = "".join(json.dumps({"text": f"我叫覃水生，电话138{n:08}"}) + "\n" for n in range(50))
    _, restored = round_trip(tmp_path, ".jsonl", rows.encode())
    assert restored == rows.encode()
    vault = (tmp_path / "vault").read_bytes()
    head = vault.index(b"\n", vault.index(b"\n") + 1) + 1
    size = 4 + 16 + 16
    first, second = vault[head : head + size], vault[head + size : head + 2 * size]
    for forged in (second + first + vault[head + 2 * size :], second + vault[head + 2 * size :], first):
        (tmp_path / "vault").write_bytes(vault[:head] + forged)
        with pytest.raises(UsageError, match="damaged"):
            restore_file(tmp_path / "out.jsonl", tmp_path / "x.jsonl", vault=tmp_path / "vault", key=KEY)


def test_the_key_lies_elsewhere_and_is_not_that_of_the_surrogates(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    vault, far = tmp_path / "vault", tmp_path / "far"
    far.mkdir()
    for path in (tmp_path / "key", far / "key"):
        path.write_bytes(KEY)
    assert read_vault_key(far / "key", vault) == KEY
    with pytest.raises(UsageError, match="beside the vault"):
        read_vault_key(tmp_path / "key", vault)
    with pytest.raises(UsageError, match="key of the surrogates"):
        read_vault_key(far / "key", vault, surrogate_key=KEY)
    with pytest.raises(UsageError, match="GOVTUNE_VAULT_KEY"):
        read_vault_key(None, vault)
    monkeypatch.setenv("GOVTUNE_VAULT_KEY", "short")
    with pytest.raises(UsageError, match="at least"):
        read_vault_key(None, vault)


def test_the_commands_restore_a_file_with_held_back_rows_left_out(govtune: Command, tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    keys.mkdir()
    (keys / "vault").write_bytes(KEY)
    source, output, vault = tmp_path / "in.jsonl", tmp_path / "out.jsonl", tmp_path / "vault"
    lines = [
        '{"text":"我叫覃水生，","who":"甲"}',
        '{"text":"路灯不亮","who":"诸葛小明"}',
        '{"text":"电话 13812345678"}',
    ]
    source.write_text("\n".join(lines), encoding="utf-8")
    (tmp_path / "names.txt").write_text("诸葛小明\n", encoding="utf-8")
    done = govtune(
        *("anonymise", source, "-o", output, "--names", "none", "--canaries", tmp_path / "names.txt"),
        *("--review", tmp_path / "review.jsonl", "--vault", vault, "--vault-key-file", keys / "vault"),
    )
    assert (done.code, done.errors) == (0, [])
    assert "2 rows" in done.out and "1 held back" in done.out
    back = tmp_path / "back.jsonl"
    told = govtune(
        "anonymise-restore", output, "--vault", vault, "-o", back, "--vault-key-file", keys / "vault"
    )
    assert told.code == 0
    assert back.read_text(encoding="utf-8").splitlines() == [lines[0], lines[2]]
    assert json.loads((tmp_path / "review.jsonl").read_text(encoding="utf-8"))["row"] == 2
    assert "诸葛" not in (tmp_path / "review.jsonl").read_text(encoding="utf-8")


def test_a_refused_restore_is_one_line_and_code_2(govtune: Command, sealed: tuple[Path, Path]) -> None:
    output, vault = sealed
    told = govtune("anonymise-restore", output, "--vault", vault, "-o", output.with_name("x.jsonl"))
    assert (told.code, len(told.errors)) == (2, 1)
    told = govtune("anonymise-restore", output, "--vault", vault, "-o", output)
    assert (told.code, len(told.errors)) == (2, 1)


def test_without_cryptography_one_line_says_what_to_install(
    govtune: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = tmp_path / "in.jsonl"
    source.write_text(json.dumps({"text": TEXT}), encoding="utf-8")
    monkeypatch.setitem(sys.modules, "cryptography", None)  # as where it is not installed
    monkeypatch.setenv("GOVTUNE_VAULT_KEY", KEY.decode())
    out, vault = tmp_path / "out.jsonl", tmp_path / "vault"
    for arguments in (
        ("anonymise", source, "-o", out, "--names", "none", "--vault", vault),
        ("anonymise-restore", out, "-o", tmp_path / "x.jsonl", "--vault", vault),
    ):
        told = govtune(*arguments)
        assert told.code == 2
        assert told.errors == ["govtune: a vault needs cryptography: pip install 'govtune[vault]'"]
    assert not out.exists()


def test_a_vault_that_cannot_be_made_is_one_line_and_nothing_is_written(
    govtune: Command, tmp_path: Path
) -> None:
    source, key = tmp_path / "in.jsonl", tmp_path / "key"
    source.write_text(json.dumps({"text": TEXT}), encoding="utf-8")
    key.write_bytes(KEY)
    (tmp_path / "far").mkdir()
    out, vault, far = tmp_path / "out.jsonl", tmp_path / "vault", tmp_path / "far" / "vault"
    for arguments in (
        ("-o", out, "--vault", vault),
        ("-o", out, "--vault", vault, "--vault-key-file", key),
        ("-o", out, "--vault", far, "--vault-key-file", key, "--key-file", key),
        ("-o", out, "--vault", key, "--vault-key-file", key),
        ("-o", tmp_path / "out.csv", "--vault", far, "--vault-key-file", key),
        ("-o", out, "--vault-key-file", key),
        ("-o", out, "--workers", 0),
        ("-o", out, "--canaries", tmp_path / "absent"),
        ("-o", source),
    ):
        told = govtune("anonymise", source, "--names", "none", *arguments)
        assert (told.code, len(told.errors)) == (2, 1), arguments
    assert {path.name for path in tmp_path.iterdir()} == {"in.jsonl", "key", "far"}
    assert key.read_bytes() == KEY and not far.exists()


def test_a_vault_is_never_written_over(sealed: tuple[Path, Path], tmp_path: Path) -> None:
    _, vault = sealed
    before = vault.read_bytes()
    source = tmp_path / "other.jsonl"
    source.write_text(json.dumps({"text": TEXT}), encoding="utf-8")
    with pytest.raises(UsageError, match="exists"):
        also = Also(vault=vault, vault_key=KEY)
        anonymise_file(source, tmp_path / "other.out.jsonl", names="none", also=also)
    assert vault.read_bytes() == before


def test_an_audit_line_follows_no_link(sealed: tuple[Path, Path], tmp_path: Path) -> None:
    output, vault = sealed
    (tmp_path / "victim").write_text("", encoding="utf-8")
    vault.with_name(f"{vault.name}.audit.jsonl").symlink_to(tmp_path / "victim")
    with pytest.raises(UsageError, match="audit line cannot be written"):
        restore_file(output, tmp_path / f"again{output.suffix}", vault=vault, key=KEY)
    assert (tmp_path / "victim").read_text(encoding="utf-8") == ""


def test_bytes_and_decimals_are_replaced_and_come_back(tmp_path: Path) -> None:
    number = pa.array([Decimal("13812345678.00")], pa.decimal128(20, 2))
    table = pa.table({"text": ["我叫覃水生，电话138-1234-5678。"], "d": number, "b": [b"13812345678 a"]})
    source, vault = tmp_path / "in.parquet", tmp_path / "vault"
    pq.write_table(table, source)
    output, again = tmp_path / "out.parquet", tmp_path / "again.parquet"
    anonymise_file(source, output, names="none", also=Also(vault=vault, vault_key=KEY))
    assert [pq.read_table(output)[name][0].as_py() for name in "db"] == ["[手机号]", "[手机号] a".encode()]
    restore_file(output, again, vault=vault, key=KEY)
    assert pq.read_table(again).equals(table)
