"""One trial's training: gradient, rule, schedule, averaging. Knows nothing of records, folders or processes."""
