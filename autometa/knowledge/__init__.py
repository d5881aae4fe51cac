"""Everything remembered: past tasks, configurations and evaluations, in SQL."""
