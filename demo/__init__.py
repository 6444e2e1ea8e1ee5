"""A small fleet of real agents and MCP servers, for people to look at."""
