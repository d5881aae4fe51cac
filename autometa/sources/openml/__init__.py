"""OpenML: its data sets and tasks as tasks of ours, and the runs that others published there.

::

    connection -> asks, by the `openml` library, within a time
    fetching   -> the files in the library's cache, asked for where they are not there or broken; answers parses them
    reading    -> a data set or task as a `Task`
"""
