"""All that is said of a comparison: as data, figures by name, one page, a terminal's tables, cards. No statistics of its own, and nothing is drawn by its own hand."""
