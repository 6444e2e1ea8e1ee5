"""Who may send, and into which project."""

import hmac
import unicodedata
from dataclasses import dataclass
from typing import Final, Protocol

from collectors.errors import ForbiddenError, UnauthenticatedError
from schemas.errors import LogUnavailableError, MalformedRequestError
from schemas.sender_keys import KeyBook
from schemas.settings import Settings

MAX_PROJECT_LENGTH: Final = 128
EVERY_PROJECT: Final = "*"
"""What readers write for all of them: a project of that name could not be asked for."""
UNKNOWN: Final = "the keys of senders are not known yet"


@dataclass(frozen=True, slots=True)
class Sender:
    """`project` is what the key or the header named, "" when neither did: then each resource decides.

    `bound`: resources that name another project are refused instead of following the header.
    """

    project: str
    bound: bool
    key: str = ""
    """Id of the key: its quota is called so, and what came with it; "" without one."""


class Keys(Protocol):
    def sender(self, credential: str, project: str) -> Sender:
        """Who sends with this key ("" for none) and this project header ("" for none).

        Raises UnauthenticatedError, ForbiddenError.
        """
        ...


class KnownKeys:
    """The system's own key and those in the book. Where there is neither, everyone may send into every project: only on loopback.

    While the book is not complete nobody but the system's own key is let in, and everyone else told to come again.
    """

    def __init__(self, own: str, book: KeyBook) -> None:
        self._own, self._book = own.encode(), book

    @classmethod
    def of(cls, settings: Settings, book: KeyBook | None = None) -> "KnownKeys":
        """Without a book there are no keys but the system's own."""
        return cls(settings.api_key.get_secret_value(), KeyBook(is_complete=True) if book is None else book)

    def sender(self, credential: str, project: str) -> Sender:
        """Raises LogUnavailableError too, while it is not known who may send."""
        if self._own and hmac.compare_digest(credential.encode(), self._own):
            return Sender(project, bound=True, key="api_key")
        if not self._book.is_complete:
            raise LogUnavailableError(UNKNOWN)
        if not self._own and not self._book:
            return Sender(project, bound=False)
        return self._holder(credential, project)

    def _holder(self, credential: str, project: str) -> Sender:
        if not credential:
            raise UnauthenticatedError("a key is needed")
        key = self._book.find(credential)
        if key is None:
            raise UnauthenticatedError("the key is not known")
        if key.revoked_at:
            raise UnauthenticatedError(f"the key {key.key_id} was revoked")
        if key.project and project not in ("", key.project):
            raise ForbiddenError(project, key.project)
        return Sender(key.project or project, bound=True, key=key.key_id)


def credential_of(authorization: str, api_key: str) -> str:
    """The key in `Authorization: Bearer KEY` or `x-api-key: KEY`; "" when there is none."""
    scheme, _, token = authorization.partition(" ")
    return token.strip() if scheme.lower() == "bearer" else api_key.strip()


def is_project_name(name: str) -> bool:
    """Whether `name`, already stripped, can be a project's."""
    is_short = 0 < len(name) <= MAX_PROJECT_LENGTH
    return is_short and name != EVERY_PROJECT and not any(unicodedata.category(character) == "Cc" for character in name)


def project_of(header: str | None) -> str:
    """The project that a header names, "" without one; raises MalformedRequestError."""
    if header is None:
        return ""
    name = header.strip()
    if not is_project_name(name):
        hint = f"send 1 to {MAX_PROJECT_LENGTH} characters, none of them a control character, and not {EVERY_PROJECT} alone"
        raise MalformedRequestError("x-mission-control-project does not name a project", hint)
    return name
