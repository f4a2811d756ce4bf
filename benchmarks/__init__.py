"""Benchmarks: each pairs what we do with its reference in the same run, since machines differ and are noisy."""
