"""Few-shot: meta-learners in torch behind the contracts of `autometa.recommenders`; nothing outside imports torch.

A *task* is a data set. Its *support set* is what was measured on it already: nothing is zero-shot, one evaluation is
one-shot. Its *query set* is every other configuration. Meta-training runs over the tasks of a knowledge base.
"""
