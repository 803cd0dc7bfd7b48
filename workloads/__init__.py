"""The models and data that trials are trained on: one workload a module.

A workload module has these functions (its data and model arrive as plain dicts, the `data:` and
`model:` nodes of the config), and nothing here imports the harness:

    prepare(data)                               once, in the parent: find, download, verify, decode
    data_sha256(data)                           optional, in the parent: as the `Task` will tell it
    check_model(model)                          once, in the parent: are the settings valid?
    load(data, model, batch_size, device)       once in every worker: the `Task` (task.py)

The harness imports a workload by path, so a user's own module works as these do:
digits_cnn, python_docs_lstm, cifar10_resnet32, war_and_peace_lstm.
"""
