"""autometa recommends machine-learning pipelines for a new table, from what was learned on past ones."""

__version__ = "0.1.0"
