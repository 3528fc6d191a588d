"""What clients behind nginx notice of replicas that come and go."""

import json
from pathlib import Path

import pytest

from tests.deploy.conftest import Deployment, deployed
from tests.deploy.test_nginx import PING, PUBLIC, call, sign_in
from tests.e2e.server import Server
from tests.e2e.workers import Load, until

ADA = sign_in("ada@example.test")

pytestmark = pytest.mark.timeout(180)  # each starts three services, one after the other


def test_one_replica_is_killed_and_the_other_answers(tmp_path: Path) -> None:
    with deployed(tmp_path) as deployment:
        assert call(deployment, f"{PUBLIC}/SignUp", ADA)[0] == 200
        _, cookie, _ = call(deployment, f"{PUBLIC}/SignIn", ADA)
        one, other = deployment.replicas
        load = Load(deployment.nginx.connect, cookie)
        with load.running([deployment.nginx.connect() for _ in range(4)]):
            load.more(other, 20)
            one.process.kill()
            load.more(other, 20)
            with deployment.replica("one", one.port) as again:
                until(lambda: reached(deployment, again), again)
                other.stop()
                load.more(again, 20)
                both_gone = len(load.refused)
        assert {(status, told["code"]) for status, told in load.refused} <= {(503, "unavailable")}
        assert load.cut == 0, "nginx itself keeps its connections"
        assert set(load.made) <= deployment.token_names()
        assert both_gone <= 8, "calls in flight at most, of 4 clients, each time"


def test_without_any_replica_the_answer_is_unavailable(tmp_path: Path) -> None:
    with deployed(tmp_path) as deployment:
        for replica in deployment.replicas:
            replica.process.kill()
            replica.process.wait()
        status, _, body = call(deployment, PING)
        assert (status, json.loads(body)["code"]) == (503, "unavailable")
        with deployment.replica("one", deployment.replicas[0].port) as again:
            until(lambda: call(deployment, PING)[0] == 200, again)


def reached(deployment: Deployment, replica: Server) -> bool:
    """Whether nginx passes calls on to this one; it may take a second to find that it is back."""
    call(deployment, "test.v1.TestAuthService/Pong", authorization="Bearer gp_wrong")
    return any(each["event"] == "bad_token" for each in replica.log)
