"""Google ADK's own spans; its model is asked by way of LiteLLM."""

import asyncio

from google.adk.agents import Agent
from google.adk.models.lite_llm import LiteLlm
from google.adk.runners import InMemoryRunner
from google.genai import types
from sending import QUESTION, SYSTEM, lookup_order, sending


async def main() -> None:
    root = Agent(name="support", model=LiteLlm(model="openai/gpt-4o-mini"), instruction=SYSTEM, tools=[lookup_order])
    runner = InMemoryRunner(agent=root, app_name="orders")
    await runner.session_service.create_session(app_name="orders", user_id="ada", session_id="sess-adk")
    asked = types.Content(role="user", parts=[types.Part(text=QUESTION)])
    async for _ in runner.run_async(user_id="ada", session_id="sess-adk", new_message=asked):
        pass


with sending():
    asyncio.run(main())
