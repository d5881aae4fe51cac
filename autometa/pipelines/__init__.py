"""Configurations made into plain scikit-learn pipelines: learners, their spaces, building, candidates."""
