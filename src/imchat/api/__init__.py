"""The wire contract: routes, request and answer shapes, dispatch, OpenAPI."""
