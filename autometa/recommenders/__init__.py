"""Ways to rank configurations for a new task, all behind one contract."""
