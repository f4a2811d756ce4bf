"""A simulated Toast POS API: real HTTP on this machine, an invented world of orders, ground truth and faults.

Start it with ``python -m toast_simulator``; docs/simulator.md describes it.
"""
