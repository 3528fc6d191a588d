"""Afterwards: whether all that was acknowledged is there, at each replica, and nothing that was revoked lives."""

from collections.abc import Sequence

from protobuf.wkt import Empty

from bench.upheaval.people import Address, Person, Tally
from gen.accounts.v1 import accounts_v1_pb as accounts
from gen.test.v1.test_v1_pb import PongRequest


async def hold(person: Person, replicas: Sequence[Address], tally: Tally) -> None:
    """Adds to `tally.wrong` what does not hold."""
    await person.at.sign_in(person.email, person.password)
    await _what_was_acknowledged(person, tally)
    for replica in replicas:
        for token, value in person.live.items():
            if token not in person.doubtful:
                caller = replica.browser(authorization=f"Bearer {value}")
                await tally.of(f"{replica.url}: a live token", caller.pong.pong(PongRequest()))
        for value, _ in person.dead_values:
            caller = replica.browser(authorization=f"Bearer {value}")
            await tally.dead(f"{replica.url}: a token's old value", caller.pong.pong(PongRequest()))
        for cookies, _ in person.dead_cookies:
            await tally.dead(
                f"{replica.url}: a session that signed out", replica.browser(cookies).pong.pong(PongRequest())
            )


async def _what_was_acknowledged(person: Person, tally: Tally) -> None:
    listed = {each.token_uuid.uuid: each async for each in person.at.tokens.list_tokens(Empty()) if each.token_uuid}
    for token, name in person.names.items():
        metadata = listed[token].token_metadata if token in listed else None
        if metadata is None:
            tally.wrong.append(f"a token is gone whose making was acknowledged: {token}")
        elif token not in person.doubtful and metadata.name != name:
            tally.wrong.append(f"a token has another name than was acknowledged: {metadata.name}")
    events = person.at.accounts.list_security_events(accounts.ListSecurityEventsRequest())
    made = [each async for each in events if each.kind == "token_created"]
    if not person.made <= len(made) == len(listed) <= person.made + person.maybe_made:
        counts = (
            f"{person.made} acknowledged, {person.maybe_made} unknown, {len(listed)} there, {len(made)} in the trail"
        )
        tally.wrong.append(f"tokens made: {counts}")
