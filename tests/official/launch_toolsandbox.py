"""Starts the official command `tool_sandbox`, whose roles have OpenAI's address written into them, with the
address of OPENAI_BASE_URL instead."""

import os

import openai

_init = openai.OpenAI.__init__


def _elsewhere(self, *, base_url=None, **fields):
    _init(self, base_url=os.environ["OPENAI_BASE_URL"], **fields)


openai.OpenAI.__init__ = _elsewhere

if __name__ == "__main__":
    from tool_sandbox.cli import main

    main()
