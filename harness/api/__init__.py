"""What `import harness` offers. The command line is a thin face of it.

=================  =============================================================================
module             what it holds
=================  =============================================================================
``requests``       the words of a request: keywords, classes and instances, checked
``evaluation``     `evaluate`, `evaluate_async`
``runs``           `Run`, `Runs`: what became of them
``comparisons``    `compare`
``grids``          `grid`: methods and models taken apart
``recorded``       `score`: responses that were recorded elsewhere
``sweeps``         `sweep`: a score over one number (``sweep_cells``: its runs), or over two (``surfaces``)
``people``         `replies`: what people said in a run
``planning``       `power`: what could be seen
``gating``         `check`, `set_baseline`: the gate
``training``       `train`: a policy
``loading``        `load_task`, `load_method`, `load`
``rewards``        `reward`: a task's grader for those who train
``progress``       bars, lines
``settings``       harness.toml
=================  =============================================================================
"""
