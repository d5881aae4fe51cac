"""Growing the knowledge base: what to run next, and where."""
