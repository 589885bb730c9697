"""Tasks written for inspect-ai, of inspect_evals or anyone's package, behind our methods and our gateway."""
