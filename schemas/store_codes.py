"""Which of ClickHouse's errors pass: the fault of the server, its disks, its neighbours or its operator.

Everything else is the fault of the statement or its rows and fails again.
"""

from typing import Final

RETRYABLE: Final = {
    3: "UNEXPECTED_END_OF_FILE",  # the connection broke in between
    60: "UNKNOWN_TABLE",  # `migrate` was not run yet
    74: "CANNOT_READ_FROM_FILE_DESCRIPTOR",
    75: "CANNOT_WRITE_TO_FILE_DESCRIPTOR",
    76: "CANNOT_OPEN_FILE",
    81: "UNKNOWN_DATABASE",  # the same
    95: "CANNOT_READ_FROM_SOCKET",
    96: "CANNOT_WRITE_TO_SOCKET",
    101: "UNEXPECTED_PACKET_FROM_CLIENT",
    159: "TIMEOUT_EXCEEDED",
    160: "TOO_SLOW",
    164: "READONLY",
    192: "UNKNOWN_USER",  # users and rights are the operator's, not the rows' fault
    193: "WRONG_PASSWORD",
    194: "REQUIRED_PASSWORD",
    195: "IP_ADDRESS_NOT_ALLOWED",
    198: "DNS_ERROR",
    201: "QUOTA_EXCEEDED",
    202: "TOO_MANY_SIMULTANEOUS_QUERIES",
    203: "NO_FREE_CONNECTION",
    209: "SOCKET_TIMEOUT",
    210: "NETWORK_ERROR",
    225: "NO_ZOOKEEPER",
    236: "ABORTED",
    241: "MEMORY_LIMIT_EXCEEDED",
    242: "TABLE_IS_READ_ONLY",
    243: "NOT_ENOUGH_SPACE",
    244: "UNEXPECTED_ZOOKEEPER_ERROR",
    252: "TOO_MANY_PARTS",
    254: "NO_ACTIVE_REPLICAS",
    255: "TOO_MANY_RETRIES_TO_FETCH_PARTS",
    265: "NO_AVAILABLE_REPLICA",
    279: "ALL_CONNECTION_TRIES_FAILED",
    285: "TOO_FEW_LIVE_REPLICAS",
    286: "UNSATISFIED_QUORUM_FOR_PREVIOUS_WRITE",
    289: "REPLICA_IS_NOT_IN_QUORUM",
    290: "LIMIT_EXCEEDED",  # of a table or a database
    291: "DATABASE_ACCESS_DENIED",
    297: "SHARD_HAS_NO_CONNECTIONS",
    319: "UNKNOWN_STATUS_OF_INSERT",  # it may be there; the same rows again do no harm
    364: "RECEIVED_ERROR_TOO_MANY_REQUESTS",
    369: "ALL_REPLICAS_ARE_STALE",
    394: "QUERY_WAS_CANCELLED",
    425: "SYSTEM_ERROR",
    439: "CANNOT_SCHEDULE_TASK",
    473: "DEADLOCK_AVOIDED",
    497: "ACCESS_DENIED",
    499: "S3_ERROR",
    516: "AUTHENTICATION_FAILED",
    571: "DATABASE_REPLICATION_FAILED",
    574: "DISTRIBUTED_TOO_MANY_PENDING_BYTES",
    692: "TOO_MANY_MUTATIONS",
    749: "TCP_CONNECTION_LIMIT_REACHED",
    762: "HTTP_CONNECTION_LIMIT_REACHED",
    904: "TOO_MANY_UNAVAILABLE_SHARDS",
    999: "KEEPER_EXCEPTION",
    1000: "POCO_EXCEPTION",
    1019: "QUERY_SLOT_ACQUISITION_TIMEOUT",
    1020: "MEMORY_RESERVATION_ACQUISITION_TIMEOUT",
}
"""Code -> ClickHouse's name of it."""

QUERY_LIMITS: Final = frozenset({159, 160, 201, 202, 241, 394})
"""Those of one query that took too long or too much, or of one user who asks too often; others go on being answered."""
