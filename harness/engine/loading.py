"""A policy and its tokenizer, loaded to be trained."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from harness.base.errors import UsageError, reason_of


def load_policy(source: Path, method: str) -> tuple[Any, Any]:
    """The model in single precision, on the GPU where there is one, and its tokenizer.

    Raises:
        UsageError: torch is not installed, or the folder holds no policy.
    """
    try:
        import torch
        import transformers
    except ImportError:
        raise UsageError(
            f"{method} trains with torch and transformers, which are not installed: pip install -c "
            "constraints.txt 'harness[train]'"
        ) from None
    from harness.engine import checkpoints

    checkpoints.quiet()
    accelerated = torch.cuda.is_available()
    if not accelerated:
        torch.set_num_threads(1)  # two threads on a busy machine spin for each other
    try:
        tokenizer = transformers.AutoTokenizer.from_pretrained(source)
        model = transformers.AutoModelForCausalLM.from_pretrained(source, dtype=torch.float32)
    except (OSError, ValueError, KeyError) as error:
        raise UsageError(f"can't load {source} for training: {reason_of(error)}") from error
    # transformers wraps `to` so that its types lose that it is a method
    model.to("cuda" if accelerated else "cpu")  # type: ignore[arg-type]
    return model, tokenizer
