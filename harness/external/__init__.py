"""Code of others: how official packages are installed apart, run in workers, and served from outside."""
