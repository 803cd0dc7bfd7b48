"""Networks, each a torch.nn.Module or a function that builds one. No data."""
