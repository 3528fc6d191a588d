"""The documented contract against what is built: nothing renamed, retyped, removed or reworded, additions by name."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest

from gen.accounts.v1 import accounts_v1_pb
from gen.test.v1 import test_v1_pb
from gen.tokens.v1 import tokens_v1_pb

from .commands import ROOT, environment
from .protodoc import Contract, flat, read_descriptors, read_page

ADDITIONS = {
    "accounts.v1.AccountsService/GetAccount",
    "accounts.v1.GetAccountRequest",
    "accounts.v1.GetAccountResponse",
    "accounts.v1.GetAccountResponse.data",
    "accounts.v1.GetAccountResponse.email_verified",
    "accounts.v1.GetAccountResponse.created_at",
    "accounts.v1.GetAccountResponse.pending_email",
    "accounts.v1.GetAccountResponse.account_id",
    "accounts.v1.GetAccountResponse.scopes",
    "accounts.v1.GetAccountResponse.token_uuid",
    "accounts.v1.GetAccountResponse.credential_expires_at",
    "accounts.v1.AccountsService/SignOut",
    "accounts.v1.SignOutRequest",
    "accounts.v1.SignOutRequest.everywhere",
    "accounts.v1.SignOutResponse",
    "accounts.v1.PublicAccountsService/VerifyEmail",
    "accounts.v1.PublicAccountsService/ResetPassword",
    "accounts.v1.PublicAccountsService/NewPassword",
    "accounts.v1.AccountsService/UpdateAccount",
    "accounts.v1.AccountsService/SendVerificationEmail",
    "accounts.v1.AccountsService/ChangePassword",
    "accounts.v1.AccountsService/ListSessions",
    "accounts.v1.AccountsService/RevokeSession",
    "accounts.v1.AccountsService/ListSecurityEvents",
    "accounts.v1.AccountsService/DeleteAccount",
    "accounts.v1.VerifyEmailRequest",
    "accounts.v1.VerifyEmailRequest.data",
    "accounts.v1.VerifyEmailRequest.code",
    "accounts.v1.VerifyEmailResponse",
    "accounts.v1.ResetPasswordResponse",
    "accounts.v1.NewPasswordResponse",
    "accounts.v1.UpdateAccountRequest",
    "accounts.v1.UpdateAccountRequest.data",
    "accounts.v1.UpdateAccountResponse",
    "accounts.v1.SendVerificationEmailRequest",
    "accounts.v1.SendVerificationEmailResponse",
    "accounts.v1.ChangePasswordRequest",
    "accounts.v1.ChangePasswordRequest.current_password",
    "accounts.v1.ChangePasswordRequest.new_password",
    "accounts.v1.ChangePasswordResponse",
    "accounts.v1.ListSessionsRequest",
    "accounts.v1.ListSessionsResponse",
    "accounts.v1.ListSessionsResponse.session_id",
    "accounts.v1.ListSessionsResponse.created_at",
    "accounts.v1.ListSessionsResponse.last_seen_at",
    "accounts.v1.ListSessionsResponse.expires_at",
    "accounts.v1.ListSessionsResponse.user_agent",
    "accounts.v1.ListSessionsResponse.ip_address",
    "accounts.v1.ListSessionsResponse.current",
    "accounts.v1.ListSessionsResponse.token_uuid",
    "accounts.v1.RevokeSessionRequest",
    "accounts.v1.RevokeSessionRequest.session_id",
    "accounts.v1.RevokeSessionResponse",
    "accounts.v1.ListSecurityEventsRequest",
    "accounts.v1.ListSecurityEventsResponse",
    "accounts.v1.ListSecurityEventsResponse.event_id",
    "accounts.v1.ListSecurityEventsResponse.occurred_at",
    "accounts.v1.ListSecurityEventsResponse.kind",
    "accounts.v1.ListSecurityEventsResponse.ip_address",
    "accounts.v1.ListSecurityEventsResponse.user_agent",
    "accounts.v1.ListSecurityEventsResponse.session_id",
    "accounts.v1.ListSecurityEventsResponse.token_uuid",
    "accounts.v1.DeleteAccountRequest",
    "accounts.v1.DeleteAccountRequest.password",
    "accounts.v1.DeleteAccountResponse",
    "tokens.v1.TokenMetadata.created_at",
    "tokens.v1.TokenMetadata.last_used_at",
    "tokens.v1.TokenMetadata.regenerated_at",
    "tokens.v1.TokenMetadata.value_hint",
    "tokens.v1.TokenPermissions.scopes",
    "tokens.v1.TokensService/ListTokensPage",
    "tokens.v1.ListTokensPageRequest",
    "tokens.v1.ListTokensPageRequest.page_size",
    "tokens.v1.ListTokensPageRequest.page_token",
    "tokens.v1.ListTokensPageResponse",
    "tokens.v1.ListTokensPageResponse.tokens",
    "tokens.v1.ListTokensPageResponse.next_page_token",
}


def test_documented_page_is_read_whole(documented: Contract) -> None:
    counted = [sum(shape == kind for shape in documented.shapes.values()) for kind in ("file", "service", "message")]
    assert counted == [3, 5, 27]
    assert sum("/" in name and "->" in shape for name, shape in documented.shapes.items()) == 13
    assert documented.shapes["tokens.v1.TokensService/ListTokens"] == (
        "google.protobuf.Empty -> stream tokens.v1.ListTokensResponse"
    )


def test_shapes_are_the_documented_ones(documented: Contract, built: Contract) -> None:
    assert {name: built.shapes.get(name) for name in documented.shapes} == documented.shapes


def test_nothing_but_the_named_additions_is_new(documented: Contract, built: Contract) -> None:
    assert built.shapes.keys() - documented.shapes.keys() == ADDITIONS


def test_comments_are_the_documented_ones(documented: Contract, reference: Contract) -> None:
    worded = {name: comment for name, comment in documented.comments.items() if comment}
    assert {name: reference.comments.get(name) for name in worded} == worded


def test_everything_has_a_comment(reference: Contract) -> None:
    # A file may do without: nothing shows its comment but this page.
    assert [name for name, comment in reference.comments.items() if not comment] == ["test/v1/test_v1.proto"]


def test_layout_is_the_documented_one(documented_page: str, tmp_path: Path) -> None:
    """The plug-in, given the protos as they were documented, writes the documented page to the letter."""
    plugin = {"local": ["python", "tools/protoc_gen_apidoc.py"], "out": str(tmp_path), "strategy": "all"}
    template = json.dumps({"version": "v2", "plugins": [plugin]})
    subprocess.run(
        ["buf", "generate", "proto/baseline.binpb", "--template", template], cwd=ROOT, env=environment(), check=True
    )
    assert flat((tmp_path / "api.md").read_text(encoding="utf-8")) == flat(documented_page)


def test_links_lead_somewhere() -> None:
    page = (ROOT / "docs/api.md").read_text(encoding="utf-8")
    targets = {*re.findall(r'<a name="([^"]+)"', page), "scalar-value-types"}
    # Google's own messages are on no page of ours; the documented layout links them all the same.
    elsewhere = {"google-protobuf-Empty", "google-protobuf-Timestamp"}
    assert set(re.findall(r"\(#([^)]+)\)", page)) - targets == elsewhere


@pytest.fixture(scope="module")
def documented_page() -> str:
    return (Path(__file__).parent / "data/protocol-documentation.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def documented(documented_page: str) -> Contract:
    return read_page(documented_page)


@pytest.fixture(scope="module")
def reference() -> Contract:
    return read_page((ROOT / "docs/api.md").read_text(encoding="utf-8"))


@pytest.fixture(scope="module", params=["descriptors", "docs/api.md"])
def built(request: pytest.FixtureRequest, reference: Contract) -> Contract:
    if request.param == "docs/api.md":
        return reference
    return read_descriptors([accounts_v1_pb.desc(), tokens_v1_pb.desc(), test_v1_pb.desc()])
