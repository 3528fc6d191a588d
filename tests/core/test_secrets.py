"""Secrets, signatures, identifiers and the key of this machine."""

import base64
import hashlib
import hmac
import re
import string
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from app.core import secrets
from app.core.secrets import CodeDigests, LimitKeys, Signatures, local_key

KEYS = ("first-key-0123456789-0123456789-0123", "second-key-0123456789-0123456789-012")
VALUE = "0198c2f0-aaaa-7bbb-8ccc-0123456789ab.secret_of-43"
NOW = datetime(2026, 1, 1, 12, 0, 0, 123456, tzinfo=UTC)


def test_what_was_signed_is_taken_back() -> None:
    signatures = Signatures(KEYS, "session")
    signed = signatures.sign(VALUE)
    assert signed.startswith(f"{VALUE}.")
    assert signatures.unsign(signed) == VALUE


def test_it_is_hmac_with_sha_256() -> None:
    """Computed here by itself: the library's default is SHA-1 (ASVS 11.4.1)."""
    key = hmac.digest(KEYS[0].encode(), b"gatepost.session", hashlib.sha256)
    expected = base64.urlsafe_b64encode(hmac.digest(key, VALUE.encode(), hashlib.sha256)).rstrip(b"=").decode()
    assert Signatures(KEYS, "session").sign(VALUE) == f"{VALUE}.{expected}"


def test_a_character_changed_anywhere_is_refused() -> None:
    signatures = Signatures(KEYS, "session")
    signed = signatures.sign(VALUE)
    for place, character in enumerate(signed):
        for other in ("A", "b", ".", "-"):
            if other != character:
                assert signatures.unsign(signed[:place] + other + signed[place + 1 :]) is None, (place, other)


def test_only_one_spelling_of_a_signature_is_accepted() -> None:
    """All of these decode to the same bytes: 43 characters carry two bits more than a digest has."""
    signatures = Signatures(KEYS, "session")
    signed = signatures.sign(VALUE)
    digits = string.ascii_uppercase + string.ascii_lowercase + string.digits + "-_"
    last = digits.index(signed[-1])
    spare = [signed[:-1] + digits[last ^ bits] for bits in (1, 2, 3)]
    decoded = {base64.urlsafe_b64decode(each[len(VALUE) + 1 :] + "=") for each in (signed, *spare)}
    assert len(decoded) == 1
    assert [each for each in spare if signatures.unsign(each) is not None] == []


MANGLED: list[Callable[[str], str]] = [
    lambda signed: signed + "=",
    lambda signed: signed + "==",
    lambda signed: signed + "A",
    lambda signed: signed + "\n",
    lambda signed: " " + signed,
    lambda signed: signed + " ",
    lambda signed: signed[:-5] + "!" + signed[-5:],
    lambda signed: signed[:-5] + "\n" + signed[-5:],
    lambda signed: signed[:-5] + "\u00e9" + signed[-5:],
    lambda signed: signed.replace("-", "+").replace("_", "/") + "+",
    lambda signed: f'"{signed}"',
    lambda signed: signed[:-1],
    lambda signed: signed[:-43],
    lambda signed: signed.rpartition(".")[0],
    lambda signed: signed + "." + signed.rpartition(".")[2],
    lambda signed: signed.upper(),
    lambda signed: "." + signed.rpartition(".")[2],
    lambda signed: "",
    lambda signed: ".",
    lambda signed: "\x00",
    lambda signed: "a" * 10_000,
]


@pytest.mark.parametrize("mangle", MANGLED)
def test_a_mangled_value_is_refused(mangle: Callable[[str], str]) -> None:
    signatures = Signatures(KEYS, "session")
    assert signatures.unsign(mangle(signatures.sign(VALUE))) is None


def test_a_value_signed_for_one_purpose_is_refused_for_another() -> None:
    assert Signatures(KEYS, "session").unsign(Signatures(KEYS, "page").sign(VALUE)) is None


def test_keys_rotate() -> None:
    old, both, new = Signatures(KEYS[1:], "x"), Signatures(KEYS, "x"), Signatures(KEYS[:1], "x")
    assert both.unsign(old.sign(VALUE)) == VALUE
    assert both.sign(VALUE) == new.sign(VALUE)
    assert new.unsign(old.sign(VALUE)) is None


def test_code_digests_are_bound_and_keyed() -> None:
    digests, other_key = CodeDigests(KEYS), CodeDigests(KEYS[1:])
    bound = digests.digest("12345678", "verify", "ada@example.test")
    assert bound == digests.digest("12345678", "verify", "ada@example.test")
    assert len(bound) == 32
    others = [
        digests.digest("12345679", "verify", "ada@example.test"),
        digests.digest("12345678", "reset", "ada@example.test"),
        digests.digest("12345678", "verify", "bob@example.test"),
        digests.digest("12345678", "verifyada@example.test"),
        other_key.digest("12345678", "verify", "ada@example.test"),
    ]
    assert bound not in others


def test_codes_are_eight_digits_and_rarely_the_same() -> None:
    """ASVS 6.5.4, 6.4.1: of 10^5 among 10^8, chance makes some 50 alike."""
    codes = [secrets.new_code() for _ in range(100_000)]
    assert all(len(code) == 8 and code.isdecimal() for code in codes)
    assert len(codes) - len(set(codes)) < 200
    assert {code[0] for code in codes} == set(string.digits)


FORKED = """
import os, sys
from app.core import secrets

secrets.new_secret()
for child in range(4):
    if os.fork() == 0:
        with open(f"{sys.argv[1]}/{child}", "w") as file:
            file.writelines(f"{secrets.new_secret()}\\n" for _ in range(250_000))
        os._exit(0)
sys.exit(max(os.wait()[1] for _ in range(4)))
"""


def test_processes_that_were_forked_never_make_the_same_secret(tmp_path: Path) -> None:
    """ASVS 11.5.2: a million, of four children that began with the memory of one parent."""
    subprocess.run([sys.executable, "-c", FORKED, str(tmp_path)], check=True, timeout=50)
    made = [line for file in sorted(tmp_path.iterdir()) for line in file.read_text().splitlines()]
    assert len(made) == len(set(made)) == 1_000_000


def test_secrets_have_256_bits() -> None:
    assert {len(secrets.new_secret()) for _ in range(100)} == {43}
    assert len({secrets.new_secret() for _ in range(1000)}) == 1000
    assert max(secrets.new_secret_number().bit_length() for _ in range(100)) in range(248, 257)
    assert len(secrets.new_error_id()) == 16


def test_identifiers_are_version_7_and_in_order() -> None:
    times = [NOW + timedelta(milliseconds=number) for number in range(1000)]
    made = [secrets.new_id(at) for at in times]
    assert {(each.version, each.variant) for each in made} == {(7, "specified in RFC 4122")}
    assert made == sorted(made)
    assert [each.int >> 80 for each in made] == [int(at.timestamp() * 1000) for at in times]
    assert len({secrets.new_id(NOW) for _ in range(1000)}) == 1000


def test_what_is_stored_of_a_secret() -> None:
    assert secrets.digest("secret") == hashlib.sha256(b"secret").digest()
    assert secrets.same(b"a", b"a")
    assert not secrets.same(b"a", b"b")


def test_a_key_of_this_machine_is_made_once_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    file = tmp_path / "data" / "secret.key"
    key = local_key(file)
    assert (len(key), local_key(file)) == (64, key)
    assert (file.stat().st_mode & 0o777, file.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    assert list(file.parent.iterdir()) == [file]


def test_a_key_written_by_hand_may_end_with_a_line_break(tmp_path: Path) -> None:
    file = tmp_path / "secret.key"
    file.touch(mode=0o600)
    file.write_text(f"{KEYS[0]}\n")
    assert local_key(file) == KEYS[0]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o660, 0o644])
def test_a_key_that_others_can_reach_is_refused(mode: int, tmp_path: Path) -> None:
    file = tmp_path / "secret.key"
    local_key(file)
    file.chmod(mode)
    with pytest.raises(PermissionError, match="chmod 600"):
        local_key(file)


def test_of_many_that_start_together_all_read_the_same_key(tmp_path: Path) -> None:
    """Threads have one process id, as processes in two containers do."""
    for number in range(20):
        file = tmp_path / str(number) / "secret.key"
        with ThreadPoolExecutor(8) as threads:
            assert len(set(threads.map(local_key, [file] * 8))) == 1
        assert list(file.parent.iterdir()) == [file]


def test_two_processes_that_start_together_read_the_same_key(tmp_path: Path) -> None:
    program = "import sys; from pathlib import Path; from app.core.secrets import local_key\n"
    program += "print(local_key(Path(sys.argv[1])))"
    command = [sys.executable, "-c", program, str(tmp_path / "secret.key")]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    keys = [process.communicate(timeout=30)[0] for process in both]
    assert keys[0] == keys[1] == f"{local_key(tmp_path / 'secret.key')}\n"


def test_what_limits_go_by_is_hidden_under_a_key() -> None:
    hidden = LimitKeys(KEYS).hidden("192.0.2.1 ada@example.test")
    assert re.fullmatch("[0-9a-f]{32}", hidden)
    assert hidden == LimitKeys(KEYS[:1]).hidden("192.0.2.1 ada@example.test")
    others = {
        LimitKeys(("another-key-of-32-characters-0123",)).hidden("192.0.2.1 ada@example.test"),
        LimitKeys(KEYS).hidden("192.0.2.1 bob@example.test"),
        CodeDigests(KEYS).digest("192.0.2.1 ada@example.test").hex()[:32],
        LimitKeys(KEYS).hidden("\ud800"),
    }
    assert len(others | {hidden}) == 5
