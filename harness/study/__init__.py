"""What is compared: studies, search spaces, points and inclusions, as pure data. No disk, no processes, no training."""
