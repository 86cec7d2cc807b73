"""The HTTP and WebSocket API: routes, schemas, dispatch and the generated OpenAPI reference."""
