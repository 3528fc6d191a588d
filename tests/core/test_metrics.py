"""What operators can count, and that no caller can make it grow."""

from connectrpc.code import Code
from prometheus_client import generate_latest

from app import policy
from app.limits import Limit
from gen.test.v1.test_v1_pb import PongRequest
from tests.accounts.calls import ADA, WRONG
from tests.support.refusals import refused
from tests.support.service import Gatepost


async def test_attempts_failures_and_what_was_throttled(gatepost: Gatepost) -> None:
    browser = gatepost.browser()
    await browser.sign_up(ADA)
    for _ in range(2):
        await browser.sign_in(ADA)
    for _ in range(5):
        with refused(Code.UNAUTHENTICATED, "WRONG_EMAIL_OR_PASSWORD"):
            await browser.sign_in(ADA, WRONG)
    for _ in range(3):
        with refused(Code.RESOURCE_EXHAUSTED, "THROTTLED"):
            await browser.sign_in(ADA)
    assert sample(gatepost, "gatepost_attempts_total", of="password") == 7
    assert sample(gatepost, "gatepost_right_attempts_total", of="password") == 2
    assert sample(gatepost, "gatepost_limits_reached_total", limit="failures_by_client_and_address") == 3


async def test_what_the_guard_throttles_is_counted_too(gatepost: Gatepost) -> None:
    for number in range(11):
        browser = gatepost.browser(ip="192.0.2.1")
        if number < 10:
            await browser.sign_up(f"ada{number}@example.test")
        else:
            with refused(Code.RESOURCE_EXHAUSTED, "THROTTLED"):
                await browser.sign_up("ada@example.test")
    assert sample(gatepost, "gatepost_limits_reached_total", limit="sign_ups_by_client") == 1


async def test_labels_are_names_of_the_policy_alone(gatepost: Gatepost) -> None:
    for number in range(7):
        with refused(Code.UNAUTHENTICATED, "BAD_CREDENTIAL"):
            await gatepost.bearer(f"gp_{number}").pong.pong(PongRequest())
        code = Code.UNAUTHENTICATED if number < 5 else Code.RESOURCE_EXHAUSTED
        with refused(code, "WRONG_EMAIL_OR_PASSWORD" if number < 5 else "THROTTLED"):
            await gatepost.browser(ip="192.0.2.1").sign_in(ADA, WRONG)
    limits = {each.name for each in vars(policy).values() if isinstance(each, Limit)}
    labels = {
        value
        for family in gatepost.parts.metrics.registry.collect()
        for each in family.samples
        for value in each.labels.values()
    }
    assert labels <= limits | {"password", "code"}
    page = generate_latest(gatepost.parts.metrics.registry).decode()
    assert "ada" not in page
    assert "192.0.2.1" not in page


def sample(gatepost: Gatepost, name: str, **labels: str) -> float | None:
    return gatepost.parts.metrics.registry.get_sample_value(name, labels)
