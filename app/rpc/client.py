"""Where a call comes from: one reader of X-Forwarded-For, going by TRUSTED_PROXIES."""

from collections.abc import Sequence
from ipaddress import ip_address, ip_network

import structlog

from app.core.caller import Client
from app.rpc.caller import Context

_USER_AGENT_LENGTH = 256
_log = structlog.get_logger()


class Clients:
    """Tells the client of a call. An address that a stranger wrote is never believed (ASVS 4.1.3)."""

    def __init__(self, trusted_proxies: Sequence[str]) -> None:
        self._proxies = [ip_network(proxy) for proxy in trusted_proxies]
        self._warned = False

    def of(self, ctx: Context) -> Client:
        peer = (ctx.client_address or "").rpartition(":")[0].strip("[]")
        forwarded = ctx.request_headers.getall("x-forwarded-for")
        ip = self._behind_proxies(peer, forwarded) if forwarded else peer
        return Client(ip=ip, user_agent=_one_line(ctx.request_headers.get("user-agent", "")))

    def _behind_proxies(self, peer: str, forwarded: Sequence[str]) -> str:
        """The address nearest to us that no trusted proxy has: what stands left of it anybody may have written."""
        if not self._trusts(peer):
            self._warn_once()
            return peer
        hops = [hop.strip() for line in forwarded for hop in line.split(",")]
        nearest = peer
        for hop in reversed(hops):
            if not _is_address(hop):
                break
            nearest = hop
            if not self._trusts(hop):
                break
        return nearest

    def _trusts(self, ip: str) -> bool:
        return _is_address(ip) and any(ip_address(ip) in proxy for proxy in self._proxies)

    def _warn_once(self) -> None:
        if not self._warned:
            self._warned = True
            _log.warning(
                "forwarded_for_ignored", mend="if a proxy of yours sent it, list its address in TRUSTED_PROXIES"
            )


def _is_address(value: str) -> bool:
    try:
        ip_address(value)
    except ValueError:
        return False
    return True


def _one_line(value: str) -> str:
    """Printable, on one line, bounded: it goes into mails and lists (ASVS 16.4.1)."""
    return "".join(each if each.isprintable() else " " for each in value[:_USER_AGENT_LENGTH])
