"""What can be told of an optimizer and of a workload before a sweep is paid for; one question a file, none of the saying."""
