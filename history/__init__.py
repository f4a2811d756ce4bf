"""What is known of each restaurant's past: its business dates, what is complete of them, how backfills went."""
