"""The gates: checks of what is in the warehouse, each saying what failed, where, and what mends it."""
