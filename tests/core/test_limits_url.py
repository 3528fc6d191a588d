"""LIMITS_URL: what is taken, what is refused, and that no part of a password comes out."""

import pytest
from pydantic import ValidationError
from redis.asyncio import SSLConnection

from app.core.config import Settings
from app.core.secrets import LimitKeys
from app.limits.valkey import ValkeyLimits

TAKEN = [
    "",
    "valkey://127.0.0.1",
    "valkey://store:6380/3",
    "valkeys://user:hunter2%40%2F@store.example.com:6380/",
    "redis://:hunter2@[::1]:6379/0",
    "rediss://user:hunter2@store",
]
REFUSED = [
    "127.0.0.1:6379",
    "memory://",
    "valkey:",
    "valkey://",
    "valkey:///0",
    "valkey://:hunter2@",
    "valkey://store:0",
    "valkey://store:99999",
    "valkey://store/hunter2",
    "valkey://store?ssl_cert_reqs=none",
    "valkey+unix:///run/valkey",
    # Passwords whose special characters end what they stand in.
    "valkey://:hunter2/hunter2@store:6379/0",
    "valkey://:hunter2#hunter2@store:6379/0",
    "valkey://:hunter2?hunter2@store:6379/0",
    "valkey://:hunter2[hunter2@store:6379/0",
]


@pytest.mark.parametrize("url", TAKEN)
def test_taken(url: str) -> None:
    settings = Settings(limits_url=url)
    assert settings.limits_url == url
    assert "hunter2" not in repr(settings)


@pytest.mark.parametrize("url", REFUSED)
def test_refused_with_a_line_that_says_how_and_repeats_nothing(url: str) -> None:
    with pytest.raises(ValidationError, match="must be valkey://host") as refused:
        Settings(limits_url=url)
    assert "hunter2" not in str(refused.value)
    assert refused.value.__cause__ is None


@pytest.mark.parametrize("scheme", ["valkeys", "rediss"])
def test_with_tls_the_store_has_to_prove_its_name(scheme: str) -> None:
    pool = ValkeyLimits(f"{scheme}://store", LimitKeys(("key",)))._store.connection_pool
    assert pool.connection_class is SSLConnection
    connection = SSLConnection(**pool.connection_kwargs)
    assert (connection.check_hostname, connection.cert_reqs.name) == (True, "CERT_REQUIRED")


@pytest.mark.parametrize("scheme", ["valkey", "redis"])
def test_user_password_and_number_arrive_as_they_were_meant(scheme: str) -> None:
    pool = ValkeyLimits(f"{scheme}://me:%40%2F@store:6380/3", LimitKeys(("key",)))._store.connection_pool
    told = {name: pool.connection_kwargs[name] for name in ("username", "password", "host", "port", "db")}
    assert told == {"username": "me", "password": "@/", "host": "store", "port": 6380, "db": 3}
