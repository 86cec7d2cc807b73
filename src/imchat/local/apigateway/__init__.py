"""Emulates API Gateway: events for the handlers, and WebSocket connections."""
