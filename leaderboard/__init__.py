"""A static site from a result store: tables, figures, every attempt; readable from `file://`.

=============  ================================================================================
module         what it holds
=============  ================================================================================
``records``    the records of a store that are in force, and those that can't be trusted
``attempts``   the sealed attempts of one run, verified, as the sample browser reads them
``board``      rows, sections of comparable rows, ranks, comparisons
``sweeps``     rows that differ in one number: scaling curves
``figures``    plotly figures as data, each with the table that says the same
``tables``     the rows as CSV, Markdown, LaTeX, and Every Eval Ever JSON
``pages``      jinja2 templates, rendered
``site``       every file of the site; writing it, and checking it against the records
``live``       the same site over HTTP while runs go
``cli``        `harness leaderboard`
=============  ================================================================================

Data runs one way: records -> rows -> sections -> figures and tables -> pages. Nothing here is read
back: the site holds no time of its own making and can be deleted and rebuilt byte for byte.
"""
