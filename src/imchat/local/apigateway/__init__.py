"""What API Gateway does on AWS: events for the handlers, WebSocket connections."""
