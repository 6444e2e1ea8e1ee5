"""The command: CLI and the wiring of each role."""
