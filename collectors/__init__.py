"""Receivers: OTLP over gRPC and HTTP, appended to the durable log before they are acknowledged."""
