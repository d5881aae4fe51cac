"""Reports on a recommendation, for people."""
