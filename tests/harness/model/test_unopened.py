"""What is said of models that can't be opened, on errors as inspect-ai and its clients word them."""

import pytest

from harness.base.errors import UsageError
from harness.model.unopened import check_names, unopened


@pytest.mark.parametrize(
    "model, said, wanted",
    [
        (
            "opnai/gpt-4o",
            "Model API opnai of model 'opnai/gpt-4o' not recognized.",
            "there is no provider 'opnai'; did you mean 'openai'",
        ),
        (
            "zzz/m",
            "Model API zzz of model 'zzz/m' not recognized.",
            "there is no provider 'zzz'; 'harness list' shows every provider",
        ),
        (
            "openai/m",
            "ERROR: Unable to initialise OpenAI client\n\nNo OPENAI_API_KEY, AZUREAI_OPENAI_API_KEY, or "
            "managed identity (Entra ID) defined in the environment.",
            "it needs a key; set OPENAI_API_KEY, in the environment or in .env",
        ),
        (
            "openai-api/my-lab/m",
            "ERROR: Unable to initialise my-lab client\n\nNo MY_LAB_API_KEY defined in the environment.",
            "set MY_LAB_API_KEY, in the environment or in .env (--model-arg api_key=none where the server "
            "wants none), and an address in MY_LAB_BASE_URL or --model-arg base_url=URL",
        ),
        (
            "vllm/m",
            "[bold]ERROR[/bold]: vLLM Server requires optional dependencies. Install with:\n\n[bold]pip "
            "install vllm[/bold]",
            "a package is missing; pip install vllm",
        ),
        ("a/b", "", "RuntimeError; 'harness list models' shows what there is"),
    ],
)
def test_the_line_names_the_cure(model, said, wanted):
    line = str(unopened(model, RuntimeError(said)))
    assert line.startswith(f"can't open the model {model!r}: ") and wanted in line and "[" not in line


@pytest.mark.parametrize(
    "model, name, meant",
    [
        ("openai-api/local/m", "bas_url", "base_url"),
        ("openai-api/local/m", "api-key", "api_key"),
        ("hf/m", "model_pat", "model_path"),
        ("openai/m", "reponses_api", "responses_api"),
    ],
)
def test_a_slip_in_the_name_of_an_argument_is_told(model, name, meant):
    with pytest.raises(UsageError, match=f"--model-arg {name}: {model} has no such argument.*{meant!r}"):
        check_names(model, {name: "x"})


@pytest.mark.parametrize(
    "name", ["max_model_len", "torch_dtype", "device", "gpu_memory_utilization", "base_url"]
)
def test_what_servers_and_libraries_take_passes(name):
    check_names("vllm/m", {name: "x"})
