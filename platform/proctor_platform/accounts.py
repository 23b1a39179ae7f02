"""Users and their tokens."""

from __future__ import annotations

from sqlmodel import Session, col, select

from proctor.spec.api import Me, TokenCreate, TokenCreated, UserCreate
from proctor.spec.identifiers import Kind, new_id
from proctor.spec.outcomes import Code, ProctorError
from proctor_platform import tokens
from proctor_platform.events import record
from proctor_platform.identity import UserIdentity
from proctor_platform.tables import Challenge, Membership, Token, User


def describe(session: Session, user: UserIdentity) -> Me:
    """Say who a user is and in which challenges the user takes part."""
    rows = session.exec(
        select(Challenge.slug, Membership)
        .join(Membership, col(Membership.challenge_id) == col(Challenge.id))
        .where(col(Membership.user_id) == user.id)
        .order_by(Challenge.slug)
    ).all()
    return Me(
        id=user.id,
        name=user.name,
        admin=user.admin,
        organizes=tuple(slug for slug, row in rows if row.organizer),
        joined=tuple(slug for slug, row in rows if row.joined_at is not None),
    )


def invite(session: Session, actor: str, request: UserCreate) -> TokenCreated:
    """Make a user and a first token.

    Raises:
        ProctorError: the name is taken.
    """
    if session.exec(select(User).where(col(User.name) == request.name)).first() is not None:
        raise ProctorError(Code.CONFLICT, f"There is a user {request.name} already.")
    user = User(id=new_id(Kind.USER), name=request.name, admin=request.admin)
    session.add(user)
    session.flush()
    token = tokens.mint(session, user_id=user.id, note="first")
    facts = {"token": token.id, "admin": user.admin}
    record(session, user.id, "user_invited", actor, facts)
    session.commit()
    return token


def create_token(session: Session, asker: UserIdentity, request: TokenCreate) -> TokenCreated:
    """Make a token: one's own; an admin also makes others' and workers'.

    Raises:
        ProctorError: the asker may not, there is no such user, or both a user and a role are
            asked for.
    """
    for_self = request.user in (None, asker.name) and request.worker_role is None
    if not for_self and not asker.admin:
        raise ProctorError(Code.FORBIDDEN, "Only an admin makes tokens of others or of workers.")
    if request.worker_role is not None:
        if request.user is not None:
            detail = "A worker's token speaks for no user; leave user out."
            raise ProctorError(Code.INVALID_REQUEST, detail)
        token = tokens.mint(session, worker_role=request.worker_role, note=request.note)
    else:
        name = request.user or asker.name
        user = session.exec(select(User).where(col(User.name) == name)).first()
        if user is None:
            raise ProctorError(Code.NOT_FOUND, f"There is no user {name}.")
        token = tokens.mint(session, user_id=user.id, note=request.note)
    facts = {"user": request.user, "worker_role": request.worker_role}
    record(session, token.id, "token_created", asker.id, facts)
    session.commit()
    return token


def revoke_token(session: Session, asker: UserIdentity, token_id: str) -> None:
    """Revoke a token of one's own; an admin revokes any.

    Raises:
        ProctorError: there is no such token, or it is another's.
    """
    wanted = select(Token).where(col(Token.id) == token_id)
    if not asker.admin:
        wanted = wanted.where(col(Token.user_id) == asker.id)
    token = session.exec(wanted).first()
    if token is None:
        raise ProctorError(Code.NOT_FOUND)
    before = "revoked" if token.revoked_at else "valid"
    tokens.revoke(session, token_id)
    facts = {
        "user": token.user_id,
        "worker_role": token.worker_role,
        "before": before,
        "after": "revoked",
    }
    record(session, token_id, "token_revoked", asker.id, facts)
    session.commit()
