"""Runs that others made and published, into a knowledge base."""
