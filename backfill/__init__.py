"""The command line that loads years of history: what is missing, who loads it, and how it went."""
