"""Entry point of ``python -m toast_simulator``."""

from toast_simulator.cli import main

if __name__ == "__main__":
    main(prog_name="python -m toast_simulator")
