"""The conversation by way of the openai package: a tool is called, its result given back."""

import json

from openai import OpenAI
from sending import QUESTION, SYSTEM, TOOL, lookup_order


def converse() -> None:
    client = OpenAI()
    messages = [{"role": "system", "content": SYSTEM}, {"role": "user", "content": QUESTION}]
    first = client.chat.completions.create(model="gpt-4o-mini", messages=messages, tools=[TOOL])
    call = first.choices[0].message.tool_calls[0]
    asked = {"id": call.id, "type": "function", "function": {"name": call.function.name, "arguments": call.function.arguments}}
    result = lookup_order(**json.loads(call.function.arguments))
    messages += [
        {"role": "assistant", "content": None, "tool_calls": [asked]},
        {"role": "tool", "tool_call_id": call.id, "content": result},
    ]
    client.chat.completions.create(model="gpt-4o-mini", messages=messages, tools=[TOOL])
