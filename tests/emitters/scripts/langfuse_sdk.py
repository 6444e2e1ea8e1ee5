"""The Langfuse SDK: its provider sends to us too."""

from langfuse import Langfuse, propagate_attributes
from sending import QUESTION, lookup_order, sending

ANSWER = "Order A-1187 has shipped."

with sending() as provider:
    langfuse = Langfuse(public_key="pk", secret_key="sk", tracer_provider=provider)
    with (
        langfuse.start_as_current_observation(name="support", as_type="agent", input=[{"role": "user", "content": QUESTION}]),
        propagate_attributes(session_id="sess-langfuse", user_id="ada"),
    ):
        with langfuse.start_as_current_observation(
            name="answer", as_type="generation", model="gpt-4o-mini", input=[{"role": "user", "content": QUESTION}]
        ) as generation:
            usage, cost = {"input": 412, "output": 27}, {"input": 0.001, "output": 0.002, "total": 0.003}
            generation.update(output={"role": "assistant", "content": ANSWER}, usage_details=usage, cost_details=cost)
        with langfuse.start_as_current_observation(name="lookup_order", as_type="tool", input={"order_id": "A-1187"}) as tool:
            tool.update(output=lookup_order("A-1187"))
    langfuse.flush()
