"""All cryptography of the service, so that it can be reviewed on one page (ASVS 11.1.3).

Random values come from the operating system, digests are SHA-256, signatures HMAC-SHA-256. Passwords are not here:
they need a slow hash and live in `accounts.passwords`.
"""

import base64
import hashlib
import hmac
import os
import secrets
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from uuid import UUID

import uuid_utils.compat
from itsdangerous import Signer

_SECRET_BYTES = 32


def new_secret() -> str:
    """256 random bits as 43 characters of URL-safe base64."""
    return secrets.token_urlsafe(_SECRET_BYTES)


def new_secret_number() -> int:
    """256 random bits as a number, for spellings other than base64."""
    return int.from_bytes(secrets.token_bytes(_SECRET_BYTES))


def new_code() -> str:
    """Eight random decimal digits, 26.6 bits: for codes that live minutes and bear five tries (ASVS 6.5.4)."""
    return f"{secrets.randbelow(100_000_000):08d}"


def new_error_id() -> str:
    return secrets.token_hex(8)


def new_id(now: datetime) -> UUID:
    """A version 7 UUID (RFC 9562): ordered by creation, which keeps indexes dense. It is a handle, never a secret."""
    return uuid_utils.compat.uuid7(nanoseconds=int(now.timestamp() * 1000) * 1_000_000)


def digest(secret: str) -> bytes:
    """What is stored of a 256-bit random secret. A slow hash would add nothing against 2^256 guesses."""
    return hashlib.sha256(secret.encode()).digest()


def same(one: bytes, other: bytes) -> bool:
    """Compare in constant time (ASVS 11.2.4)."""
    return hmac.compare_digest(one, other)


class Signatures:
    """Signs strings for one purpose and takes back only the exact spelling that it gave out.

    The first key signs, all verify: put a new key in front to rotate (ASVS 11.2.2). The purpose is the salt, so that a
    value signed for one is refused for another. itsdangerous' default of SHA-1 is replaced (ASVS 11.4.1).
    """

    def __init__(self, keys: Sequence[str], purpose: str) -> None:
        # itsdangerous signs with the last of a list.
        self._signer = Signer(
            [key.encode() for key in reversed(keys)],
            salt=f"gatepost.{purpose}".encode(),
            key_derivation="hmac",
            digest_method=hashlib.sha256,
        )
        # Its unsign derives them anew each time, which takes longer than all the rest of a credential's check.
        self._derived = [self._signer.derive_key(key) for key in keys]

    def sign(self, value: str) -> str:
        return self._signer.sign(value).decode("ascii")

    def unsign(self, signed: str) -> str | None:
        """The value, or None for a wrong signature and for a right one in another spelling.

        Base64 decoders skip foreign characters and ignore spare bits, so one signature has many spellings. Taking them
        all would let a value that was seen once come back as a different string, past caches and revocation by value.
        So nothing is decoded: what was given is compared with what `sign` would write.
        """
        value, dot, signature = signed.rpartition(".")
        if not dot or not signed.isascii():
            return None
        given, message = signature.encode(), value.encode()
        for key in self._derived:
            expected = base64.urlsafe_b64encode(hmac.digest(key, message, "sha256")).rstrip(b"=")
            if same(expected, given):
                return value
        return None


class CodeDigests:
    """Digests of mailed codes under a key that is not in the database.

    A code has too few bits to stand as a bare hash, and a slow hash would be a lever for overload (ASVS 6.5.2, an
    argued deviation); whoever reads the database alone cannot test guesses against a keyed digest.
    """

    def __init__(self, keys: Sequence[str]) -> None:
        # The first alone: codes live minutes, and one mailed before a rotation is simply asked for again.
        self._key = hmac.digest(keys[0].encode(), b"gatepost.code", "sha256")

    def digest(self, code: str, *bound_to: str) -> bytes:
        """The digest to store, bound to its purpose, account and address: elsewhere the same code is another."""
        return hmac.digest(self._key, "\x00".join((*bound_to, code)).encode(), "sha256")


class LimitKeys:
    """Stands in for what limits count by where that leaves this process.

    An IP or a mail address is found from its bare hash by trying them all; whoever reads the store has not this key.
    """

    def __init__(self, keys: Sequence[str]) -> None:
        # The first alone: after a rotation counting begins anew.
        self._key = hmac.digest(keys[0].encode(), b"gatepost.limits", "sha256")

    def hidden(self, key: str) -> str:
        """128 bits in hexadecimal; any text has some, or one that cannot be encoded would not be counted."""
        return hmac.digest(self._key, key.encode(errors="surrogatepass"), "sha256")[:16].hex()


def local_key(path: Path) -> str:
    """The signing key kept in `path`, made at the first start with mode 0600.

    Written aside and then linked to its name, so that of two processes that start together both read the same whole
    key. Raises PermissionError if others may read it.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not path.exists():
        # A name of its own: in containers that share a volume all processes have the same id.
        handle, aside = tempfile.mkstemp(dir=path.parent)
        with open(handle, "w") as file:
            file.write(secrets.token_urlsafe(48))
        with suppress(FileExistsError):
            os.link(aside, path)
        os.unlink(aside)
    if path.stat().st_mode & 0o077:
        raise PermissionError(f"{path} must be readable by its owner alone: chmod 600 {path}")
    return path.read_text().strip()
