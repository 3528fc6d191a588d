"""What deploy/ and the container files say, as far as it can be tried without an engine that runs them."""

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from app.core.config import Settings
from tests.deploy.nginx import DEPLOY
from tests.e2e.server import ROOT, clean_environment

CONTAINERFILE = (ROOT / "Containerfile").read_text()
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())
UNIT = DEPLOY / "gatepost.service"


def test_what_is_copied_into_the_image_exists_and_is_let_through() -> None:
    let_through = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    copied = {
        source
        for sources in re.findall(r"^COPY (?!--from)(.+) \S+$", CONTAINERFILE, re.MULTILINE)
        for source in sources.split()
    }
    assert copied == let_through
    assert all((ROOT / source).exists() for source in copied)


def test_the_image_has_all_that_the_service_needs_and_writes_nowhere_else(tmp_path: Path) -> None:
    """Its own steps, but into a folder: what is installed is no clone, so a file that the wheel lacks is missed."""
    for source in ("pyproject.toml", "README.md", "LICENSE", "app", "gen"):
        copy = shutil.copytree if (ROOT / source).is_dir() else shutil.copy
        copy(ROOT / source, tmp_path / source)
    (install,) = re.findall(r"pip (install .+ \.) ", CONTAINERFILE)
    installed = tmp_path / "installed"
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", *install.split(), "--target", str(installed)]
    subprocess.run(pip, cwd=tmp_path, check=True, capture_output=True)
    files = {path.relative_to(installed) for room in ("app", "gen") for path in (installed / room).rglob("*")}
    ours = {path.relative_to(ROOT) for room in ("app", "gen") for path in (ROOT / room).rglob("*")}
    assert {path for path in ours - files if "__pycache__" not in path.parts} == set()


def test_the_image_runs_as_nobody_in_particular_and_tells_its_health() -> None:
    stage = CONTAINERFILE.rpartition("\nFROM ")[2]
    assert re.findall(r"^USER (.+)$", stage, re.MULTILINE) == ["10001"]
    assert 'CMD ["gatepost", "health"]' in stage
    named = re.findall(r"(?:ENV |^ +)([A-Z_]+)=", stage, re.MULTILINE)
    assert set(named) - {"PATH", "PYTHONDONTWRITEBYTECODE"} <= {name.upper() for name in Settings.model_fields}


def test_two_replicas_that_cannot_write_wait_for_the_migration() -> None:
    services = COMPOSE["services"]
    for name in ("gatepost-1", "gatepost-2"):
        replica = services[name]
        assert (replica["read_only"], replica["cap_drop"]) == (True, ["ALL"])
        assert replica["depends_on"]["migrate"]["condition"] == "service_completed_successfully"
        assert "ports" not in replica, "only nginx is reached from outside"
    assert services["migrate"]["command"] == ["migrate"]
    assert set(services) == {"gatepost-1", "gatepost-2", "migrate", "postgres", "valkey", "nginx"}


def test_compose_mounts_files_that_exist_and_names_replicas_that_exist() -> None:
    sources = [volume.partition(":")[0] for volume in COMPOSE["services"]["nginx"]["volumes"]]
    assert [source for source in sources if not (ROOT / source).exists()] == ["./deploy/tls"]  # the operator's own
    upstream = (DEPLOY / "upstream.compose.conf").read_text()
    assert set(re.findall(r"server ([\w-]+):8000", upstream)) == {"gatepost-1", "gatepost-2"}
    told = (DEPLOY / "upstream.conf").read_text()
    assert re.findall(r"upstream (\w+)", upstream) == re.findall(r"upstream (\w+)", told)
    (subnet,) = [each["subnet"] for each in COMPOSE["networks"]["default"]["ipam"]["config"]]
    assert f"TRUSTED_PROXIES={subnet}" in (ROOT / "compose.yaml").read_text()


def test_systemd_takes_the_unit_and_finds_it_safe(tmp_path: Path) -> None:
    program = shutil.which("systemd-analyze") or pytest.fail("no systemd-analyze here: make test-deploy")
    changed = UNIT.read_text().replace("/srv/gatepost/.venv/bin/gatepost", "/bin/true")
    (tmp_path / UNIT.name).write_text(changed)
    for arguments in (["verify"], ["security", "--offline=true", "--threshold=20"]):
        ran = subprocess.run(
            [program, *arguments, str(tmp_path / UNIT.name)],
            env=clean_environment(tmp_path),
            capture_output=True,
            text=True,
            check=False,
        )
        assert (ran.returncode, ran.stderr) == (0, "")
