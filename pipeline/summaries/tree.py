"""The spans of one trace as a tree: which of them are one tool call, and which thread each belongs to. Pure."""

from collections.abc import Mapping, Sequence
from typing import Final

from pipeline.summaries.facts import Columns
from pipeline.vocabulary import MCP_SESSION_RANK

MOST_HOPS: Final = 3
"""Plain spans (HTTP, delegation) that may lie between two views of the same tool call."""
NO_SPAN: Final = -1
_SAME_CALL: Final = ("parent_id", "model", "input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens")
"""Two emitters that do not know of each other show a call beside each other: with these equal, other names, and one within the other's time."""


class Tree:
    """Indices are rows of the columns, in the order of their start. A span whose parent has not arrived (or has none) has parent NO_SPAN."""

    def __init__(self, columns: Columns, rows: Sequence[int]) -> None:
        self._columns, self.rows = columns, rows
        ids, parents = columns["span_id"], columns["parent_id"]
        self._by_id = {ids[row]: row for row in rows}
        self.parent = {row: self._by_id.get(parents[row], NO_SPAN) if parents[row] != ids[row] else NO_SPAN for row in rows}
        in_order = self._is_in_order()
        if not in_order:
            self._break_cycles()
        self.call = self._calls(rows if in_order else self._outside_in())
        """Row of the outermost span that shows the same tool call; the row itself for everything else."""

    def _is_in_order(self) -> bool:
        """Whether every parent comes before its children, as it does unless clocks differ; then nothing goes round."""
        place = {row: number for number, row in enumerate(self.rows)}
        place[NO_SPAN] = -1
        return all(place[self.parent[row]] < number for row, number in place.items() if row != NO_SPAN)

    def _break_cycles(self) -> None:
        """Hostile or corrupt parents may go round: cut where a walk meets itself."""
        done: set[int] = set()
        for row in self.rows:
            path: set[int] = set()
            while row != NO_SPAN and row not in done:
                path.add(row)
                if self.parent[row] in path:
                    self.parent[row] = NO_SPAN
                row = self.parent[row]
            done |= path

    def _outside_in(self) -> list[int]:
        """All rows, each after its parent."""
        below: dict[int, list[int]] = {}
        for row in self.rows:
            below.setdefault(self.parent[row], []).append(row)
        result = list(below.get(NO_SPAN, ()))
        for row in result:
            result.extend(below.get(row, ()))
        return result

    def _calls(self, outside_in: Sequence[int]) -> dict[int, int]:
        """A span joins the call around it unless both name a tool or a call id and not the same; its words then are that call's.

        A server that hands a call on to a server mounted in it names the tool anew, and it is the same call still.
        """
        tools, ids, types = self._columns["tool_name"], self._columns["tool_call_id"], self._columns["type"]
        result = {row: row for row in self.rows}
        said: dict[int, tuple[str, str]] = {}
        beside: dict[tuple[object, ...], int] = {}
        for row in outside_in:
            if types[row] == "llm_call":
                result[row] = self._model_call(row, result, beside)
            if types[row] != "tool_call":
                continue
            tool, call = tools[row], ids[row]
            if (above := self._call_above(row)) != NO_SPAN:
                around = said[top := result[above]]
                if _agree(call, around[1]) and (_agree(tool, around[0]) or self._is_handed_on(row)):
                    result[row], said[top] = top, (around[0] or tool, around[1] or call)
                    continue
            said[row] = (tool, call)
        return result

    def _is_handed_on(self, row: int) -> bool:
        """Whether a server takes the call from inside its own process: the call above is Internal and names no tool."""
        kinds, above = self._columns["kind"], self.parent[row]
        return above != NO_SPAN and kinds[row] == "Server" and kinds[above] == "Internal" and not self._columns["tool_name"][above]

    def _model_call(self, row: int, calls: Mapping[int, int], beside: dict[tuple[object, ...], int]) -> int:
        """A framework, the library below it and the SDK below that each show the same call of a model: one step, where the outer one has
        its tokens. What failed inside is an attempt of its own. `beside`: the last call of each parent by what it used."""
        columns = self._columns
        if columns["status"][row] != "complete":
            return row
        if (above := self._call_above(row)) != NO_SPAN:
            top = calls[above]
            return top if columns["input_tokens"][top] or columns["output_tokens"][top] else row
        used = tuple(columns[name][row] for name in _SAME_CALL)
        if not columns["input_tokens"][row]:
            return row
        other = beside.setdefault(used, row)
        if other != row and columns["name"][other] != columns["name"][row] and self._is_within(row, other):
            return calls[other]
        beside[used] = row
        return row

    def _is_within(self, row: int, other: int) -> bool:
        """Whether `row` began and ended while `other` ran."""
        started, duration = self._columns["started"], self._columns["duration"]
        return bool(started[other] <= started[row] and started[row] + duration[row] <= started[other] + duration[other])

    def _call_above(self, row: int) -> int:
        """The nearest call of the same type above, at most MOST_HOPS plain spans away."""
        types, above = self._columns["type"], self.parent[row]
        for _ in range(MOST_HOPS + 1):
            if above == NO_SPAN or (kind := types[above]) not in (types[row], "span"):
                return NO_SPAN
            if kind == types[row]:
                return above
            above = self.parent[above]
        return NO_SPAN

    def step_above(self, row: int) -> str:
        """Step id of the step that `row`'s step happened in: what its parent shows, or the parent's id while that is missing."""
        top = self.call[row]
        above = self.parent[top]
        return str(self._columns["parent_id"][top]) if above == NO_SPAN else str(self._columns["span_id"][self.call[above]])

    def is_root(self, row: int) -> bool:
        """Whether nothing above it is to be expected: it names no parent, or it is the door of a service whose caller is not heard here."""
        if self.parent[row] != NO_SPAN:
            return False
        return not self._columns["parent_id"][row].strip("0") or self._columns["kind"][row] in ("Server", "Consumer")

    def threads(self) -> dict[int, str]:
        """The thread of each span: its own word, else its nearest ancestor's, else the trace's best word, else the trace id."""
        own = self._own_threads()
        main = self._main_thread(own)
        if len(set(own.values())) <= 1:
            return dict.fromkeys(self.rows, main)
        result: dict[int, str] = {}
        for row in self.rows:
            path = []
            here = row
            while here != NO_SPAN and here not in result and here not in own:
                path.append(here)
                here = self.parent[here]
            found = main if here == NO_SPAN else own.get(here) or result[here]
            result.update(dict.fromkeys(path, found))
            result[row] = own.get(row, found)
        return result

    def _own_threads(self) -> dict[int, str]:
        keys, ranks, types = self._columns["thread_key"], self._columns["thread_rank"], self._columns["type"]
        better = any(types[row] in ("directive", "llm_call", "script") or ranks[row] < MCP_SESSION_RANK for row in self.rows)
        worst = MCP_SESSION_RANK if better else MCP_SESSION_RANK + 1
        return {row: keys[row] for row in self.rows if ranks[row] < worst and keys[row]}

    def _main_thread(self, own: dict[int, str]) -> str:
        if not own:
            return str(self._columns["trace_id"][self.rows[0]])
        ranks, started, ids = self._columns["thread_rank"], self._columns["started"], self._columns["span_id"]
        return own[min(own, key=lambda row: (ranks[row], started[row], ids[row]))]


def _agree(one: str, other: str) -> bool:
    return one == other or not one or not other
