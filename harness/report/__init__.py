"""What a report says: all its tables as data, its page, its sentences. No statistics of its own."""
