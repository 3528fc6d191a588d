"""Pages of other origins than the service's, and the calls they make."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.async_api import BrowserContext, Page
from starlette.responses import HTMLResponse
from starlette.staticfiles import StaticFiles

from tests.e2e.programs import node_project, run
from tests.e2e.server import ROOT
from tests.support.service import PASSWORD

blank = HTMLResponse("<!doctype html><html lang=en><title>A page</title>")
"""The page without content, as an application: tests run their own scripts in it."""

_SOURCES = (
    *(ROOT / "tests/node" / name for name in ("calls.ts", "connect_web.ts")),
    *(ROOT / "tests/browser/page" / name for name in ("index.html", "page.ts")),
)

SIGN_UP, SIGN_IN = (f"accounts.v1.PublicAccountsService/{method}" for method in ("SignUp", "SignIn"))
REFRESH, GET_ACCOUNT, SIGN_OUT = (
    f"accounts.v1.AccountsService/{method}" for method in ("RefreshSession", "GetAccount", "SignOut")
)
CREATE_TOKEN = "tokens.v1.TokensService/CreateToken"
PONG = "test.v1.TestAuthService/Pong"

_CALL = """async ([url, message]) => {
  const init = { method: "POST", body: JSON.stringify(message), credentials: "include" };
  const answer = await fetch(url, { ...init, headers: { "Content-Type": "application/json" } });
  return [answer.status, await answer.json()];
}"""


def build(folder: Path) -> StaticFiles:
    """The page that calls by @connectrpc/connect-web, as an application; page/page.ts says how."""
    node_project(folder, *_SOURCES)
    built = run("vite", "build", folder=folder)
    assert built.status == 0, built.stdout + built.stderr
    return StaticFiles(directory=folder / "dist", html=True)


@dataclass(frozen=True, slots=True)
class Answer:
    status: int = 200
    message: dict[str, Any] = field(default_factory=dict)


async def call(page: Page, url: str, rpc: str, message: object = None) -> Answer:
    """One call in JSON that the page makes with the cookie. Fails as Playwright does if it may not read the answer."""
    return Answer(*await page.evaluate(_CALL, [f"{url}/{rpc}", message or {}]))


async def open_tab(profile: BrowserContext, origin: str) -> Page:
    tab = await profile.new_page()
    await tab.goto(origin)
    return tab


async def sign_in(page: Page, url: str, email: str) -> None:
    """Sign up, and in."""
    for rpc in (SIGN_UP, SIGN_IN):
        assert await call(page, url, rpc, {"email": email, "password": PASSWORD}) == Answer()
