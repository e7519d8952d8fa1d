"""The vault: what was replaced in a file, sealed under a key of its own, in a file of its own.

While a vault exists the file beside it is de-identified (去标识化), not anonymised: whoever has both can tell
who was meant (PIPL art. 73). So the key never lies in the folder of the vault, and is not the key of the
surrogates: who may make surrogates need not be able to undo them.

A file of the vault is a line with its version, a line with the header as JSON, and sealed chunks, each behind
its length. AES-256-GCM seals every chunk together with both lines; the key of the chunks comes from the
vault key by HKDF over a salt of this one vault, so a nonce is the number of the chunk, with a mark on the
last one: nothing can be changed, left out, put in another order or cut off unnoticed.
"""

from __future__ import annotations

import binascii
import contextlib
import getpass
import hmac
import json
import os
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from curation.errors import UsageError
from curation.key import fingerprint, read_key

VARIABLE = "GOVTUNE_VAULT_KEY"
VERSION = b"govtune vault/1\n"
CHUNK = 1 << 20
"""Bytes sealed at once, before sealing."""

_LONGEST_HEADER = 1 << 16


@dataclass(frozen=True)
class Vault:
    """An opened vault.

    Attributes:
        header: what anybody can read: when and by whom it was made, the SHA-256 of the file it belongs to,
            the fingerprint of its key.
        body: what was sealed.
    """

    header: dict[str, Any]
    body: dict[str, Any]


def read_vault_key(path: Path | None, vault: Path, *, surrogate_key: bytes | None = None) -> bytes:
    """The vault's key, from a file or from the environment variable GOVTUNE_VAULT_KEY.

    Raises:
        UsageError: there is none, it lies in the folder of the vault, it is too short, or it is the key of
            the surrogates.
    """
    if path is not None and path.resolve().parent == vault.resolve().parent:
        raise UsageError(f"{path}: the vault's key lies beside the vault; keep it in another place")
    key = read_key(path, VARIABLE)
    if key is None:
        raise UsageError(f"{vault}: a vault needs a key: --vault-key-file, or set {VARIABLE}")
    if key == surrogate_key:
        raise UsageError("the vault's key is the key of the surrogates; give the vault another one")
    return key


def require_cryptography() -> None:
    """Say what is missing before any work is done.

    Raises:
        UsageError: `cryptography` is not installed.
    """
    try:
        import cryptography  # noqa: F401
    except ImportError:
        raise UsageError("a vault needs cryptography: pip install 'govtune[vault]'") from None


def who() -> str:
    """The account that runs this."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # an account without a name
        return str(os.getuid())


def now() -> str:
    """This second in UTC, ISO 8601."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def seal(path: Path, body: dict[str, Any], *, output_sha256: str, key: bytes) -> None:
    """Write a new vault, readable by its owner alone.

    Args:
        output_sha256: of the anonymised file it belongs to.
    """
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    salt = os.urandom(32)
    header = {
        "created": now(),
        "created_by": who(),
        "output_sha256": output_sha256,
        "key": fingerprint(key),
        "key_check": _derive(key, salt, "check").hex(),
        "salt": salt.hex(),
    }
    head = VERSION + json.dumps(header, sort_keys=True).encode() + b"\n"
    cipher = AESGCM(_derive(key, salt, "entries"))
    plain = zlib.compress(json.dumps(body, separators=(",", ":")).encode())
    with private_file(path) as file:
        file.write(head)
        for number, at in enumerate(range(0, len(plain), CHUNK)):
            last = at + CHUNK >= len(plain)
            sealed = cipher.encrypt(_nonce(number, last), plain[at : at + CHUNK], head)
            file.write(len(sealed).to_bytes(4, "big") + sealed)


def open_vault(path: Path, key: bytes) -> Vault:
    """Open a vault.

    Raises:
        UsageError: it cannot be read, is no vault, was sealed with another key, or is not as it was written.
    """
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    data = _read(path)
    header, head = _header(path, data)
    try:
        salt, check = binascii.unhexlify(header["salt"]), binascii.unhexlify(header["key_check"])
    except (KeyError, TypeError, ValueError):
        raise _damaged(path) from None
    if not hmac.compare_digest(_derive(key, salt, "check"), check):
        raise UsageError(f"{path}: wrong key: not the one this vault was sealed with")
    cipher = AESGCM(_derive(key, salt, "entries"))
    plain, at, number = b"", len(head), 0
    try:
        while at < len(data):
            end = at + 4 + int.from_bytes(data[at : at + 4], "big")
            plain += cipher.decrypt(_nonce(number, end >= len(data)), data[at + 4 : end], head)
            at, number = end, number + 1
        if at != len(data) or not number:
            raise _damaged(path)
        return Vault(header, json.loads(zlib.decompress(plain)))
    except (InvalidTag, ValueError, zlib.error):
        raise _damaged(path) from None


@contextlib.contextmanager
def private_file(path: Path, *, append: bool = False) -> Iterator[Any]:
    """A file that nobody else can read, from its first byte on; a link is not followed."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | (os.O_APPEND if append else os.O_TRUNC)
    descriptor = os.open(path, flags, 0o600)
    with os.fdopen(descriptor, "ab" if append else "wb") as file:
        os.fchmod(descriptor, 0o600)  # a file that was there keeps its mode otherwise
        yield file


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}") from None


def _header(path: Path, data: bytes) -> tuple[dict[str, Any], bytes]:
    if not data.startswith(VERSION):
        raise UsageError(f"{path}: not a vault of this version of govtune")
    end = data.find(b"\n", len(VERSION), _LONGEST_HEADER) + 1
    try:
        header = json.loads(data[len(VERSION) : end])
    except ValueError:
        header = None
    if not isinstance(header, dict):
        raise _damaged(path)
    return header, data[:end]


def _damaged(path: Path) -> UsageError:
    return UsageError(f"{path}: the vault is damaged or was changed; nothing is restored from it")


def _derive(key: bytes, salt: bytes, purpose: str) -> bytes:
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    return HKDF(SHA256(), 32, salt, f"govtune vault/1 {purpose}".encode()).derive(key)


def _nonce(number: int, last: bool) -> bytes:
    return number.to_bytes(11, "big") + (b"\1" if last else b"\0")
