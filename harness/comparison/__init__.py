"""Paired comparison of stored runs: which method is better on the same items, by how much, how surely.

=================  ===========================================================================================
module             what it holds
=================  ===========================================================================================
``arms``           a subject's runs on one task, pooled: what stands on one side of a comparison
``items``          an arm as a table item x run, and two arms brought to the same items
``common``         several arms brought to the items that all of them have
``attempt_items``  the table of an arm at a metric of k attempts (``attempt_metrics``: pass@k and its kin)
``overlap``        which items only one side has, and whether the common ones may be compared
``against``        rows next to the method that their spec names
``select``         which arms are meant, which may be compared, and what differs where they may not
``claims``         which of items and runs a difference holds for
``paired``         the comparison of two arms: difference, interval, tests, cost
``changes``        differences as they are shown, in the unit of the metric
``scores``         the score of one arm with its interval
``sentences``      what a comparison says, in one line
``suites``         comparisons on several tasks, pooled
``flips``          the items on which two arms differ, with both transcripts
``ranks``          every pair of arms tested, for places on a board
``planning``       what a comparison could see, from the noise of stored runs
``points``         arms side by side that differ in what was swept, and what makes them vary
``sweep``          the runs over one argument
``trends``         whether a sweep rises, falls, peaks, dips or is flat, in words
``forms``          the scaling forms that describe a sweep
``surface``        the runs over two arguments (``axes``: where a cell lies; ``surface_forms``: forms and best
                   splits; ``surface_words``: whether both arguments improve the score)
``grid``           methods x models: how much of the differences each makes (``grid_words``: in words)
``card``           the harness card of an arm: what surrounded the model
``learning``       learning curves of methods that train (``training_data``: from the same data?)
``human``          verdicts of a run beside labels of people
``paper``          the results of a store as a paper's table
``export``         comparisons as Markdown, LaTeX and CSV
``to_json``        comparisons as JSON (``grid_json``, ``sweep_json``, ``surface_json``)
=================  ===========================================================================================

Data runs one way: rows of the index -> arms -> paired items -> comparison. Rows whose comparability
keys differ never meet.
"""
