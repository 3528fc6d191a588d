"""Where a call comes from: one reader of X-Forwarded-For, going by TRUSTED_PROXIES."""

from collections.abc import Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import structlog
from starlette.types import Scope

from app.core.caller import Client
from app.rpc.caller import Context

Address = IPv4Address | IPv6Address
_USER_AGENT_LENGTH = 256
_log = structlog.get_logger()


class Clients:
    """Tells the client of a call. An address that a stranger wrote is never believed (ASVS 4.1.3)."""

    def __init__(self, trusted_proxies: Sequence[str]) -> None:
        self._proxies = [ip_network(proxy) for proxy in trusted_proxies]
        self._warned = False

    def of(self, ctx: Context) -> Client:
        headers = ctx.request_headers
        # `get` takes a microsecond to find nothing.
        user_agent = headers["user-agent"] if "user-agent" in headers else ""  # noqa: SIM401
        address = ctx.client_address or ""
        if "x-forwarded-for" not in headers:
            return _connected(address, user_agent[:_USER_AGENT_LENGTH])
        return self._client(_peer(address), headers.getall("x-forwarded-for"), user_agent)

    def of_refused(self, scope: Scope) -> Client:
        """The same for a call that reaches no RPC, whose user agent is of no use to anybody."""
        peer, *_ = scope.get("client") or ("",)
        forwarded = [value.decode("latin-1") for name, value in scope["headers"] if name == b"x-forwarded-for"]
        return self._client(peer, forwarded, user_agent="")

    def _client(self, peer: str, forwarded: Sequence[str], user_agent: str) -> Client:
        ip = self._behind_proxies(peer, forwarded) if forwarded else peer
        return Client(ip=ip, user_agent=_one_line(user_agent))

    def _behind_proxies(self, peer: str, forwarded: Sequence[str]) -> str:
        """The address nearest to us that no trusted proxy has: what stands left of it anybody may have written."""
        if not self._trusts(_address(peer)):
            self._warn_once()
            return peer
        hops = [_address(hop.strip()) for line in forwarded for hop in line.split(",")]
        nearest = peer
        for hop in reversed(hops):
            if hop is None:
                break
            nearest = str(hop)
            if not self._trusts(hop):
                break
        return nearest

    def _trusts(self, address: Address | None) -> bool:
        return address is not None and any(address in proxy for proxy in self._proxies)

    def _warn_once(self) -> None:
        if not self._warned:
            self._warned = True
            _log.warning(
                "forwarded_for_ignored", mend="if a proxy of yours sent it, list its address in TRUSTED_PROXIES"
            )


def _peer(address: str) -> str:
    return address.rpartition(":")[0].strip("[]")


@lru_cache(1024)
def _connected(address: str, user_agent: str) -> Client:
    """Remembered, since connections are kept for many calls."""
    return Client(_peer(address), _one_line(user_agent))


def _address(value: str) -> Address | None:
    """The address in its one spelling: without a zone, behind whose % anything may stand, and IPv4 also where it came
    mapped into IPv6, as it does on a socket that listens for both."""
    try:
        address = ip_address(value.partition("%")[0])
    except ValueError:
        return None
    return (address.ipv4_mapped if isinstance(address, IPv6Address) else None) or address


def _one_line(value: str) -> str:
    """Printable, on one line, bounded: it goes into mails and lists (ASVS 16.4.1)."""
    value = value[:_USER_AGENT_LENGTH]
    return value if value.isprintable() else "".join(each if each.isprintable() else " " for each in value)
