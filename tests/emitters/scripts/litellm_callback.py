"""LiteLLM's own OpenTelemetry callback."""

import json

import litellm
from litellm.litellm_core_utils.thread_pool_executor import executor
from sending import QUESTION, SYSTEM, TOOL, lookup_order, sending

with sending():
    litellm.callbacks = ["otel"]
    common = {"model": "openai/gpt-4o-mini", "tools": [TOOL], "metadata": {"session_id": "sess-litellm"}}
    messages = [{"role": "system", "content": SYSTEM}, {"role": "user", "content": QUESTION}]
    call = litellm.completion(messages=messages, **common).choices[0].message.tool_calls[0]
    asked = {"id": call.id, "type": "function", "function": {"name": call.function.name, "arguments": call.function.arguments}}
    result = lookup_order(**json.loads(call.function.arguments))
    messages += [
        {"role": "assistant", "content": None, "tool_calls": [asked]},
        {"role": "tool", "tool_call_id": call.id, "content": result},
    ]
    litellm.completion(messages=messages, **common)
    executor.shutdown()  # its callbacks run in the background
