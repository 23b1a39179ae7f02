"""Users, tokens, and who am I."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path

from proctor.spec.api import Me, TokenCreate, TokenCreated, UserCreate
from proctor.spec.outcomes import Code
from proctor_platform import accounts
from proctor_platform.database import Reading, Writing
from proctor_platform.identity import Admin, CurrentUser, counted
from proctor_platform.rates import Act
from proctor_platform.routes.problems import problems

router = APIRouter(tags=["accounts"])

TokenId = Annotated[str, Path(pattern=r"^tok_[0-9a-z]{26}$")]


@router.get("/me", responses=problems())
def read_me(user: CurrentUser, session: Reading) -> Me:
    """Say whom the token speaks for."""
    return accounts.describe(session, user)


@router.post("/users", status_code=201, responses=problems(Code.FORBIDDEN, Code.CONFLICT))
def create_user(body: UserCreate, admin: Admin, session: Writing) -> TokenCreated:
    """Invite a user; the answer holds the user's first token, this once. Admins only."""
    return accounts.invite(session, admin.id, body)


@router.post(
    "/tokens",
    status_code=201,
    responses=problems(Code.FORBIDDEN, Code.NOT_FOUND),
    dependencies=[counted(Act.TOKEN)],
)
def create_token(body: TokenCreate, user: CurrentUser, session: Writing) -> TokenCreated:
    """Make a token: your own; as an admin also another user's or a worker's."""
    return accounts.create_token(session, user, body)


@router.delete("/tokens/{token_id}", status_code=204, responses=problems(Code.NOT_FOUND))
def revoke_token(token_id: TokenId, user: CurrentUser, session: Writing) -> None:
    """Revoke a token of yours; as an admin any."""
    accounts.revoke_token(session, user, token_id)
