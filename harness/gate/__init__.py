"""The regression gate: is a candidate still as good as the reference, within a declared margin?

=============  ================================================================================
module         what it holds
=============  ================================================================================
``checks``     what is checked and how strictly: `checks.yaml`
``baseline``   reference runs by name: pooled, listed with their digests, never refreshed unasked
``integrity``  what makes statistics pointless: other items, failures, truncation, settings
``verdict``    one verdict a check, with Holm over the checks
``confirm``    the second look: flagged checks are run again with fresh seeds, tested alone
``drift``      slow decay over the history that gates per change miss
``report``     text, Markdown, JUnit XML and JSON
=============  ================================================================================
"""
