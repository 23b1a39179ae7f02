"""Settings: from the environment, documented, frozen, without a secret of their own."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from proctor_platform.settings import PlatformSettings


def test_every_setting_says_what_it_is() -> None:
    assert [n for n, f in PlatformSettings.model_fields.items() if not f.description] == []


def test_settings_come_from_the_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PROCTOR_HOME", str(tmp_path))
    monkeypatch.setenv("PROCTOR_LEASE_S", "3")
    settings = PlatformSettings()
    assert settings.lease_s == 3
    assert settings.database_address == f"sqlite:///{tmp_path}/proctor.sqlite3"
    assert settings.blobs == tmp_path / "blobs"


def test_the_home_folder_follows_the_desktops_rule(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("PROCTOR_HOME", raising=False)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert PlatformSettings().home == tmp_path / "proctor"
    monkeypatch.delenv("XDG_STATE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert PlatformSettings().home == tmp_path / ".local" / "state" / "proctor"


def test_an_unknown_setting_or_a_change_is_refused() -> None:
    with pytest.raises(ValidationError, match="leese_s"):
        PlatformSettings(leese_s=3)
    with pytest.raises(ValidationError, match="frozen"):
        PlatformSettings().port = 1
