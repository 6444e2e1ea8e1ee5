"""Counts of tokens: input is the total with cached tokens in it, whatever the sender counts."""

from pipeline.values import integer

INPUT = "gen_ai.usage.input_tokens"
CACHED = (
    "gen_ai.usage.cache_read.input_tokens",
    "gen_ai.usage.cache_creation.input_tokens",
)


def add_input_tokens(found: dict[str, str], prompt: str, completion: str, total: str) -> None:
    """Set the total input from what the sender calls prompt tokens; cached ones are read from `found`.

    They are additional when the stated total adds them, or when they are more than the prompt that would contain them.
    """
    if INPUT in found or not (said := integer(prompt)):
        return
    cached = 0
    for name in CACHED:
        if count := found.get(name):
            cached += integer(count)
    additional = cached > said or (cached > 0 and integer(total) == said + integer(completion) + cached)
    found[INPUT] = str(said + cached if additional else said)
