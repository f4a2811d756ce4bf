"""The library that the four Cloud Functions share.

Nothing here knows an entry point (``main_*.py``), the simulator or the command line.
"""
