"""What attempts are counted by."""

import pytest

from app.limits import UNKNOWN_NETWORK, Limit, Per, network_of


@pytest.mark.parametrize(
    ("ip", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:DB8:1:2:ffff::1", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::1", "2001:db8:1:3::/64"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("::ffff:c000:207", "192.0.2.7"),
        ("::1", "::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", UNKNOWN_NETWORK),
        ("testclient", UNKNOWN_NETWORK),
        ("192.0.2.7:443", UNKNOWN_NETWORK),
        ("192.0.2.0/24", UNKNOWN_NETWORK),
        ("192.0.2.7, 198.51.100.1", UNKNOWN_NETWORK),
    ],
)
def test_the_network_that_a_client_is_counted_by(ip: str, network: str) -> None:
    assert network_of(ip) == network


KEYS = {
    Per.CLIENT: "2001:db8:1:2::/64",
    Per.ADDRESS: "ada@example.test",
    Per.CLIENT_AND_ADDRESS: "2001:db8:1:2::/64 ada@example.test",
    Per.ACCOUNT: "018f0000000070008000000000000000",
    Per.SERVICE: "",
}


@pytest.mark.parametrize("per", Per)
def test_the_key_of_an_attempt(per: Per) -> None:
    key = Limit("any", 1, 60, per).key("2001:db8:1:2:3:4:5:6", "ada@example.test", KEYS[Per.ACCOUNT])
    assert key == KEYS[per]
