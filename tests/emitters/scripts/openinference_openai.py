"""OpenInference's instrumentation of openai; the session is set around the calls."""

import openai_chat
from openinference.instrumentation import using_attributes
from openinference.instrumentation.openai import OpenAIInstrumentor
from sending import sending

with sending() as provider:
    OpenAIInstrumentor().instrument(tracer_provider=provider)
    with using_attributes(session_id="sess-openinference", user_id="ada"):
        openai_chat.converse()
