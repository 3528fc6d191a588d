"""How each page of the console looks, and what it costs to look: axe, narrow screens, colours, motion, calls.

Pictures of all pages are left in tests/browser/pictures/. The README shows three of them: run the tests of this
file, then `make test ARGS="tests/browser/console/test_looks.py -k readme --write-pictures"`.
"""

import re
import shutil
from collections import Counter
from typing import Literal

import pytest
from playwright.async_api import expect

from tests.accounts.calls import refresh, verify
from tests.browser.console.visit import ADA, Visit
from tests.e2e.programs import NODE_MODULES
from tests.e2e.server import ROOT
from tests.tokens.calls import create, expire, id_of, value_of, works

pytestmark = pytest.mark.only("sqlite")  # the browser sees no database

PICTURES = ROOT / "tests/browser/pictures"
AXE = (NODE_MODULES / "axe-core/axe.min.js").read_text()
LOADED = ["RefreshSession", "GetAccount"]
"""Calls of every page for which one must be signed in."""
PAGES: dict[str, tuple[str, list[str]]] = {
    "sign-in": ("Sign in", []),
    "sign-up": ("Create an account", []),
    "verify-email": ("Confirm your address", []),
    "forgotten-password": ("Forgotten password", []),
    "new-password": ("New password", []),
    "tokens": ("Tokens", [*LOADED, "ListTokens"]),
    "new-token": ("New token", LOADED),
    "token": ("deployment", [*LOADED, "GetToken"]),
    "sessions": ("Sessions", [*LOADED, "ListSessions"]),
    "activity": ("Activity", [*LOADED, "ListSecurityEvents"]),
    "account": ("Account", LOADED),
}
"""The heading of each page, and the calls that its load makes."""
IN_README = {"tokens": "light", "token-value": "light", "sessions": "dark"}
LARGEST = 60_000
"""Bytes of a picture in the README."""
LAPTOP = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
PHONE = "Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/143.0 Safari/537.36"
each_page = pytest.mark.parametrize("name", PAGES)


@each_page
async def test_a_page(name: str, visit: Visit) -> None:
    heading, calls = PAGES[name]
    deployment = await _furnish(visit) if calls else ""
    await visit.open(f"token?id={deployment}" if name == "token" else name)
    await visit.on(heading)
    await visit.page.wait_for_load_state("networkidle")
    assert Counter(rpc for _, rpc in visit.calls) == Counter(calls)
    await _looked_at(visit, name)


async def test_a_form_that_was_refused(visit: Visit) -> None:
    await visit.open("sign-up")
    await visit.press("Create account")
    await visit.refused("E-mail address", "fill this in")
    await _looked_at(visit, "sign-up-refused")


async def test_an_alarm(visit: Visit) -> None:
    await visit.open()
    await visit.sign_in(password="not this one")
    await visit.alarm("is wrong")
    await _looked_at(visit, "sign-in-refused")


async def test_no_tokens_yet(visit: Visit) -> None:
    await visit.has_session()
    await visit.open("tokens")
    await expect(visit.page.get_by_role("heading", name="No tokens yet")).to_be_visible()
    await _looked_at(visit, "tokens-none")


async def test_a_question(visit: Visit) -> None:
    await visit.has_session()
    await visit.open("sessions")
    await visit.press("Sign out everywhere")
    await expect(visit.page.get_by_role("dialog")).to_be_visible()
    await _looked_at(visit, "question")


async def test_nothing_moves_for_whoever_wants_it_still(visit: Visit) -> None:
    """While a page waits for the service, which is when something moves."""
    await visit.has_session()
    visit.site.hold("tokens.v1.TokensService/ListTokens", 2)
    await visit.page.emulate_media(reduced_motion="no-preference")
    await visit.open("tokens")
    await expect(visit.page.get_by_text("Loading")).to_be_attached()
    assert await visit.page.evaluate(_MOVING) != []
    await visit.page.emulate_media(reduced_motion="reduce")
    assert await visit.page.evaluate(_MOVING) == []
    await visit.tab("tokens")  # the second call, which lets both go on
    await expect(visit.page.get_by_text("Loading")).to_have_count(0)


async def test_a_value_that_is_shown_once(visit: Visit) -> None:
    await _furnish(visit)
    await visit.open("new-token")
    await visit.fill({"Name": "release pipeline"})
    await visit.press("Create token")
    await visit.on("release pipeline")
    await _looked_at(visit, "token-value")


def test_the_pictures_of_the_readme(request: pytest.FixtureRequest) -> None:
    for name, scheme in IN_README.items():
        picture = ROOT / f"docs/console-{name}.png"
        if request.config.getoption("--write-pictures"):
            shutil.copy(PICTURES / f"{name}-{scheme}.png", picture)
        assert picture.stat().st_size < LARGEST
    shown = re.findall(r"!\[.+\]\(docs/console-(.+)\.png\)", (ROOT / "README.md").read_text())
    assert sorted(shown) == sorted(IN_README)


async def _looked_at(visit: Visit, name: str) -> None:
    """Nothing serious for axe, in either scheme, and no sideways scrolling on a narrow screen; leaves pictures."""
    PICTURES.mkdir(exist_ok=True)
    await visit.profile.clock.resume()  # axe sets timers
    schemes: tuple[Literal["light", "dark"], ...] = ("light", "dark")
    for scheme in schemes:
        await visit.page.emulate_media(color_scheme=scheme)
        await visit.page.set_viewport_size({"width": 1000, "height": 640})
        assert await visit.page.evaluate(_GROUND) == scheme
        assert await _found_by_axe(visit) == []
        await visit.page.screenshot(path=PICTURES / f"{name}-{scheme}.png", full_page=True)
        for width in (360, 1440):
            await visit.page.set_viewport_size({"width": width, "height": 640})
            assert await visit.page.evaluate("document.documentElement.scrollWidth") <= width
        await visit.page.set_viewport_size({"width": 360, "height": 640})
        assert await _found_by_axe(visit) == []
        await visit.page.screenshot(path=PICTURES / f"{name}-{scheme}-360.png", full_page=True)


async def _found_by_axe(visit: Visit) -> list[str]:
    await visit.page.evaluate(AXE)
    found = await visit.page.evaluate("axe.run(document, { resultTypes: ['violations'] })")
    return [
        f"{each['id']}: {node['html']}"
        for each in found["violations"]
        if each["impact"] in ("serious", "critical")
        for node in each["nodes"]
    ]


_GROUND = """() => {
  const [red, green, blue] = getComputedStyle(document.body).backgroundColor.match(/[\\d.]+/g).map(Number);
  return red + green + blue > 3 * 128 ? "light" : "dark";
}"""
_MOVING = """() => [...document.querySelectorAll("*")]
  .filter((element) => ["", "::before", "::after"].some((part) => {
    const { animationName, transitionDuration } = getComputedStyle(element, part);
    return animationName !== "none" || transitionDuration.split(", ").some((each) => parseFloat(each) > 0);
  }))
  .map((element) => element.outerHTML)"""


async def _furnish(visit: Visit) -> str:
    """An account that has been lived with, and a session of it for the profile. The UUID of the token `deployment`."""
    laptop = await visit.gatepost.session(ADA, headers={"user-agent": LAPTOP})
    await verify(laptop, await visit.mailbox.code(ADA))
    await expire(laptop.tokens, id_of(await create(laptop.tokens, "first try")))
    await visit.wait(days=3)
    await refresh(laptop)
    await visit.wait(days=2, hours=1)
    await visit.gatepost.session(ADA, headers={"user-agent": PHONE})
    deployment = await create(laptop.tokens, "deployment", scopes=["orders:read", "orders:write"])
    await visit.wait(hours=5)
    made = await create(laptop.tokens, "nightly report", scopes=["account:read", "tokens:read"])
    assert await works(visit.gatepost.bearer(value_of(made)))
    await visit.gatepost.parts.activities[1].flush()
    await visit.wait(minutes=20)
    await visit.has_session(user_agent=await visit.page.evaluate("navigator.userAgent"))
    return id_of(deployment)
