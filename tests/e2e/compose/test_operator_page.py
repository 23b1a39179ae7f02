"""The operator's page names every setting with its default and meaning."""

from __future__ import annotations

from dataclasses import fields
from enum import Enum
from pathlib import Path

import pytest
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings

from proctor.cli.environment import Environment
from proctor_platform.settings import PlatformSettings
from proctor_runner.settings import WorkerSettings

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "operate.md").read_text()
# Which variable the command line reads for each field.
READ_BY_THE_CLI = {
    "host": "PROCTOR_HOST",
    "token": "PROCTOR_TOKEN",
    "home": "PROCTOR_HOME",
    "config": "XDG_CONFIG_HOME",
    "cache": "XDG_CACHE_HOME",
    "redis_url": "PROCTOR_REDIS_URL",
    "docker_config": "DOCKER_CONFIG",
    "network": "HTTPS_PROXY",
    "debug": "PROCTOR_DEBUG",
}


def rows(settings: type[BaseSettings]) -> list[str]:
    return [
        f"| `PROCTOR_{name.upper()}` | {default(field)} | {field.description} |"
        for name, field in settings.model_fields.items()
    ]


def default(field: FieldInfo) -> str:
    value = field.default
    if field.default_factory is not None:
        return "see above"
    if value is None or value in ("", ()):
        return "–"
    if isinstance(value, tuple):
        return f"`{','.join(str(part) for part in value)}`"
    return f"`{value.value if isinstance(value, Enum) else value}`"


@pytest.mark.parametrize("settings", [PlatformSettings, WorkerSettings])
def test_the_page_has_the_table_of_the_settings(settings: type[BaseSettings]) -> None:
    expected = "\n".join(["| variable | default | meaning |", "|---|---|---|", *rows(settings)])
    assert expected in PAGE, f"docs/operate.md must have this table:\n{expected}"


def test_the_page_has_every_variable_of_the_command_line() -> None:
    assert set(READ_BY_THE_CLI) == {field.name for field in fields(Environment)}
    section = PAGE.partition("### The command line\n")[2].partition("\n#")[0]
    missing = {name for name in READ_BY_THE_CLI.values() if f"| `{name}` |" not in section}
    assert missing == set()
