"""The regression gate: is a candidate still as good as the reference, within a declared margin?

===============  =============================================================================================
module           what it holds
===============  =============================================================================================
``checks``       what is checked and how strictly: `checks.yaml`; ``margin`` says how much may be lost
``baseline``     reference runs by name: pooled, listed with their digests, never refreshed unasked
``margin_runs``  the runs that each margin takes (``runs_needed``); margins for a start
``pairing``      which runs stand for which check: all of the candidate's newest version
``integrity``    what makes statistics pointless: other items, failures, truncation, settings
``evidence``     what the runs say: p of no loss, p of a loss of the margin
``ledger``       every look is kept; ``levels`` are what of alpha they leave to the next
``verdict``      one verdict a check, with Holm over the checks
``confirm``      the second look: what was flagged is run again, both sides, and tested alone
``selfcheck``    A/A: how often it raises a false alarm
``drift``        slow decay over the history that gates per change miss
``report``       text, Markdown, JUnit XML and JSON
===============  =============================================================================================
"""
