"""`gatepost health`, as the container's health check calls it."""

from pathlib import Path

from tests.e2e.server import free_port, run, serving


def test_it_tells_whether_the_service_serves(tmp_path: Path) -> None:
    everywhere = {"HOST": "0.0.0.0"}  # noqa: S104  as in a container
    with serving(tmp_path, **everywhere) as server:
        settings = {"PORT": str(server.port), **everywhere}
        up = run(tmp_path, "health", **settings)
        assert (up.returncode, up.stdout) == (0, "SERVING\n")
        server.stop()
    down = run(tmp_path, "health", **settings)
    assert (down.returncode, down.stdout) == (1, "no answer (ConnectionRefusedError)\n")


def test_another_service_at_the_port_is_none_that_serves(tmp_path: Path) -> None:
    with serving(tmp_path, METRICS="on", METRICS_PORT=str(free_port())) as server:
        metrics = int(server.errors.partition("metrics  http://127.0.0.1:")[2].partition("/")[0])
        told = run(tmp_path, "health", PORT=str(metrics))
    assert (told.returncode, told.stdout) == (1, "no answer (JSONDecodeError)\n")


def test_settings_that_are_wrong(tmp_path: Path) -> None:
    told = run(tmp_path, "health", PORT="hunter2")
    assert (told.returncode, told.stdout) == (2, "")
    assert told.stderr.startswith("PORT: ")
