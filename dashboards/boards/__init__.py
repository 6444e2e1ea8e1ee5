"""One file for each dashboard; each reads as a list of its panels."""

from dashboards.board import Board
from dashboards.boards import (
    capacity,
    cost,
    directives,
    errors,
    fleet,
    ingest,
    itself,
    logs,
    mcps,
    permissions,
    relationships,
    slos,
    thread,
    threads,
)


def boards() -> list[Board]:
    rooms = (fleet, threads, thread, mcps, permissions, cost, errors, logs, relationships, directives, ingest, itself, slos, capacity)
    return [room.board() for room in rooms]
