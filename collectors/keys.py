"""Who may send, and into which project."""

import hmac
import unicodedata
from dataclasses import dataclass
from typing import Final, Protocol

from collectors.errors import ForbiddenError, UnauthenticatedError
from schemas.errors import MalformedRequestError
from schemas.settings import Settings

MAX_PROJECT_LENGTH: Final = 128


@dataclass(frozen=True, slots=True)
class Sender:
    """`project` is what the key or the header named, "" when neither did: then each resource decides.

    `bound`: resources that name another project are refused instead of following the header.
    """

    project: str
    bound: bool
    key: str = ""
    """What the key is called where its quota is spoken of; "" without one."""


class Keys(Protocol):
    def sender(self, credential: str, project: str) -> Sender:
        """Who sends with this key ("" for none) and this project header ("" for none).

        Raises UnauthenticatedError, ForbiddenError.
        """
        ...


class NoKeys:
    """Everyone may send into every project: only on loopback."""

    def sender(self, credential: str, project: str) -> Sender:  # noqa: ARG002  the port's signature
        return Sender(project, bound=False)


class OneKey:
    """The single key of a system without users; `project` binds it when not ""."""

    def __init__(self, key: str, project: str = "") -> None:
        self._key = key.encode()
        self._project = project

    def sender(self, credential: str, project: str) -> Sender:
        if not credential:
            raise UnauthenticatedError("a key is needed")
        if not hmac.compare_digest(credential.encode(), self._key):
            raise UnauthenticatedError("the key is not known")
        if self._project and project not in ("", self._project):
            raise ForbiddenError(project, self._project)
        return Sender(self._project or project, bound=True, key="api_key")


def keys_of(settings: Settings) -> Keys:
    key = settings.api_key.get_secret_value()
    return OneKey(key) if key else NoKeys()


def credential_of(authorization: str, api_key: str) -> str:
    """The key in `Authorization: Bearer KEY` or `x-api-key: KEY`; "" when there is none."""
    scheme, _, token = authorization.partition(" ")
    return token.strip() if scheme.lower() == "bearer" else api_key.strip()


def is_project_name(name: str) -> bool:
    """Whether `name`, already stripped, can be a project's."""
    return 0 < len(name) <= MAX_PROJECT_LENGTH and not any(unicodedata.category(character) == "Cc" for character in name)


def project_of(header: str | None) -> str:
    """The project that a header names, "" without one; raises MalformedRequestError."""
    if header is None:
        return ""
    name = header.strip()
    if not is_project_name(name):
        hint = f"send 1 to {MAX_PROJECT_LENGTH} characters, none of them a control character"
        raise MalformedRequestError("x-mission-control-project does not name a project", hint)
    return name
