"""The whole product on one machine: simulated Toast, emulated BigQuery and the functions, as real processes."""
