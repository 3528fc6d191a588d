"""What attempts are counted by."""

import ipaddress

UNKNOWN_NETWORK = "unknown"


def network_of(ip: str) -> str:
    """The key of a client address: IPv4 as it is, also when mapped into IPv6; IPv6 by /64, which one client owns whole.

    What is no address shares one key. It must never come to mean "no limit".
    """
    try:
        address = ipaddress.ip_address(ip)
    except ValueError:
        return UNKNOWN_NETWORK
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    if address.ipv4_mapped:
        return str(address.ipv4_mapped)
    return str(ipaddress.IPv6Network((int(address), 64), strict=False))
