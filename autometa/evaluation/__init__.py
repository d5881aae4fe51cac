"""Evaluation: (task, configuration, protocol) -> `record.Evaluation`, measured in a process with hard limits.

::

    the user's process           the server (warm, one thread)           the child (one evaluation)
    running.Evaluator      ->    server: builds the learner, forks,  ->  child: fits and scores fold by fold,
    hard.ForkServer        <-    watches, kills, reports             <-  within its limits

Where the platform cannot do that, `soft.SoftRunner` starts a fresh process for every evaluation and watches
it.
"""
