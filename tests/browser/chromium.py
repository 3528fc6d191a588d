"""A real Chromium, with all that protects its user left on."""

import os
import platform
import subprocess
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from playwright.async_api import Browser, async_playwright

from tests.e2e.programs import NODE_MODULES
from tests.e2e.server import ROOT

_PACKAGED = NODE_MODULES / ".chromium"
"""Where `make test` has tests/node/chromium.mjs unpack it."""


@asynccontextmanager
async def chromium(*, trusts: Sequence[str] = ()) -> AsyncIterator[Browser]:
    """A started browser.

    `trusts`: keys whose certificates are good without an authority that it knows, each as the SHA-256 of its
    SubjectPublicKeyInfo in base64. Any other certificate is checked as ever.
    """
    # Playwright turns no protection off, save for the sandbox around Chromium's own processes, by this one parameter.
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=_program(),
            chromium_sandbox=_can_sandbox(),
            env=_environment(),
            args=["--disable-gpu", f"--ignore-certificate-errors-spki-list={','.join(trusts)}"],
        )
        yield browser
        await browser.close()


def _program() -> Path | str:
    if chosen := os.environ.get("CHROMIUM"):
        return chosen
    if (platform.system(), platform.machine()) != ("Linux", "x86_64"):
        pytest.fail("the Chromium in tests/node is for Linux on x86-64: set CHROMIUM to one that is installed here")
    if not _PACKAGED.exists():
        pytest.fail(f"{_PACKAGED} is missing: make test unpacks it")
    return _PACKAGED / "chromium"


def _environment() -> dict[str, str | float | bool]:
    """The package brings the libraries and the font that a bare machine lacks."""
    packaged = {"LD_LIBRARY_PATH": f"{_PACKAGED}/al2023/lib", "FONTCONFIG_FILE": str(ROOT / "tests/browser/fonts.conf")}
    return {**os.environ, **({} if "CHROMIUM" in os.environ else packaged)}


def _can_sandbox() -> bool:
    """Not as root, nor where the system gives a user no namespaces, as in many containers."""
    return os.geteuid() != 0 and subprocess.run(["unshare", "-Ur", "true"], stderr=subprocess.DEVNULL).returncode == 0
