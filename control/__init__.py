"""The control API: REST, WebSocket hub, SQL endpoint, console."""
