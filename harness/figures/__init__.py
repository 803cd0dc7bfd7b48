"""The figures: each one function from a table of trials to a tidy DataFrame, one from that to a picture.

The numbers come from `harness.analysis`; nothing is computed while drawing. A figure's module has a
``data(...)`` that gives one row per mark, and a ``draw(frame, note)`` that gives a matplotlib Figure;
`selected` has three such pairs, under names of their own. `catalogue` pairs them, and saves the
DataFrame as CSV beside the picture. In reading order:

    style           colour and marker of an optimizer, names of quantities, caption
    cells           which (workload, optimizer) cells exist, and the budget they are compared at
    budget_curves   Figures 6-8: error against tuning budget
    selected        Figures 1 and 9, 2 and 10: the selected trial's errors, its steps to a target
    search_spaces   Figures 3 and 4: the same optimizers with ever more hyperparameters tuned
    axis_projections   Figure 5: error against each searched axis
    rank_probability, inclusion_probability, failure_map, selection_bias, learning_curves, slices
    catalogue       all of these by name, and what a command line can ask of them
    interactive     the same DataFrames as Plotly figures, for the report's page
"""
