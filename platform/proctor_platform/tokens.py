"""Opaque tokens: ``tok_<26>.<43 url-safe characters>``; only a hash of the secret is kept.

The secret has 256 random bits, so one round of SHA-256 is as good as a slow hash.
"""

from __future__ import annotations

import hashlib
import re
import secrets

from sqlalchemy import update
from sqlmodel import Session, col

from proctor.spec.api import TokenCreated
from proctor.spec.identifiers import Kind, new_id
from proctor.spec.work import Role
from proctor_platform.clock import now
from proctor_platform.tables import Token

_FORM = re.compile(r"(tok_[0-9a-z]{26})\.([A-Za-z0-9_-]{43})")


def mint(
    session: Session,
    *,
    user_id: str | None = None,
    worker_role: Role | None = None,
    work_id: str | None = None,
    fence: int | None = None,
    note: str = "",
) -> TokenCreated:
    """Add a token to the transaction and return it with its secret, this once.

    Args:
        session: the writing session.
        user_id: whom the token speaks for.
        worker_role: what a worker with it may claim.
        work_id: the one run or evaluation it is good for, with ``fence``.
        fence: the attempt it is good for.
        note: what its owner calls it.
    """
    token_id, secret = new_id(Kind.TOKEN), secrets.token_urlsafe(32)
    session.add(
        Token(
            id=token_id,
            secret_hash=_hash(secret),
            user_id=user_id,
            worker_role=worker_role,
            work_id=work_id,
            fence=fence,
            note=note,
        )
    )
    return TokenCreated(id=token_id, secret=f"{token_id}.{secret}")


def find(session: Session, text: str) -> Token | None:
    """Return the token that ``text`` is, unless it is unknown, wrong or revoked."""
    form = _FORM.fullmatch(text)
    token = session.get(Token, form[1]) if form else None
    known = token.secret_hash if token else _hash("")
    right = secrets.compare_digest(known, _hash(form[2] if form else "?"))
    return token if token and right and token.revoked_at is None else None


def revoke(session: Session, token_id: str) -> None:
    """Make a token worthless from now on."""
    statement = update(Token).where(col(Token.id) == token_id, col(Token.revoked_at).is_(None))
    session.execute(statement.values(revoked_at=now()))


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
