"""A model on the loopback address that always says the same, behind the endpoints of OpenAI (chat completions, responses) and Anthropic (messages).

Asked with tools it calls the first one; given a tool's result, or no tools, it answers. So every emitter tells of the same conversation.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any, Final

ARGUMENTS: Final = {"order_id": "A-1187"}
ANSWER: Final = "Order A-1187 has shipped."
CALL_ID: Final = "call_9Rt"
MODEL: Final = "gpt-4o-mini-2024-07-18"
CLAUDE: Final = "claude-sonnet-4-5-20250929"
CACHED: Final = 256
ASKING: Final = (412, 27)
"""Input tokens, cached ones included, and output tokens of the call that asks for a tool."""
ANSWERING: Final = (460, 9)


def _last_is_result(turns: Any) -> bool:
    """Whether the conversation ends with what a tool said."""
    last = turns[-1] if isinstance(turns, list) and turns else {}
    content = last.get("content")
    blocks = content if isinstance(content, list) else []
    return (
        last.get("role") == "tool"
        or last.get("type") == "function_call_output"
        or any(block.get("type") == "tool_result" for block in blocks)
    )


def _tool(said: Mapping[str, Any], turns: str) -> str:
    """Name of the tool to be called, or empty."""
    tools = [tool for tool in said.get("tools") or [] if tool.get("type", "function") in ("function", "custom")]
    if not tools or _last_is_result(said.get(turns)):
        return ""
    return str(tools[0].get("name") or tools[0]["function"]["name"])


def _completion(said: Mapping[str, Any]) -> dict[str, Any]:
    tool = _tool(said, "messages")
    read, written = ASKING if tool else ANSWERING
    call = {"id": CALL_ID, "type": "function", "function": {"name": tool, "arguments": json.dumps(ARGUMENTS)}}
    message = {"role": "assistant", "content": None, "tool_calls": [call]} if tool else {"role": "assistant", "content": ANSWER}
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1789000000,
        "model": MODEL,
        "choices": [{"index": 0, "message": message, "finish_reason": "tool_calls" if tool else "stop"}],
        "usage": {
            "prompt_tokens": read,
            "completion_tokens": written,
            "total_tokens": read + written,
            "prompt_tokens_details": {"cached_tokens": CACHED},
            "completion_tokens_details": {"reasoning_tokens": 0},
        },
    }


def _response(said: Mapping[str, Any]) -> dict[str, Any]:
    tool = _tool(said, "input")
    read, written = ASKING if tool else ANSWERING
    call = {
        "type": "function_call",
        "id": "fc_1",
        "call_id": CALL_ID,
        "name": tool,
        "arguments": json.dumps(ARGUMENTS),
        "status": "completed",
    }
    text = {"type": "output_text", "text": ANSWER, "annotations": []}
    message = {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": [text]}
    return {
        "id": "resp_1",
        "object": "response",
        "created_at": 1789000000,
        "status": "completed",
        "model": MODEL,
        "output": [call if tool else message],
        "tools": said.get("tools", []),
        "tool_choice": "auto",
        "parallel_tool_calls": True,
        "usage": {
            "input_tokens": read,
            "output_tokens": written,
            "total_tokens": read + written,
            "input_tokens_details": {"cached_tokens": CACHED, "cache_write_tokens": 0},
            "output_tokens_details": {"reasoning_tokens": 0},
        },
    }


def _message(said: Mapping[str, Any]) -> dict[str, Any]:
    """Anthropic counts what came from the cache beside the input, not in it."""
    tool = _tool(said, "messages")
    read, written = ASKING if tool else ANSWERING
    block = {"type": "tool_use", "id": CALL_ID, "name": tool, "input": ARGUMENTS} if tool else {"type": "text", "text": ANSWER}
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": CLAUDE,
        "content": [block],
        "stop_reason": "tool_use" if tool else "end_turn",
        "stop_sequence": None,
        "usage": {
            "input_tokens": read - CACHED,
            "output_tokens": written,
            "cache_read_input_tokens": CACHED,
            "cache_creation_input_tokens": 0,
        },
    }


_ANSWERS: Final = {"/chat/completions": _completion, "/responses": _response, "/messages": _message}


class _Door(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        answer = next((answer for path, answer in _ANSWERS.items() if self.path.split("?")[0].endswith(path)), None)
        said = json.dumps(answer(json.loads(body)) if answer else {}).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    do_GET = do_POST

    def log_message(self, format: str, *args: Any) -> None:
        """Silent: nobody reads it."""


@contextmanager
def model_server() -> Iterator[str]:
    """Its address, such as `http://127.0.0.1:4711`."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Door)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
