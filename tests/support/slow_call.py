"""Calls whose client takes its time over the body, for what happens meanwhile."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from starlette.types import Message

from tests.rpc.asgi import Reply, collecting, http_scope, reply
from tests.support.service import COOKIE, Browser, Gatepost


@dataclass
class SlowCall:
    """A call that the guard has let in, and whose body has not come yet."""

    task: asyncio.Task[None]
    body: asyncio.Future[bytes]
    sent: list[Message]

    async def finish(self, message: Mapping[str, Any]) -> Reply:
        self.body.set_result(json.dumps(message).encode())
        await self.task
        return reply(self.sent)


async def slow(gatepost: Gatepost, browser: Browser, rpc: str) -> SlowCall:
    """Begin `<rpc>`, with its package, with the browser's cookie: its client takes its time over the body."""
    asked, body = asyncio.Event(), asyncio.get_running_loop().create_future()

    async def receive() -> Message:
        if asked.is_set():
            await asyncio.Event().wait()  # it never hangs up
        asked.set()
        return {"type": "http.request", "body": await body, "more_body": False}

    headers = [(b"host", b"gatepost.test"), (b"content-type", b"application/json")]
    cookie = (b"cookie", f"{COOKIE}={browser.session}".encode())
    sent: list[Message] = []
    scope = http_scope(f"/{rpc}", "POST", [*headers, cookie])
    task = asyncio.ensure_future(gatepost.app(scope, receive, collecting(sent)))
    await asyncio.wait_for(asked.wait(), 10)
    return SlowCall(task, body, sent)
