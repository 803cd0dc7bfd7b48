"""From words on a command line to studies and requests. Nothing here trains or reads records."""
