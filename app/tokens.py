"""Tokens: what a program shows instead of the password.  Each is told once, when it is made, and kept as its hash."""

import hashlib
import secrets
from collections.abc import Sequence
from datetime import timedelta

from flask import current_app
from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from app.db import ApiToken, db, now, plain_name
from models import N_, NN_, TembrError

START = "sk-tembr-"  # some clients take nothing that does not begin with sk-
ENDING_CHARACTERS = 4  # that are kept, to tell one token from another
USE_IS_NOTED = timedelta(minutes=1)  # at most once in that time, so that not every request writes


class InvalidTokenName(TembrError):
    """A token needs a name of its own, so that it can be revoked by it."""


class UnknownToken(TembrError):
    """No token has this name."""

    def __init__(self, name: str):
        super().__init__(N_("There is no token named “%(name)s”."), name=name)


def make(name: str) -> str:
    """Keep a new token under a name, and return it: nobody can read it again.  Raises InvalidTokenName."""
    name, limit = plain_name(name.replace("\0", " ")), current_app.config["MAX_NAME_CHARACTERS"]
    if not name:
        raise InvalidTokenName(N_("Name the program that the token is for."))
    if len(name) > limit:
        template = NN_(
            "The name is too long: %(count)d character. The limit is %(limit)d.",
            "The name is too long: %(count)d characters. The limit is %(limit)d.",
        )
        raise InvalidTokenName(template, count=len(name), limit=limit)
    token = START + secrets.token_urlsafe(32)
    db.session.add(ApiToken(name=name, token_hash=_hash(token), ending=token[-ENDING_CHARACTERS:]))
    try:
        db.session.commit()
    except IntegrityError:
        db.session.rollback()
        raise InvalidTokenName(N_("There is already a token named “%(name)s”."), name=name) from None
    return token


def listed() -> Sequence[ApiToken]:
    """Return every token, the oldest first."""
    return db.session.scalars(select(ApiToken).order_by(ApiToken.id)).all()


def revoke(name: str) -> None:
    """Delete the token of that name.  Raises UnknownToken."""
    revoked = db.session.execute(delete(ApiToken).where(ApiToken.name == plain_name(name.replace("\0", " "))))
    db.session.commit()
    if not revoked.rowcount:
        raise UnknownToken(name)


def found(token: str) -> ApiToken | None:
    """Return the row of a token that a program showed, and note that it was used; None for one that is not known."""
    row = db.session.scalar(select(ApiToken).where(ApiToken.token_hash == _hash(token)))
    if row and not (row.used_at and now() - row.used_at < USE_IS_NOTED):
        row.used_at = now()
        try:
            db.session.commit()
        except SQLAlchemyError:  # a database that takes nothing: the token is as good as before
            current_app.logger.exception("The use of a token could not be noted")
            db.session.rollback()
    return row


def _hash(token: str) -> str:
    """A token is 256 random bits: nobody finds it from a plain hash."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
