import json
from functools import partial
from io import StringIO

import pytest

from proctor.cli.connection import Logins, find_host, find_token
from proctor.cli.environment import read_environment
from proctor.cli.failures import CommandError
from proctor.cli.services.endpoints import write_endpoints
from proctor.client.transport import RetryPolicy

TOKEN = "tok_0123456789abcdefghjkmnpqrs.thesecretpartthatnobodymaysee"
ME = {"id": "usr_1", "name": "ada", "admin": False, "organizes": ["digits"], "joined": []}


def test_the_address_comes_from_option_variable_running_platform_login_in_this_order(alone):
    def found(option=None, **variables):
        base = {"PROCTOR_HOME": str(alone), "XDG_CONFIG_HOME": str(alone)}
        return find_host(option, read_environment(base | variables))

    assert found() == "http://127.0.0.1:8000"
    Logins("http://kept.test", {}).write(alone / "proctor")
    assert found() == "http://kept.test"
    write_endpoints(alone, {"api": "http://127.0.0.1:8003"})
    assert found() == "http://127.0.0.1:8003"
    assert found(PROCTOR_HOST="https://variable.test/") == "https://variable.test"
    assert found("option.test:80", PROCTOR_HOST="https://variable.test") == "http://option.test:80"


def test_endpoints_that_cannot_be_read_are_named(alone):
    (alone / "endpoints.json").write_text("{")
    with pytest.raises(CommandError, match=r"endpoints.json cannot be read"):
        find_host(None, read_environment({"PROCTOR_HOME": str(alone)}))


def test_the_variable_goes_before_the_kept_token(alone):
    variables = {"XDG_CONFIG_HOME": str(alone)}
    Logins("http://kept.test", {"http://kept.test": "kept"}).write(alone / "proctor")
    assert find_token("http://kept.test", read_environment(variables)) == "kept"
    told = read_environment(variables | {"PROCTOR_TOKEN": "told"})
    assert find_token("http://kept.test", told) == "told"


def test_a_kept_token_is_never_sent_to_another_platform(alone):
    Logins("http://kept.test", {"http://kept.test": "kept"}).write(alone / "proctor")
    environment = read_environment({"XDG_CONFIG_HOME": str(alone)})
    assert find_token("http://other.test", environment) is None


def test_an_empty_token_is_an_error_and_not_the_kept_login(proctor, platform, alone, monkeypatch):
    Logins(platform.url, {platform.url: TOKEN}).write(alone / "config" / "proctor")
    monkeypatch.setenv("PROCTOR_TOKEN", "")
    ended = proctor("whoami")
    assert ended.code == 3
    assert "PROCTOR_TOKEN is set, but empty." in ended.err
    assert "unset it" in ended.err
    assert platform.calls == []


def test_a_token_is_sent_to_no_address_that_nobody_named(proctor, alone, monkeypatch):
    for variable in ("PROCTOR_HOST", "PROCTOR_HOME"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("PROCTOR_HOME", str(alone / "nothing-runs-here"))
    monkeypatch.setenv("PROCTOR_TOKEN", TOKEN)
    ended = proctor("whoami")
    assert ended.code == 2
    assert "Nothing says which platform PROCTOR_TOKEN is for" in ended.err
    assert "--host" in ended.err


def test_login_keeps_the_token_for_the_owner_alone(proctor, platform, alone, monkeypatch):
    platform.on("GET /me", (200, ME))
    monkeypatch.setattr("sys.stdin", StringIO(TOKEN + "\n"))
    ended = proctor("login", "--host", platform.url)
    assert ended.code == 0
    assert "as ada" in ended.err
    kept = alone / "config" / "proctor" / "logins.json"
    assert kept.stat().st_mode & 0o777 == 0o600
    assert json.loads(kept.read_text())["tokens"] == {platform.url: TOKEN}
    assert proctor("whoami", "--format", "json").out.startswith("{")
    assert platform.calls[-1].headers["Authorization"] == f"Bearer {TOKEN}"


def test_login_with_a_wrong_token_keeps_nothing(proctor, platform, alone, problem):
    said = problem(401, "UNAUTHENTICATED", "No valid token was given.", "", "Log in.")
    platform.on("GET /me", (401, said))
    (alone / "token").write_text(TOKEN + "\n")
    ended = proctor("login", "--host", platform.url, "--token-file", alone / "token")
    assert ended.code == 3
    assert ended.err == "Error: No valid token was given.\nHint: Log in.\n"
    assert not (alone / "config").exists()


def test_a_token_with_a_line_break_is_wrong_usage(proctor, platform, alone):
    (alone / "token").write_text("tok_a\ntok_b")
    ended = proctor("login", "--host", platform.url, "--token-file", alone / "token")
    assert ended.code == 2
    assert platform.calls == []


def test_logout_forgets_one_platform(proctor, alone):
    config = alone / "config" / "proctor"
    Logins("http://a.test", {"http://a.test": "one", "http://b.test": "two"}).write(config)
    assert proctor("logout").code == 0
    assert Logins.read(config) == Logins(None, {"http://b.test": "two"})


def test_a_login_that_others_may_read_is_refused(proctor, alone):
    Logins("http://a.test", {"http://a.test": TOKEN}).write(alone / "config" / "proctor")
    (alone / "config" / "proctor" / "logins.json").chmod(0o644)
    ended = proctor("whoami")
    assert ended.code == 3
    assert "chmod 600" in ended.err


def test_whoami_without_a_token_says_how_to_log_in(proctor):
    ended = proctor("whoami")
    assert ended.code == 3
    assert "proctor login" in ended.err


def test_a_platform_that_is_down_is_one_line(proctor, monkeypatch):
    monkeypatch.setattr("proctor.client.api.RetryPolicy", partial(RetryPolicy, attempts=1))
    ended = proctor("challenge", "list", "--host", "http://127.0.0.1:9")
    assert ended.code == 1
    assert ended.err.startswith("Error: http://127.0.0.1:9 cannot be reached: ")
    assert ended.err.count("http://") == 1, "the hint names no address as an example"
