"""Users, tokens, and who may make them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from fastapi import FastAPI

from proctor.spec.work import Role
from proctor_platform.database import Database
from proctor_platform.first_start import admin_token_file, make_secrets, worker_token_file
from proctor_platform.tables import Token


def test_an_invited_user_can_use_the_first_token(admin: Any, anonymous: Any) -> None:
    created = admin.post("/users", {"name": "rita"})
    assert created.status_code == 201
    secret = created.json()["secret"]
    me = anonymous.get("/me", headers={"Authorization": f"Bearer {secret}"}).json()
    assert (me["name"], me["admin"], me["organizes"], me["joined"]) == ("rita", False, [], [])


def test_a_user_name_is_given_once(admin: Any) -> None:
    assert admin.post("/users", {"name": "rita"}).status_code == 201
    again = admin.post("/users", {"name": "rita"})
    assert (again.status_code, again.json()["code"]) == (409, "CONFLICT")


def test_a_revoked_token_is_refused_everywhere_also_where_none_is_needed(
    participant: Any, anonymous: Any
) -> None:
    created = participant.post("/tokens", {"note": "laptop"}).json()
    bearer = {"Authorization": f"Bearer {created['secret']}"}
    assert anonymous.get("/me", headers=bearer).status_code == 200
    assert participant.request("DELETE", f"/tokens/{created['id']}").status_code == 204
    for path in ("/me", "/challenges"):
        refused = anonymous.get(path, headers=bearer)
        assert (refused.status_code, refused.json()["code"]) == (401, "UNAUTHENTICATED")
        assert refused.headers["WWW-Authenticate"] == "Bearer"


def test_a_token_with_one_changed_character_is_refused(participant: Any, anonymous: Any) -> None:
    last = "A" if participant.token[-2] != "A" else "B"
    for wrong in (
        participant.token[:-2] + last + participant.token[-1],
        participant.token.replace("tok_", "tok-"),
        participant.token.partition(".")[0],
        "x" * 200,
    ):
        answer = anonymous.get("/me", headers={"Authorization": f"Bearer {wrong}"})
        assert answer.status_code == 401, wrong


def test_another_users_token_cannot_be_revoked_or_made(participant: Any, other: Any) -> None:
    created = participant.post("/tokens", {}).json()
    assert other.request("DELETE", f"/tokens/{created['id']}").status_code == 404
    assert other.post("/tokens", {"user": participant.name}).status_code == 403
    assert other.post("/tokens", {"worker_role": "score"}).status_code == 403


def test_secrets_are_kept_as_hashes_only(database: Database, participant: Any) -> None:
    token_id, _, secret = participant.token.partition(".")
    with database.reading() as session:
        row = session.get_one(Token, token_id)
    assert secret not in str(row.model_dump())
    assert len(row.secret_hash) == 64


def test_a_workers_token_speaks_for_no_user(worker: Callable[[Role], Any]) -> None:
    answer = worker(Role.RUN).get("/me")
    assert (answer.status_code, answer.json()["code"]) == (403, "FORBIDDEN")


def test_the_first_start_leaves_secrets_that_only_their_owner_reads(
    app: FastAPI, client: Any, anonymous: Any, tmp_path: Path
) -> None:
    made = make_secrets(app.state.database, tmp_path)
    assert made == [
        admin_token_file(tmp_path),
        worker_token_file(tmp_path, Role.RUN),
        worker_token_file(tmp_path, Role.SCORE),
        worker_token_file(tmp_path, Role.HOST),
    ]
    assert {path.stat().st_mode & 0o777 for path in made} == {0o600}
    bearer = {"Authorization": f"Bearer {made[0].read_text().strip()}"}
    assert anonymous.get("/me", headers=bearer).json()["admin"] is True
    assert make_secrets(app.state.database, tmp_path) == []
    made[0].unlink()
    assert make_secrets(app.state.database, tmp_path) == [made[0]]
