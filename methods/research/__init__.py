"""Ways to answer a question by searching, each under two budgets: tokens of reasoning, and searches."""
