"""Who asks: dependencies that turn a bearer token into a user, a worker or an order.

Each looks in a short session of its own, so that nothing is locked and no body is read before
the asker is known. A wrong or revoked token is refused everywhere, also where none is needed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from starlette.requests import HTTPConnection

from proctor.spec.outcomes import Code, ProctorError
from proctor.spec.work import Role
from proctor_platform import tokens
from proctor_platform.database import Database, database_of
from proctor_platform.origin import present_origin
from proctor_platform.rates import Act, address_of, rates_of
from proctor_platform.tables import Token, User

_bearer = HTTPBearer(auto_error=False, description="`tok_….…`, as `proctor login` keeps it")
Credentials = Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]


@dataclass(frozen=True, slots=True)
class UserIdentity:
    """A person, by a token of theirs."""

    id: str
    name: str
    admin: bool
    token: str


@dataclass(frozen=True, slots=True)
class WorkerIdentity:
    """A worker process of one role."""

    role: Role
    token: str


@dataclass(frozen=True, slots=True)
class OrderIdentity:
    """The holder of one work order: this run or evaluation, this fence, nothing else."""

    work: str
    fence: int
    token: str


def token_of(connection: HTTPConnection, text: str) -> Token:
    """Return the token that ``text`` is, and count a wrong one against its address.

    Raises:
        ProctorError: it is none, or was revoked.
    """
    database: Database = connection.app.state.database
    with database.reading() as session:
        token = tokens.find(session, text)
    if token is None:
        rates_of(connection).count(Act.WRONG_TOKEN, address_of(connection))
        raise ProctorError(Code.UNAUTHENTICATED, "This token is unknown or revoked.")
    if (origin := present_origin()) is not None:
        origin.token = token.id
    return token


def _token(request: Request, credentials: HTTPAuthorizationCredentials | None) -> Token | None:
    """Return the token of a request that came with one, and count who asks."""
    rates = rates_of(request)
    if credentials is None:
        rates.count(Act.REQUEST, address_of(request))
        return None
    token = token_of(request, credentials.credentials)
    if token.user_id is not None:
        rates.count(Act.REQUEST, token.user_id)
    return token


def optional_user(request: Request, credentials: Credentials) -> UserIdentity | None:
    """Return whom a request speaks for, or none where it came without a token.

    Raises:
        ProctorError: the token is not a user's, or not valid, or they ask too often.
    """
    token = _token(request, credentials)
    if token is None:
        return None
    if token.user_id is None:
        raise ProctorError(Code.FORBIDDEN, "This token is a worker's; it speaks for no user.")
    with database_of(request).reading() as session:
        user = session.get_one(User, token.user_id)
        return UserIdentity(user.id, user.name, user.admin, token.id)


def _user(user: Annotated[UserIdentity | None, Depends(optional_user)]) -> UserIdentity:
    if user is None:
        raise ProctorError(Code.UNAUTHENTICATED)
    return user


def _admin(user: Annotated[UserIdentity, Depends(_user)]) -> UserIdentity:
    if not user.admin:
        raise ProctorError(Code.FORBIDDEN, "Only an admin of the platform may do this.")
    return user


def _worker(request: Request, credentials: Credentials) -> WorkerIdentity:
    token = _token(request, credentials)
    if token is None:
        raise ProctorError(Code.UNAUTHENTICATED)
    if token.worker_role is None:
        raise ProctorError(Code.FORBIDDEN, "Only a worker's token may do this.")
    return WorkerIdentity(Role(token.worker_role), token.id)


def _order(request: Request, credentials: Credentials) -> OrderIdentity:
    token = _token(request, credentials)
    if token is None:
        raise ProctorError(Code.UNAUTHENTICATED)
    if token.work_id is None or token.fence is None:
        raise ProctorError(Code.FORBIDDEN, "Only the token of a work order may do this.")
    if request.path_params["work_id"] != token.work_id:
        raise ProctorError(Code.NOT_FOUND)
    return OrderIdentity(token.work_id, token.fence, token.id)


def counted(act: Act) -> Any:
    """Return a dependency that counts what a user makes; an admin may make any number.

    Args:
        act: what the route makes.
    """

    def count(request: Request, user: Annotated[UserIdentity, Depends(_user)]) -> None:
        if not user.admin:
            rates_of(request).count(act, user.id)

    return Depends(count)


CurrentUser = Annotated[UserIdentity, Depends(_user)]
OptionalUser = Annotated[UserIdentity | None, Depends(optional_user)]
Admin = Annotated[UserIdentity, Depends(_admin)]
WorkerToken = Annotated[WorkerIdentity, Depends(_worker)]
OrderToken = Annotated[OrderIdentity, Depends(_order)]
"""For routes whose path holds ``{work_id}``; any other order's token finds nothing there."""
