"""The people of a restaurant as they begin: jobs, employees and the breaks that they take. All are invented."""

from __future__ import annotations

from decimal import Decimal

from toast_simulator.world import entities as e
from toast_simulator.world.maker import Maker, Planned, decimal
from toast_simulator.world.streams import guid

_FIRST = (
    "Ada", "Zoë", "José", "Łukasz", "美咲", "Åsa", "Priya", "Tomás", "Chloé", "Ngozi", "Omar", "Ivy", "Søren", "Mei",
    "Luca", "Fatou", "Kofi", "Renée", "Hugo", "Aroha",
)  # fmt: skip
_LAST = (
    "Example", "Sample-Smith", "García", "Müller", "田中", "de la Cruz", "Øst", "O’Neil", "Nguyễn", "Okafor",
    "Lévesque", "Brown", "Kowalski", "van den Berg", "Rossi", "Haddad",
)  # fmt: skip
_EXTRA_STAFF = 26
_MORE_JOBS = (
    ("Busser", "15.00", True), ("Barback", "15.50", True), ("Sous chef", None, False), ("Sommelier", "24.25", True),
    ("Delivery driver", "14.75", True), ("Trainee", "13.333333333", False), ("Event crew", "18.00", False),
    ("Bookkeeper", "27.50", False),
)  # fmt: skip
_WAGES = {
    "Server": "11.25", "Bartender": "12.50", "Line cook": "19.75", "Host": "16.00", "Manager": None,
    "Dishwasher": "16.50",
}  # fmt: skip
_TIPPED = frozenset({"Server", "Bartender", "Host"})
_BREAKS = ("Split shift break", "Coffee break", "Prayer break", "Nursing break", "Smoke break", "Second meal break")


class StaffMaker(Maker):
    """Makes the entities about people."""

    def all(self) -> list[Planned]:
        """Jobs, employees and break types."""
        jobs = [Planned("jobs", self._job(entry.guid, entry.name), True) for entry in self.catalog.jobs]
        for title, wage, tipped in _MORE_JOBS:
            job = e.Job(
                guid=self.guid("jobs", title), name=title, code=None, wage=decimal(wage), tipped=tipped,
                excluded=title in ("Trainee", "Event crew"),
            )  # fmt: skip
            jobs.append(Planned("jobs", job, False))
        known = [entry.guid for entry in self.catalog.servers]
        others = self.guids("employees", (f"staff {number}" for number in range(_EXTRA_STAFF)))
        employees = [Planned("employees", self._employee(own), True) for own in known]
        employees += [Planned("employees", self._employee(own), False) for own in others]
        breaks = [
            Planned("breakTypes", self._break(entry.guid, entry.name), True) for entry in self.catalog.break_types
        ]
        breaks += [Planned("breakTypes", self._break(self.guid("breakTypes", name), name), False) for name in _BREAKS]
        return [*jobs, *employees, *breaks]

    def _job(self, own: str, title: str) -> e.Job:
        return e.Job(
            guid=own, name=title, code=title[:3].upper(), wage=decimal(_WAGES.get(title)), tipped=title in _TIPPED
        )

    def _employee(self, own: str) -> e.Employee:
        random = self.random("employee", own)
        first, number = random.choice(_FIRST), random.randrange(10_000)
        jobs = tuple(entry.guid for entry in random.sample(self.catalog.jobs, random.choice((1, 1, 2, 3))))
        wages = {job: Decimal(random.randrange(1200, 3000)) / 100 for job in jobs if random.random() < 0.4}
        return e.Employee(
            guid=own,
            name=random.choice(_LAST),
            first_name=first,
            chosen_name=random.choice((None, "", f"{first} {number % 7}", "DJ")),
            email=f"staff{number}@example.com" if random.random() < 0.9 else None,
            phone=f"55501{number % 100:02}" if random.random() < 0.7 else None,
            external_id=random.choice((None, "", f"{number:06}", f"HR-{number}")),
            v2_guid=guid(self.seed, "v2 employee", own),
            jobs=jobs,
            wages=wages,
        )

    def _break(self, own: str, name: str) -> e.BreakType:
        random = self.random("break", own)
        hours = random.choice((None, 3, 4, 5, 6))
        return e.BreakType(
            guid=own,
            name=name,
            active=random.random() < 0.85,
            paid="eal" not in name,
            minutes=30 if "eal" in name else random.choice((10, 15, 20)),
            enforced=random.random() < 0.5,
            tracked=random.random() < 0.5,
            interval_hours=hours,
            interval_minutes=None if hours is None else random.choice((0, 30)),
            acknowledged=random.random() < 0.3,
        )
