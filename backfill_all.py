"""Years of history into the warehouse, and the proof that it is there: python backfill_all.py --help."""

from backfill.commands import cli

if __name__ == "__main__":
    cli()
