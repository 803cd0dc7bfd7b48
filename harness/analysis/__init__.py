"""What the trials say: exact statistics of tuning, from a table with one row a trial.

Everything here takes and gives pandas tables (`table.read` makes one from a results folder or from
anyone's CSV) and knows nothing of training. In reading order:

    best_of_k            exact best-of-K statistics: pure NumPy, imports nothing of ours
    confidence           how sure we are of the median best-of-K
    table                reading and checking a table of trials; which rows count
    tuning_curves        best error against budget
    final                one row per (workload, optimizer)
    inclusion_verdicts   does the general optimizer do at least as well as the special one?
    ranks, borders, importance
    summary              all of it in words, for a terminal
    results              trials, curves and studies together, read and saved
    verdict_words        the answer in sentences
    outcome              the answer in Markdown tables, for cards
    figures/             the pictures, each with its numbers

Trials from a Halton sequence are not independent draws: they cover the space more evenly than
random search. Statistics here treat them as if they were, so a budget of K means "a random search
of K trials over what was found", and figures say "random-search equivalent". Scrambles with
different seeds *are* independent of each other, and can be pooled (`table.select_studies`).
"""
