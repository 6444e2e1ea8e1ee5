"""Speaking MCP."""
