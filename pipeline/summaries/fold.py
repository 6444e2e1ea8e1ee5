"""One trace folded: its steps, and what it contributes to each of its threads. Pure: spans in, rows out."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from pipeline.summaries.covers import nothing, uncovered
from pipeline.summaries.facts import Columns
from pipeline.summaries.loops import TIMES, Call, longest_loop
from pipeline.summaries.segment import MOST, TERMINAL, Segment, Segments, added, first, price_key, summed
from pipeline.summaries.tree import Tree

NOTHING: Final = frozenset({""})


class Step(NamedTuple):
    """A step: the row of its outermost span, and what only the whole call knows."""

    row: int
    thread_id: str
    parent_step_id: str
    span_ids: list[str]
    status: str
    mcp_id: str
    tool_name: str
    tool_call_id: str
    error_type: str
    error_message: str


@dataclass(frozen=True, slots=True)
class Folded:
    """What one trace comes to. `moved`: rows of spans that have messages under another thread's key; `roots`: row of each thread's root."""

    project: str
    trace_id: str
    main_thread: str
    steps: list[Step]
    segments: Segments
    moved: list[tuple[int, str]]
    roots: dict[str, int]


def fold_trace(columns: Columns, rows: Sequence[int]) -> Folded:
    """`rows` are all spans of one trace, in any order; the result does not depend on that order."""
    everything = sorted(rows, key=lambda row: (columns["started"][row], columns["span_id"][row]))
    if not (rows := uncovered(columns, everything)):
        here = nothing(columns, everything)
        return Folded(columns["project"][everything[0]], columns["trace_id"][everything[0]], next(iter(here)), [], here, [], {})
    tree = Tree(columns, rows)
    threads = tree.threads()
    members: dict[int, list[int]] = {}
    for row in rows:
        members.setdefault(tree.call[row], []).append(row)
    steps = [_step(columns, tree, threads[top], top, members[top]) for top in rows if top in members]
    by_thread: dict[str, list[Step]] = {}
    for step in steps:
        by_thread.setdefault(step.thread_id, []).append(step)
    trace_id = columns["trace_id"][rows[0]]
    tops = {thread: _tops(tree, threads, own) for thread, own in by_thread.items()}
    segments = {thread: _segment(columns, tree, threads, Segment(trace_id), own, tops[thread]) for thread, own in by_thread.items()}
    roots = {thread: (tops[thread] or own)[0].row for thread, own in by_thread.items()}
    for step in steps:
        if len(inner := members[step.row]) > 1:
            segment = segments[step.thread_id]
            segment.received = max(segment.received, *(columns["received_ns"][row] for row in inner))
    keys, has_messages = columns["thread_key"], columns["has_messages"]
    moved = [(row, threads[row]) for row in rows if has_messages[row] and keys[row] != threads[row]]
    return Folded(columns["project"][rows[0]], trace_id, threads[rows[0]], steps, segments, moved, roots)


def _step(columns: Columns, tree: Tree, thread: str, top: int, members: list[int]) -> Step:
    ids, errors = columns["span_id"], columns["error_type"]
    failed = [row for row in members if errors[row]]
    return Step(
        row=top,
        thread_id=thread,
        parent_step_id=tree.step_above(top),
        span_ids=[ids[row] for row in members],
        status=_step_status(columns, top, members),
        mcp_id=first(columns["mcp_id"][row] for row in reversed(members)),
        tool_name=first(columns["tool_name"][row] for row in members),
        tool_call_id=first(columns["tool_call_id"][row] for row in members),
        error_type=errors[failed[0]] if failed else "",
        error_message=first(columns["error_message"][row] for row in failed),
    )


def _step_status(columns: Columns, top: int, members: list[int]) -> str:
    """The outermost span speaks, except that an error anywhere inside a finished call is one."""
    status = str(columns["status"][top])
    if len(members) > 1 and status == "complete" and any(columns["status"][row] == "error" for row in members):
        return "error"
    return status


def _tops(tree: Tree, threads: dict[int, str], steps: list[Step]) -> list[Step]:
    """The steps of a thread above which nothing belongs to it."""
    return [step for step in steps if _is_top(tree, threads, step)]


def _segment(columns: Columns, tree: Tree, threads: dict[int, str], result: Segment, steps: list[Step], roots: list[Step]) -> Segment:
    rows = [step.row for step in steps]
    _times_and_status(result, columns, tree, steps, roots)
    _counts(result, columns, steps)
    _who(result, columns, tree, threads, steps, roots)
    result.received = max(columns["received_ns"][row] for row in rows)
    result.retention_days = max(columns["retention_days"][row] for row in rows)
    return result


def _is_top(tree: Tree, threads: dict[int, str], step: Step) -> bool:
    """Whether nothing above it belongs to the same thread."""
    above = tree.parent[step.row]
    return above < 0 or threads[tree.call[above]] != step.thread_id


def _times_and_status(result: Segment, columns: Columns, tree: Tree, steps: list[Step], roots: list[Step]) -> None:
    """conventions.md §5: open while a step is open or a parent has not arrived; else as the last root ended."""
    started = columns["started"]
    result.started = started[steps[0].row]
    result.last_seen = max(_end(columns, step) for step in steps)
    open_steps = [step for step in steps if step.status == "running"]
    waiting = [step for step in roots if tree.parent[step.row] < 0 and not tree.is_root(step.row)]
    newest = max(open_steps or steps, key=lambda step: (started[step.row], columns["span_id"][step.row]))
    result.current_step = columns["name"][newest.row]
    if open_steps or waiting:
        result.status = "running"
        return
    last = max(roots, key=lambda step: (_end(columns, step), columns["span_id"][step.row]))
    result.status = last.status if last.status in TERMINAL or last.status == "paused" else "complete"
    result.ended = result.last_seen
    if any(step.status == "paused" for step in steps):
        _pause(result, columns, steps)
    if result.status in ("error", "cancelled"):
        failed = last if last.error_type else first_failed(steps)
        if failed is not None:
            result.error_type, result.error_message = failed.error_type, failed.error_message


def _end(columns: Columns, step: Step) -> int:
    """In nanoseconds; senders may claim durations that no time holds."""
    return min(MOST, int(columns["started"][step.row] + columns["duration"][step.row]))


def _pause(result: Segment, columns: Columns, steps: list[Step]) -> None:
    """A step that paused keeps the thread waiting until something else begins, however well the steps around it ended."""
    started = columns["started"]
    paused = max((step for step in steps if step.status == "paused"), key=lambda step: (started[step.row], columns["span_id"][step.row]))
    end = _end(columns, paused)
    if result.status in ("complete", "paused") and all(started[step.row] < end or step is paused for step in steps):
        result.status = "paused"
        result.waiting_for, result.waiting_since = paused.tool_name or columns["name"][paused.row], end


def first_failed(steps: Sequence[Step]) -> Step | None:
    return next((step for step in steps if step.error_type), None)


def _counts(result: Segment, columns: Columns, steps: list[Step]) -> None:
    types, inputs, outputs, costs = columns["type"], columns["input_tokens"], columns["output_tokens"], columns["cost_usd"]
    result.steps = len(steps)
    for step in steps:
        row, kind = step.row, types[step.row]
        result.errors += step.status == "error"
        if kind == "tool_call":
            result.tool_calls += 1
        elif kind == "llm_call":
            result.llm_calls += 1
            result.input_tokens = min(MOST, result.input_tokens + inputs[row])
            result.output_tokens = min(MOST, result.output_tokens + outputs[row])
            result.cache_read_tokens = min(MOST, result.cache_read_tokens + columns["cache_read_tokens"][row])
            result.cache_write_tokens = min(MOST, result.cache_write_tokens + columns["cache_write_tokens"][row])
            result.cost_usd = added([result.cost_usd, costs[row]])
            if costs[row] is None:
                _unpriced(result, columns, row)
        elif kind == "directive":
            result.agent_input_tokens = max(result.agent_input_tokens, inputs[row])
            result.agent_output_tokens = max(result.agent_output_tokens, outputs[row])
            result.agent_cache_read_tokens = max(result.agent_cache_read_tokens, columns["cache_read_tokens"][row])
            result.agent_cache_write_tokens = max(result.agent_cache_write_tokens, columns["cache_write_tokens"][row])
    if result.tool_calls >= TIMES:
        result.loop = longest_loop(
            [Call(step.tool_name, columns["input"][step.row], step.error_type) for step in steps if types[step.row] == "tool_call"]
        )


def _unpriced(result: Segment, columns: Columns, row: int) -> None:
    """Its tokens, so that a price list can say what the call cost."""
    read, wrote, output = columns["cache_read_tokens"][row], columns["cache_write_tokens"][row], columns["output_tokens"][row]
    plain = max(0, columns["input_tokens"][row] - read - wrote)
    if (model := columns["model"][row]) and (plain or output or read or wrote):
        key = price_key(columns["provider"][row], model)
        result.unpriced[key] = summed([result.unpriced, {key: [plain, output, read, wrote]}])[key]


def _who(result: Segment, columns: Columns, tree: Tree, threads: dict[int, str], steps: list[Step], roots: list[Step]) -> None:
    rows = [step.row for step in steps]
    root = roots[0].row if roots else rows[0]
    for name in ("environment", "service_version", "host"):
        values = columns[name]
        setattr(result, name, values[root] or first(values[row] for row in rows))
    for name in ("agent_name", "user_id", "user_input"):
        values = columns[name]
        setattr(result, name, first(values[row] for row in rows))
    result.mcp_ids = sorted({step.mcp_id for step in steps} - NOTHING)
    result.services = sorted({columns["service"][row] for row in rows} - NOTHING)
    result.models = sorted({columns["model"][row] for row in rows} - NOTHING)
    types = {columns["type"][row] for row in rows}
    result.kind = "agent" if types & {"directive", "llm_call", "script"} else "mcp" if "tool_call" in types else "trace"
    result.name = result.agent_name or columns["name"][root]
    result.memory_bytes = max(columns["memory_bytes"][row] for row in rows)
    cpu = columns["cpu_utilization"]
    result.cpu_utilization = next((cpu[row] for row in reversed(rows) if cpu[row] is not None), None)
    said = first(columns["parent_thread_key"][row] for row in rows)
    result.parent_thread_id = said or next((threads[tree.call[tree.parent[step.row]]] for step in roots if tree.parent[step.row] >= 0), "")
