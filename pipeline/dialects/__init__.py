"""Other conventions than ours, translated: each a small pure module with a declarative table. `registry` knows them all."""

from pipeline.dialects.registry import STANDARD, dialect_of, of_scope

__all__ = ["STANDARD", "dialect_of", "of_scope"]
