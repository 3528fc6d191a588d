"""A cookie and an Authorization header beside each other: Bearer, if present, alone decides."""

from tests.accounts.calls import ADA, account, tab
from tests.support.service import Browser, Gatepost
from tests.tokens.calls import create, id_of, value_of, works

WRONG_TOKEN = "gp_" + "0" * 49


CASES = [
    ("Bearer {token}", "{session}", "token"),
    ("Bearer {token}", "wrong", "token"),
    ("Bearer {token}", None, "token"),
    ("bearer {token}", None, "token"),
    ("BEARER  {token} ", None, "token"),
    (f"Bearer {WRONG_TOKEN}", "{session}", None),
    (f"Bearer {WRONG_TOKEN}", "wrong", None),
    (f"Bearer {WRONG_TOKEN}", None, None),
    ("Bearer", "{session}", None),
    ("Bearer ", "{session}", None),
    ("Bearer {session}", "{session}", None),
    ("Bearer {token} {token}", "{session}", None),
    ("Basic YTpi", "{session}", "session"),
    ("Basic {token}", None, None),
    ("Digest nonce", "{session}", "session"),
    ("{token}", "{session}", "session"),
    ("{token}", None, None),
    ("", "{session}", "session"),
    ("BearerX {token}", "{session}", "session"),
    (None, "{session}", "session"),
    (None, "{token}", None),
    (None, "wrong", None),
    (None, None, None),
]
"""Authorization, cookie, and which of the two is let in."""


async def test_who_is_let_in(gatepost: Gatepost) -> None:
    ada = await gatepost.session(ADA)
    created = await create(ada.tokens)
    known = {"token": value_of(created), "session": ada.session}
    for authorization, cookie, let_in in CASES:
        headers = {} if authorization is None else {"authorization": authorization.format(**known)}
        browser: Browser = gatepost.browser(headers=headers)
        browser.session = None if cookie is None else cookie.format(**known)
        assert await works(browser) is (let_in is not None), (authorization, cookie)
        if let_in is not None:
            assert (await account(browser)).token_uuid == (id_of(created) if let_in == "token" else "")
    assert await works(tab(gatepost, ada.session))
