"""The verbs of the command line, one a file: what is asked, called and said. Nothing is computed here."""
