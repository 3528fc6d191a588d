"""`.env.example` is the reference of all settings, so it may neither lack one nor lie about a default."""

import re
from pathlib import Path

import pytest

from app.core.config import Settings, load_settings

EXAMPLE = Path(__file__).parent.parent / ".env.example"
SET = re.compile(r"^([A-Z][A-Z0-9_]*)=(.*)$", re.MULTILINE)


def test_it_lists_exactly_the_settings() -> None:
    listed = [name for name, _ in SET.findall(EXAMPLE.read_text())]
    assert sorted(listed) == sorted(name.upper() for name in Settings.model_fields)


def test_copied_to_env_it_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    (tmp_path / ".env").write_text(EXAMPLE.read_text())
    monkeypatch.chdir(tmp_path)
    assert load_settings() == Settings()


def test_it_shows_the_defaults() -> None:
    """Also where an empty value would do."""
    shown = {name.lower(): value for name, value in SET.findall(EXAMPLE.read_text())}
    for name, field in Settings.model_fields.items():
        default = "" if field.default == () else str(field.default)
        assert (name, shown[name].lower()) == (name, default.lower())
