"""Paired comparison of stored runs: which method is better on the same items, by how much, how surely.

=============  ================================================================================
module         what it holds
=============  ================================================================================
``arms``       a subject's runs on one task, pooled: what stands on one side of a comparison
``items``      the attempts of an arm by item, and two arms brought to the same items
``select``     which arms are meant, which may be compared, and what differs where they may not
``paired``     the comparison of two arms: difference, interval, tests, cost
``flips``      the items on which two arms differ, with both transcripts
=============  ================================================================================

Data runs one way: rows of the index -> arms -> paired items -> comparison. Rows whose comparability
keys differ never meet.
"""
