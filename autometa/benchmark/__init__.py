"""Is a recommender any good? Replay of stored runs on tasks that it did not learn from."""
