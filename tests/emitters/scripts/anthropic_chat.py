"""The conversation by way of the anthropic package."""

from anthropic import Anthropic
from sending import PARAMETERS, QUESTION, SYSTEM, lookup_order

TOOL = {"name": "lookup_order", "description": "Look up an order", "input_schema": PARAMETERS}


def converse() -> None:
    client = Anthropic()
    common = {"model": "claude-sonnet-4-5", "max_tokens": 1024, "system": SYSTEM, "tools": [TOOL]}
    messages = [{"role": "user", "content": QUESTION}]
    call = client.messages.create(messages=messages, **common).content[0]
    asked = {"type": "tool_use", "id": call.id, "name": call.name, "input": call.input}
    result = {"type": "tool_result", "tool_use_id": call.id, "content": lookup_order(**call.input)}
    messages += [{"role": "assistant", "content": [asked]}, {"role": "user", "content": [result]}]
    client.messages.create(messages=messages, **common)
