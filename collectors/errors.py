"""Why a collector refuses a request, and how each transport says so.

MissionControlError
├── NotNowError
│   ├── OverloadedError          too many requests, or too many bytes, are in work
│   │   └── OverQuotaError       a project or a key sends more than it may
│   └── SlowSenderError          the body did not come in time
└── NeverError
    ├── UnauthenticatedError     no key, or one nobody knows
    ├── ForbiddenError           the key is bound to another project
    ├── TooLargeError            beyond otlp_max_bytes, before or after decompression
    └── UnsupportedError         a content type or encoding that is not OTLP's
"""

from dataclasses import dataclass

from google.rpc import code_pb2  # type: ignore[import-untyped]  # the package has stubs but no py.typed marker

from schemas.errors import LogUnavailableError, MalformedRequestError, MissionControlError, NeverError, NotNowError


@dataclass
class OverloadedError(NotNowError):
    """`retry_after` is in seconds."""

    what: str
    retry_after: float = 1.0

    def __str__(self) -> str:
        return f"{self.what}; retry in {self.retry_after:g} s"


@dataclass
class OverQuotaError(OverloadedError):
    """`kind` is project or key."""

    kind: str = "project"


@dataclass
class SlowSenderError(NotNowError):
    seconds: float

    def __str__(self) -> str:
        return f"the body did not come within {self.seconds:g} s (otlp_request_timeout)"


@dataclass
class UnauthenticatedError(NeverError):
    problem: str

    def __str__(self) -> str:
        return f"{self.problem}; send `Authorization: Bearer KEY` or `x-api-key: KEY`"


@dataclass
class ForbiddenError(NeverError):
    project: str
    bound_to: str

    def __str__(self) -> str:
        return f"this key is bound to project {self.bound_to!r}, the request names {self.project!r}"


@dataclass
class TooLargeError(NeverError):
    """`limit` is in bytes; `stage` says where it was passed."""

    limit: int
    stage: str

    def __str__(self) -> str:
        return f"the request is larger than {self.limit} bytes {self.stage}; send smaller batches or raise otlp_max_bytes"


@dataclass
class UnsupportedError(NeverError):
    header: str
    value: str
    accepted: str

    def __str__(self) -> str:
        return f"{self.header} {self.value!r} is not supported; send {self.accepted}"


@dataclass(frozen=True, slots=True)
class Refusal:
    """One error in HTTP's words, in gRPC's words, and as the `outcome` label of our metrics."""

    http: int
    rpc: int
    outcome: str


_REFUSALS = {
    MalformedRequestError: Refusal(400, code_pb2.INVALID_ARGUMENT, "malformed"),
    UnauthenticatedError: Refusal(401, code_pb2.UNAUTHENTICATED, "unauthenticated"),
    ForbiddenError: Refusal(403, code_pb2.PERMISSION_DENIED, "forbidden"),
    SlowSenderError: Refusal(408, code_pb2.DEADLINE_EXCEEDED, "slow"),
    TooLargeError: Refusal(413, code_pb2.RESOURCE_EXHAUSTED, "too_large"),
    UnsupportedError: Refusal(415, code_pb2.INVALID_ARGUMENT, "unsupported"),
    OverloadedError: Refusal(429, code_pb2.RESOURCE_EXHAUSTED, "overloaded"),
    OverQuotaError: Refusal(429, code_pb2.RESOURCE_EXHAUSTED, "over_quota"),
    LogUnavailableError: Refusal(503, code_pb2.UNAVAILABLE, "log_unavailable"),
}
NOT_FOUND = Refusal(404, code_pb2.NOT_FOUND, "not_found")
NOT_POST = Refusal(405, code_pb2.UNIMPLEMENTED, "not_post")
_BUG = Refusal(500, code_pb2.INTERNAL, "error")


def refusal(error: Exception) -> Refusal:
    """How to answer `error`; what nobody foresaw is an internal error."""
    return _REFUSALS.get(type(error), _BUG)


def retry_after(error: Exception) -> float | None:
    """Seconds after which the same request may succeed; None when it never will."""
    return error.retry_after if isinstance(error, OverloadedError | LogUnavailableError) else None


def explanation(error: Exception) -> str:
    """What the sender is told; of errors nobody foresaw nothing but that they are in our log."""
    return str(error) if isinstance(error, MissionControlError) else "internal error; the collector's log has the details"
