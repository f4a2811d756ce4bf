"""The processes of a fault campaign: four functions, a simulated Toast that is new for each schedule, and a warehouse.

Between the functions and the warehouse stands a proxy that can lose replies. One dataset serves all schedules, each
of which has restaurants of its own; so the tables and views are made once.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import requests
from campaigns.schedules import FUNCTIONS, Json, Schedule
from functions import RESTAURANTS, SimulatorControl

from local_stack.demo import warehouse_client
from local_stack.lossy_proxy import LossyProxy
from local_stack.processes import ServerProcess, emulator_process, function_environment, function_process
from shared.bigquery_utils import connect
from shared.config import Settings
from shared.schema import ALL_TABLES, VIEWS

WORLD_SEED = 5
# Calls give up on a Toast that goes on failing; every fault of a schedule ends long before.
TIME_BUDGET_SECONDS = 60
# So few that the longer listings of configuration have several pages.
CONFIG_PAGE = 40


class Toast(SimulatorControl):
    """A simulated Toast, and what a campaign does to it."""

    def tried_edit(self, restaurant: str, change: str, **what: Any) -> bool:
        """Edit something; False if Toast has nothing there that can be edited like this."""
        body = {"restaurant_guid": restaurant, "change": change, **what}
        reply = requests.post(f"{self.url}/_simulator/edits", json=body, timeout=60)
        assert reply.status_code in (200, 400, 404), reply.text
        return reply.ok

    def entities(self, restaurant: str) -> dict[str, list[Json]]:
        """What the dimensions should hold now."""
        return self._ask(requests.get, "truth/dimensions", params={"restaurant_guid": restaurant})["tables"]

    def faults_struck(self) -> Counter[str]:
        """How often each kind of fault has struck."""
        counts: Counter[str] = Counter()
        for fault in self._ask(requests.get, "faults")["faults"]:
            counts[fault["kind"]] += fault["struck"]
        return counts


class FaultStack:
    """Starts everything, and gives each schedule a Toast of its own. Use it as a context manager."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._exit = ExitStack()
        self._simulator_options: list[str] = []
        self._simulator = ServerProcess(
            "simulator",
            lambda port: [sys.executable, "-m", "toast_simulator", "--port", str(port), *self._simulator_options],
            ready=r"toast_simulator serving (http://\S+)",
            log_path=folder / "logs" / "simulator.log",
        )
        self._places = folder / "places.toml"
        self._restaurants = folder / "restaurants.toml"
        self.emulator = emulator_process(folder)
        self.functions: dict[str, ServerProcess] = {}

    def __enter__(self) -> FaultStack:
        self._folder.mkdir(parents=True, exist_ok=True)
        with ExitStack() as exit_stack:
            exit_stack.enter_context(self.emulator)
            self.proxy = exit_stack.enter_context(LossyProxy(self.emulator.url))
            self.client = warehouse_client(self.emulator.url)
            exit_stack.callback(self.client.close)
            self._make_tables()
            exit_stack.callback(self._simulator.stop)
            self._exit = exit_stack.pop_all()
        return self

    def __exit__(self, *failure: object) -> None:
        for process in self.functions.values():
            process.ask_to_stop()
        for process in self.functions.values():
            process.stop()
        self._exit.close()

    def _make_tables(self) -> None:
        """Make the dataset's tables and views, which else every function would do at the same time."""
        settings = Settings.from_environment(function_environment("http://127.0.0.1", self.emulator.url))
        connect(settings).ensure(ALL_TABLES, VIEWS)

    def begin(self, schedule: Schedule) -> Toast:
        """A new simulated Toast of the schedule's restaurants, which the functions find where the last one was."""
        self._write_restaurants(schedule)
        self._simulator_options = [
            f"--seed={WORLD_SEED}",
            f"--restaurants={self._places}",
            "--limits=off",
            f"--volume={schedule.volume}",
            f"--clock={schedule.begins_at.isoformat()}",
            f"--guess-config-page={CONFIG_PAGE}",
        ]
        self._simulator.kill()
        self._simulator.start().wait_until_ready()
        self._start_functions()
        self.proxy.lose_nothing()
        return Toast(self._simulator.url)

    def _start_functions(self) -> None:
        """Start those that do not run: all of them at first, later those that were killed."""
        if not self.functions:
            environment = function_environment(self._simulator.url, self.proxy.url) | {
                "RESTAURANTS_FILE": str(self._restaurants),
                "TIME_BUDGET_SECONDS": str(TIME_BUDGET_SECONDS),
            }
            self.functions = {name: function_process(name, self._folder, environment) for name in FUNCTIONS}
        down = [process for process in self.functions.values() if not process.running]
        for process in down:
            process.start()
        for process in down:
            process.wait_until_ready()

    def kill(self, function: str) -> None:
        """End a function as kill -9 does, and start it anew."""
        self.functions[function].kill()
        self._start_functions()

    def restart_warehouse(self) -> None:
        """End the emulator as kill -9 does, between two requests, and start it on its data."""
        with self.proxy.cut_off():
            self.emulator.kill()
            self.emulator.start().wait_until_ready()

    def _write_restaurants(self, schedule: Schedule) -> None:
        """The schedule's restaurants: for the simulator with their hours, which the functions have to ask for.

        Their places among the example restaurants, which decide what is configured there, come from the seed.
        """
        first = schedule.seed % (len(RESTAURANTS) - 1)
        hours = f'timezone = "{schedule.zone}"\ncloseout_hour = {schedule.closeout_hour}\n'
        examples = [restaurant.guid for restaurant in RESTAURANTS]
        guids = [*examples[:first], *schedule.guids]
        self._places.write_text(_restaurants_toml(guids, hours), encoding="utf-8")
        self._restaurants.write_text(_restaurants_toml(schedule.guids), encoding="utf-8")


def _restaurants_toml(guids: Sequence[str], more: str = "") -> str:
    return "".join(
        f'[[tenants.purpose.restaurants]]\nguid = "{guid}"\nname = "Place {number}"\n{more}\n'
        for number, guid in enumerate(guids)
    )
