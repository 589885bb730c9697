"""Reference dialogues as worlds: a scripted user, tools that replay their records, a checklist to judge."""
