import pytest

from tests.rpc.asgi import Inner


@pytest.fixture
def inner() -> Inner:
    return Inner()
