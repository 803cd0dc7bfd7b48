"""The models and data that trials are trained on: one workload a module.

A workload module has these functions (its data and model arrive as plain dicts, the `data:` and
`model:` nodes of the config), and nothing here imports the harness:

    prepare(data) -> str | None                 once, in the parent: find, download, verify, decode
    check_model(model)                          once, in the parent: are the settings valid?
    training_examples(data) -> int              how many, for workload.batch_size=all
    load(data, model, batch_size, device)       once in every worker: the `Task` (task.py)
    load_stacked(data, model, batch_size, device)   the same for trials trained as one: a `StackedTask`

Only `load` is required. `prepare` returns the SHA-256 (hex) of the data, the one that the Task's
`data_description` tells: it becomes part of the study, so that two data sets never share one. Where
the data are too large to hash, it is of the files' names and sizes. Without torch, which takes
seconds to import, a missing folder is reported at once. What the user can put right is a
`DataError` (task.py).

The harness imports a workload by path, so a user's own module works as these do:
those shipped are listed, with their data and sources, in docs/workloads.md.
"""
