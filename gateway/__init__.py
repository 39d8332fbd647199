"""A gateway between every LLM client protocol and every LLM upstream protocol."""

__version__ = "0.1.0"
