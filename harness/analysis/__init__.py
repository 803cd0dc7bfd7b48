"""Statistics: a table of trials in, a table of numbers out, every figure's and every report's.

Nothing is drawn or put into sentences here, and nothing is known of training. In reading order:

    best_of_k            exact best-of-K statistics: pure NumPy, imports nothing of ours
    confidence           how sure we are of the median best-of-K
    paired               is A better than B? the test, and the interval that agrees with it
    power                how many trials that takes
    names                how optimizers, quantities and errors are written
    checking, counting   the rules of a table of trials; which of its rows count
    pooling, spaces      one study per workload and optimizer; the axes it was searched on
    reading              folders, CSV and Parquet read into one checked `Results`, and saved
    cells                which cells a comparison has, and the budget they are compared at
    partners, pairs      which trials are partners; every pair of optimizers with its verdict
    tuning_curves        best error against budget: Figures 6-8
    final                one row per (workload, optimizer)
    selected, targets    the selected trial's errors, its steps to a target: Figures 1 and 9, 2 and 10
    search_spaces        the same optimizers with ever more tuned: Figures 3 and 4
    inclusion_verdicts   does the general optimizer do at least as well as the special?
    ranks, importance, borders, refining
    axis_projections (Figure 5), failure_map, learning_curves, selection_bias, slices

Trials from a Halton sequence are not independent draws: they cover the space more evenly than
random search. Statistics here treat them as if they were, so a budget of K means "a random search
of K trials over what was found", and figures say "random-search equivalent". Scrambles with
different seeds *are* independent of each other, and can be pooled (`pooling.select_studies`).
"""
