"""A hundred thousand mutated replies of Toast: each object is loaded rightly or rejected, nothing crashes or is lost.

Run by `make campaign`; it takes some minutes. MUTATED_PAYLOADS says how many replies, MUTATION_SEED which ones.
"""

from __future__ import annotations

import os
import time

from mutated_payloads import Campaign

COUNT = int(os.environ.get("MUTATED_PAYLOADS", "100000"))
SEED = int(os.environ.get("MUTATION_SEED", "1"))
BATCH = 10_000


def test_every_object_of_every_mutated_payload_is_loaded_rightly_or_rejected(capsys) -> None:
    left, seed, reports = COUNT, SEED, []
    began = time.monotonic()
    while left > 0:  # another world for each batch
        reports.append(Campaign(seed).run(min(left, BATCH)))
        with capsys.disabled():
            print(f"\n{reports[-1]}\nafter {time.monotonic() - began:.0f} s", flush=True)
        left, seed = left - BATCH, seed + 1
    failures = [failure for report in reports for failure in report.failures]
    assert not failures, "\n".join(failures[:20])
    assert sum(report.bodies for report in reports) == COUNT
