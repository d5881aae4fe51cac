"""OpenML: its data sets and tasks as tasks of ours, and the runs that others published there.

::

    connection -> asks, by the `openml` library, within a time; or looks into its cache alone
"""
