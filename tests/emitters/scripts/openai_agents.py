"""The OpenAI Agents SDK seen by OpenInference."""

import agents
from openinference.instrumentation import using_session
from openinference.instrumentation.openai_agents import OpenAIAgentsInstrumentor
from sending import QUESTION, SYSTEM, lookup_order, sending

with sending() as provider:
    OpenAIAgentsInstrumentor().instrument(tracer_provider=provider)
    support = agents.Agent(name="support", instructions=SYSTEM, model="gpt-4o-mini", tools=[agents.function_tool(lookup_order)])
    with using_session("sess-openai-agents"):
        agents.Runner.run_sync(support, QUESTION)
