"""Paired comparison of stored runs: which method is better on the same items, by how much, how surely.

=============  ================================================================================
module         what it holds
=============  ================================================================================
``arms``       a subject's runs on one task, pooled: what stands on one side of a comparison
``items``      an arm as a table item x run, and two arms brought to the same items
``select``     which arms are meant, which may be compared, and what differs where they may not
``paired``     the comparison of two arms: difference, interval, tests, cost
``changes``    differences as they are shown, in the unit of the metric
``claims``     which of items and runs a difference holds for
``sentences``  what a comparison says, in one line
``suites``     comparisons on several tasks, pooled
``flips``      the items on which two arms differ, with both transcripts
``planning``   what a comparison could see, from the noise of stored runs
``overlap``    which items only one side has, and whether the common ones may be compared
``sweep``      the runs over one argument: points, and what makes them vary
``trends``     whether a sweep rises, falls, peaks, dips or is flat, in words
``forms``      the scaling forms that describe a sweep
``sweep_json`` sweeps as JSON
``to_json``    comparisons as JSON
=============  ================================================================================

Data runs one way: rows of the index -> arms -> paired items -> comparison. Rows whose comparability
keys differ never meet.
"""
