"""Starts the official command `bfcl` with two models more, in the way that its CONTRIBUTING.md describes: the
package's own handler for chat completions, with function calling and without."""

from bfcl_eval.__main__ import cli
from bfcl_eval.constants.model_config import MODEL_CONFIG_MAPPING, ModelConfig
from bfcl_eval.model_handler.api_inference.openai_completion import OpenAICompletionsHandler

for name, native in (("agent-FC", True), ("agent", False)):
    MODEL_CONFIG_MAPPING[name] = ModelConfig(
        model_name="agent",
        display_name=name,
        url="",
        org="",
        license="",
        model_handler=OpenAICompletionsHandler,
        is_fc_model=native,
        underscore_to_dot=native,
    )

cli()
