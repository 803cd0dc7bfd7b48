"""The trials of a command in worker processes: queues, pool, interruptions. Nothing of how a configuration is written."""
