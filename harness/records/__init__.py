"""All that touches the disk: records, checkpoints, claims, requests. No statistics."""
