"""Rules about secrets that `make check` holds the code to, tried on code that breaks them."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.requests import field_paths
from tests.test_policy import METHODS

ROOT = Path(__file__).parents[1]
SECRET_NAMES = ("password", "secret", "digest", "code", "signature", "token", "value", "hash")

# Comparisons by == of what is named like a secret, and why each of them may be.
NOT_SECRET = {
    "app/tokens/expiration.py expired == token": "two states of a row; nothing in either came with the request",
    "app/tokens/operation.py expired == token": "the same",
    "app/tokens/regeneration.py token.value_digest != seen.value_digest": "two states of a row",
    "app/accounts/deletion.py account.password_hash != seen.password_hash": "two states of a row",
    "app/mail/smtp.py refusal.code != 530": "a mail server's reply code",
}


@pytest.mark.parametrize("module", ["hashlib", "hmac", "random", "secrets"])
def test_cryptography_and_chance_stand_on_one_page(module: str) -> None:
    """ASVS 11.1.3, 6.5.3: elsewhere in app/ ruff refuses the import."""
    assert "TID251" in _ruff("app/accounts/anywhere.py", f"import {module}\n\n{module}.anything()\n")
    assert "TID251" in _ruff("app/accounts/anywhere.py", f"from {module} import anything\n\nanything()\n")


def test_that_page_may() -> None:
    assert _ruff("app/core/secrets.py", "import hmac\n\nhmac.anything()\n") == ""


def test_secrets_are_compared_in_constant_time() -> None:
    """ASVS 11.2.4: `==` takes longer the more of the beginning is right; `core.secrets.same` does not."""
    assert set(_comparisons()) == set(NOT_SECRET)


def test_what_compares_in_constant_time() -> None:
    tree = ast.parse((ROOT / "app/core/secrets.py").read_text())
    (same,) = [each for each in tree.body if isinstance(each, ast.FunctionDef) and each.name == "same"]
    assert ast.unparse(same.body[-1]) == "return hmac.compare_digest(one, other)"


def test_a_comparison_of_secrets_would_be_found() -> None:
    found = list(_secret_comparisons(ast.parse("if given.code_digest == digests.digest(code): pass\nx = 1 == y")))
    assert found == ["given.code_digest == digests.digest(code)"]


def test_no_message_has_a_hint_or_a_secret_question() -> None:
    """ASVS 6.4.2."""
    fields = {
        path for method in METHODS.values() for each in (method.input, method.output) for path in field_paths(each)
    }
    assert "email" in fields
    found = {path.rpartition(".")[2] for path in fields if re.search("hint|question|answer|maiden|birth", path)}
    assert found == {"value_hint"}  # of a token: the first characters of its value


def _comparisons() -> Iterator[str]:
    for path in sorted((ROOT / "app").rglob("*.py")):
        # In a store and the outbox == is SQL, where the database finds digests by their index.
        if path.name not in ("store.py", "outbox.py") and path.parent.name != "store":
            for found in _secret_comparisons(ast.parse(path.read_text())):
                yield f"{path.relative_to(ROOT)} {found}"


def _secret_comparisons(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        equality = isinstance(node, ast.Compare) and isinstance(node.ops[0], ast.Eq | ast.NotEq)
        if equality and any(_named_like_a_secret(each) for each in (node.left, *node.comparators)):
            yield ast.unparse(node)


def _named_like_a_secret(node: ast.expr) -> bool:
    match node:
        case ast.Call(func=func):
            return _named_like_a_secret(func)
        case ast.Name(id=name) | ast.Attribute(attr=name):
            words = name.lower().split("_")
            return words[-1] != "id" and any(word in SECRET_NAMES for word in words)  # an ID is no secret (ASVS 11.5.1)
    return False


def _ruff(path: str, code: str) -> str:
    """What ruff, as the project configures it, says of this code at this path."""
    command = [sys.executable, "-m", "ruff", "check", "--quiet", "--output-format=concise", "--no-cache"]
    checked = subprocess.run(
        [*command, "--stdin-filename", path, "-"], input=code, cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert checked.stderr == ""
    return checked.stdout
