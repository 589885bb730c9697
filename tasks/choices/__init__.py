"""Multiple choice with one right option: ARC-Challenge, OpenBookQA, MedQA, MMLU-Pro; MMLU builds on it."""
