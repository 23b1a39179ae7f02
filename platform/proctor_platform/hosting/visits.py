"""Visits: addresses at which a browser asks one model for a while, without anybody's token.

A page of a hosted model is opened in a browser, which sends no token of ours along, and must not:
whatever runs on that page would have it. So the way to the model is in the address itself, it leads
nowhere else, and it ends.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from datetime import timedelta
from typing import NamedTuple

from sqlmodel import Session, col, select

from proctor.spec.hosting import VisitView
from proctor.spec.identifiers import Kind, new_id
from proctor.spec.outcomes import Code, ProctorError
from proctor_platform.clock import now
from proctor_platform.hosting.tables import Visit
from proctor_platform.identity import UserIdentity
from proctor_platform.rights import Asker, database_now
from proctor_platform.tables import User

ADDRESS = "/api/v1/visits"
_FORM = re.compile(r"(vis_[0-9a-z]{26})\.([A-Za-z0-9_-]{43})")


class Visitor(NamedTuple):
    """Who visits which deployment."""

    deployment_id: str
    asker: Asker


def begin(session: Session, deployment_id: str, asker: Asker, seconds: float) -> VisitView:
    """Make a way for a browser to a deployment that the asker may ask."""
    secret = secrets.token_urlsafe(32)
    row = Visit(
        id=new_id(Kind.VISIT),
        secret_hash=_hash(secret),
        deployment_id=deployment_id,
        user_id=asker.id if asker else None,
        expires_at=database_now(session) + timedelta(seconds=seconds),
    )
    session.add(row)
    session.commit()
    return VisitView(path=f"{ADDRESS}/{row.id}.{secret}/", expires_at=row.expires_at)


def visitor_of(session: Session, text: str) -> Visitor:
    """Return who comes this way.

    Raises:
        ProctorError: there is no such visit, or it is over.
    """
    form = _FORM.fullmatch(text)
    wanted = select(Visit).where(
        col(Visit.id) == (form[1] if form else ""), col(Visit.expires_at) > now()
    )
    row = session.exec(wanted).first()
    known = row.secret_hash if row else _hash("")
    right = secrets.compare_digest(known, _hash(form[2] if form else "?"))
    if row is None or not right:
        raise ProctorError(Code.NOT_FOUND, "This visit is over; open the model from its page.")
    if row.user_id is None:
        return Visitor(row.deployment_id, None)
    user = session.get_one(User, row.user_id)
    return Visitor(row.deployment_id, UserIdentity(user.id, user.name, user.admin, token=""))


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
