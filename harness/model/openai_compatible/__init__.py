"""OpenAI-compatible servers, asked without an SDK between them and the gateway."""
