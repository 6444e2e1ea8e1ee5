"""Pydantic-AI's own spans."""

from pydantic_ai import Agent, InstrumentationSettings
from sending import QUESTION, SYSTEM, lookup_order, sending

with sending() as provider:
    Agent.instrument_all(InstrumentationSettings(tracer_provider=provider))
    agent = Agent("openai-chat:gpt-4o-mini", name="support", instructions=SYSTEM)
    agent.tool_plain(lookup_order)
    agent.run_sync(QUESTION, conversation_id="conv-pydantic-ai")
