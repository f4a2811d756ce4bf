"""deploy_all.sh: its plan, and what it makes of a project, with a stand-in for gcloud that is as strict as Google."""

from __future__ import annotations

import os
import pty
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from deployment import (
    PROJECT,
    Installation,
    Json,
    complaints_of_gcloud,
    permission_service,
    printed_by_gcloud,
)
from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery

from local_stack.processes import ROOT
from shared.schema import ALL_TABLES, VIEWS

GOLDEN = Path(__file__).parent / "golden" / "deploy_demo.txt"
FUNCTIONS = ("orders_daily", "cash_daily", "labor_daily", "config_weekly", "daily_summary")
LOADERS = FUNCTIONS[:4]
NOBODY_IN_PARTICULAR = ("allUsers", "allAuthenticatedUsers")


@pytest.fixture(scope="module")
def service() -> Iterator[str]:
    with permission_service() as url:
        yield url


@pytest.fixture(scope="module")
def environment(emulator: str, service: str) -> dict[str, str]:
    """Where the Python parts of a deployment find BigQuery, and who may do what."""
    return {
        "BIGQUERY_EMULATOR_HOST": emulator,
        "CLOUDSDK_API_ENDPOINT_OVERRIDES_CLOUDRESOURCEMANAGER": service,
    }


@dataclass(frozen=True)
class Chapter:
    """What was there after one run, and what it said and called."""

    state: Json
    out: str
    calls: list[list[str]]

    @property
    def resources(self) -> dict[str, set[str]]:
        return resources_of(self.state)

    @property
    def rights(self) -> set[tuple[str, ...]]:
        """Who may do what: target, account, role."""
        return {tuple(binding.split()) for binding in self.state["bindings"]}


CHANNELS = ("--channel", "ops@example.com,slack:SUMMARY_WEBHOOK")


@pytest.fixture(scope="module")
def story(
    tmp_path_factory: pytest.TempPathFactory, environment: dict[str, str], warehouse: bigquery.Client
) -> dict[str, Chapter]:
    """The life of an installation: one run after the other, each with what it left."""
    installation = Installation(tmp_path_factory.mktemp("story"), environment)
    chapters: dict[str, Chapter] = {}

    def tell(name: str, *options: str) -> None:
        out = installation.run(*options).succeeded().out
        calls = installation.calls()
        accounts = [entry.entity_id for entry in warehouse.get_dataset("toast").access_entries]
        chapters[name] = Chapter(installation.state | {"writers": accounts}, out, calls)

    tell("installed", *CHANNELS)
    secrets = {name: {**secret, "versions": 1} for name, secret in installation.state["secrets"].items()}
    gone = {**installation.state["jobs"], "cash-daily-gone": {"flags": {}}}
    installation.change(secrets=secrets, jobs=gone)
    tell("again", *CHANNELS)
    tell("again without channels", "--only", "alerts")
    tell("rolled back", "--rollback")
    tell("with staging", "--env", "staging", "--only", "cash,queue,alerts")
    tell("without staging", "--env", "staging", "--teardown", "--yes")
    tell("removed", "--teardown", "--yes")
    tell("removed again", "--teardown", "--yes")
    tell("restored", *CHANNELS)
    return chapters


@pytest.fixture(scope="module")
def installed(story: dict[str, Chapter]) -> Chapter:
    """A project that everything was deployed to, from nothing."""
    return story["installed"]


@pytest.fixture(scope="module")
def warehouse(emulator: str) -> Iterator[bigquery.Client]:
    """BigQuery of the project that is deployed to."""
    client = bigquery.Client(PROJECT, AnonymousCredentials(), client_options={"api_endpoint": emulator})
    yield client
    client.close()


@pytest.fixture
def fresh(tmp_path: Path, environment: dict[str, str]) -> Installation:
    """A project that nothing was deployed to."""
    return Installation(tmp_path, environment)


def words_of(plan: str, folder: Path) -> list[list[str]]:
    """The commands of a plan, as bash understands them: the plan is run with programs that only write down their words.

    Those of gcloud come without the program's name.
    """
    folder.mkdir()
    recorder = (
        'printf "%s\\0" "$@" >>"$WORDS"; printf "\\n" >>"$WORDS"\n'
        'echo https://said.example; case "$*" in *"revisions list"*) echo the-one-before;; esac\n'
    )
    for program in (folder / "gcloud", folder / ".venv" / "bin" / "python"):
        program.parent.mkdir(parents=True, exist_ok=True)
        program.write_text(f"#!/bin/sh\n{recorder}")
        program.chmod(0o755)
    file = folder / "words"
    done = subprocess.run(
        ["bash", "-eu", "-c", plan],
        cwd=folder,
        env={**os.environ, "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}", "WORDS": str(file)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    lines = file.read_text().split("\0\n")[:-1]
    return [words for words in (line.split("\0") for line in lines) if words[0] != "-m"]


def resources(installation: Installation) -> dict[str, set[str]]:
    return resources_of(installation.state)


def resources_of(state: Json) -> dict[str, set[str]]:
    """The names of what there is, by kind."""
    kinds = ("accounts", "roles", "secrets", "functions", "queues", "jobs", "metrics", "policies", "channels")
    return {
        kind: {name for name, thing in state.get(kind, {}).items() if not thing.get("deleted")}
        for kind in kinds
        if state.get(kind)
    }


def account(name: str) -> str:
    return f"toast-{name.replace('_', '-')}@{PROJECT}.iam.gserviceaccount.com"


# --- the plan -----------------------------------------------------------------------------------------


def test_the_plan_is_the_golden_one(fresh: Installation) -> None:
    plan = fresh.run("--dry-run").succeeded().out
    assert plan == GOLDEN.read_text(), (
        "the plan changed; where that is meant: ./deploy_all.sh --dry-run --project demo > tests/golden/deploy_demo.txt"
    )


def test_a_dry_run_asks_nobody(fresh: Installation) -> None:
    for options in ([], ["--teardown"], ["--rollback"], ["--env", "staging"]):
        fresh.run("--dry-run", *options).succeeded()
    assert fresh.state == {}


def test_every_command_of_every_plan_passes_gclouds_own_parser(fresh: Installation, tmp_path: Path) -> None:
    channels = "ops@example.com,slack:HOOK,projects/demo/notificationChannels/7"
    plans = [
        fresh.run("--dry-run", *options).succeeded().out
        for options in (
            ["--channel", channels],
            ["--env", "staging", "--closing-at", "none"],
            ["--teardown", "--channel", channels],
            ["--rollback"],
        )
    ]
    commands = [words for number, plan in enumerate(plans) for words in words_of(plan, tmp_path / f"plan{number}")]
    assert len(commands) > 150
    assert complaints_of_gcloud(commands, fresh.folder) == []


def test_every_command_that_ran_passes_gclouds_own_parser(story: dict[str, Chapter], fresh: Installation) -> None:
    for env in ("production", "staging"):  # for the files that the commands name
        fresh.run("--dry-run", "--env", env).succeeded()
    assert complaints_of_gcloud([call for chapter in story.values() for call in chapter.calls], fresh.folder) == []


# What the script asks gcloud for, resources as Google's APIs describe them, and the lines that the script expects.
FORMS: dict[str, tuple[list[Json], str]] = {
    "value(email)": ([{"email": "a@b"}, {"email": "c@d"}], "a@b\nc@d\n"),
    "value(name)": ([{"name": "projects/p/x/1"}], "projects/p/x/1\n"),
    "value(name.basename())": ([{"name": "projects/p/x/1"}, {"name": "2"}], "1\n2\n"),
    "value(name,displayName)": ([{"name": "n/1", "displayName": "A: b"}], "n/1\tA: b\n"),
    "value(name,displayName,notificationChannels.list())": (
        [{"name": "n/1", "displayName": "A", "notificationChannels": ["c/1", "c/2"]}, {"name": "n/2"}],
        "n/1\tA\tc/1,c/2\nn/2\t\t\n",
    ),
    "csv[no-heading](name.basename(),deleted)": ([{"name": "r/1", "deleted": True}, {"name": "r/2"}], "1,True\n2,\n"),
    "csv[no-heading](name.basename(),labels.toast_etl)": (
        [{"name": "s/1", "labels": {"toast_etl": "staging"}}, {"name": "s/2"}],
        "1,staging\n2,\n",
    ),
    "value(serviceConfig.uri)": ([{"serviceConfig": {"uri": "https://x"}}], "https://x\n"),
    "value(status.traffic[0].revisionName)": ([{"status": {"traffic": [{"revisionName": "r-2"}]}}], "r-2\n"),
    "value(metadata.name,status.conditions[0].status)": (
        [{"metadata": {"name": "r-2"}, "status": {"conditions": [{"type": "Ready", "status": "True"}]}}],
        "r-2\tTrue\n",
    ),
    "value(account)": ([{"account": "ana@example.com"}], "ana@example.com\n"),
}


def test_gcloud_writes_what_it_is_asked_for_as_the_script_reads_it(story: dict[str, Chapter], tmp_path: Path) -> None:
    calls = [call for chapter in story.values() for call in chapter.calls]
    asked = {word.removeprefix("--format=") for call in calls for word in call if word.startswith("--format=")}
    assert asked == set(FORMS)
    printed = printed_by_gcloud([(resources, form) for form, (resources, _) in FORMS.items()], tmp_path)
    assert dict(zip(FORMS, printed, strict=True)) == {form: expected for form, (_, expected) in FORMS.items()}


def test_no_function_takes_a_call_from_just_anybody(fresh: Installation, tmp_path: Path) -> None:
    plan = fresh.run("--dry-run").succeeded().out
    assert not any(nobody in plan for nobody in NOBODY_IN_PARTICULAR)
    commands = words_of(plan, tmp_path / "plan")
    deployments = [words for words in commands if words[:2] == ["functions", "deploy"]]
    assert len(deployments) == len(FUNCTIONS)
    assert all("--no-allow-unauthenticated" in words for words in deployments)
    assert not any("--allow-unauthenticated" in words for words in commands)


def test_an_attempt_lasts_longer_than_the_function_and_less_than_half_an_hour(fresh: Installation) -> None:
    for options, deadline in (([], 600), (["--timeout", "1740"], 1800)):
        plan = fresh.run("--dry-run", *options).succeeded().out
        assert set(re.findall(r"--attempt-deadline=(\d+)s", plan)) == {str(deadline)}
        assert {int(seconds) + 60 for seconds in re.findall(r"--timeout=(\d+)s", plan)} == {deadline}


# --- from nothing to running ----------------------------------------------------------------------------


def test_everything_is_there(installed: Chapter) -> None:
    there = installed.resources
    assert there["functions"] == set(FUNCTIONS)
    assert there["accounts"] == {account(name) for name in (*FUNCTIONS, "build", "scheduler", "tasks")}
    assert there["secrets"] == {"TOAST_CLIENT_ID", "TOAST_CLIENT_SECRET", "TOAST_TOKEN", "SUMMARY_WEBHOOK"}
    assert there["queues"] == {"toast-backfill"}
    assert there["roles"] == {"toastTokenCache"}
    times = {name: job["flags"]["schedule"] for name, job in installed.state["jobs"].items()}
    assert times == {
        "orders-daily-purpose": "0 2 * * *",
        "cash-daily-purpose": "15 2 * * *",
        "labor-daily-purpose": "30 2 * * *",
        "config-weekly-purpose": "0 3 * * 0",
        "orders-daily-purpose-closing": "15 7 * * *",
        "cash-daily-purpose-closing": "20 7 * * *",
        "labor-daily-purpose-closing": "25 7 * * *",
        "daily-summary-purpose-hourly": "5 * * * *",
        "daily-summary-purpose": "0 9 * * *",
    }
    metrics = {file.stem for file in (ROOT / "deploy" / "metrics").glob("*.yaml")}
    policies = list((ROOT / "deploy" / "alerts").glob("*.json"))
    assert there.get("metrics", set()) == metrics
    assert len(there.get("policies", ())) == len(policies)


def test_the_tables_and_views_are_there_too(installed: Chapter, warehouse: bigquery.Client) -> None:
    names = {table.table_id for table in warehouse.list_tables("toast")}
    assert names == {table.name for table in ALL_TABLES} | {view.name for view in VIEWS}


def test_each_account_has_its_rights_and_no_others(installed: Chapter) -> None:
    expected = {(PROJECT, account(name), "roles/bigquery.jobUser") for name in FUNCTIONS}
    for name in LOADERS:
        for secret in ("TOAST_CLIENT_ID", "TOAST_CLIENT_SECRET"):
            expected.add((secret, account(name), "roles/secretmanager.secretAccessor"))
        expected.add(("TOAST_TOKEN", account(name), f"projects/{PROJECT}/roles/toastTokenCache"))
        expected.add((name.replace("_", "-"), account("tasks"), "roles/run.invoker"))
    expected.add(("SUMMARY_WEBHOOK", account("daily_summary"), "roles/secretmanager.secretAccessor"))
    expected |= {(name.replace("_", "-"), account("scheduler"), "roles/run.invoker") for name in FUNCTIONS}
    for role in ("artifactregistry.writer", "logging.logWriter", "storage.objectViewer"):
        expected.add((PROJECT, account("build"), f"roles/{role}"))
    assert installed.rights == expected
    role = installed.state["roles"]["toastTokenCache"]["flags"]
    assert set(role["permissions"].split(",")) == {
        *("secretmanager.secrets.get", "secretmanager.secrets.update"),
        *(f"secretmanager.versions.{verb}" for verb in ("access", "add", "list", "destroy")),
    }
    assert set(installed.state["writers"]) == {account(name) for name in FUNCTIONS}


def test_each_function_runs_as_itself_with_its_settings(installed: Chapter) -> None:
    functions = installed.state["functions"]
    for name in FUNCTIONS:
        flags = functions[name]["flags"]
        assert flags["service-account"] == account(name)
        assert (flags["entry-point"], flags["runtime"], flags["region"]) == (name, "python312", "us-west1")
        assert flags["memory"] == ("1Gi" if name == "orders_daily" else "512Mi")
        assert (flags["timeout"], flags["concurrency"]) == ("540s", "1")
        settings = dict(pair.split("=") for pair in flags["set-env-vars"].split(","))
        assert settings.pop("SUMMARY_WEBHOOK_SECRET", None) == ("SUMMARY_WEBHOOK" if name == "daily_summary" else None)
        assert settings == {
            "GOOGLE_CLOUD_PROJECT": PROJECT,
            "BQ_DATASET": "toast",
            "BQ_LOCATION": "US",
            "TOAST_RATE_PROFILE": "documented",
            "TIME_BUDGET_SECONDS": "400",
            "FUNCTION_TIMEOUT_SECONDS": "540",
        }


def test_schedules_call_with_a_token_of_their_account(installed: Chapter) -> None:
    for name, job in installed.state["jobs"].items():
        service = next(one for one in (f.replace("_", "-") for f in FUNCTIONS) if name.startswith(one))
        flags = job["flags"]
        assert flags["uri"] == flags["oidc-token-audience"] == f"https://{service}-x-uw.a.run.app"
        assert flags["oidc-service-account-email"] == account("scheduler")
        assert flags["time-zone"] == "America/New_York"
        assert '"tenant": "purpose"' in flags["message-body"]


def test_it_ends_with_what_is_left_to_a_person(installed: Chapter) -> None:
    out = installed.out
    for secret in ("TOAST_CLIENT_ID", "TOAST_CLIENT_SECRET", "SUMMARY_WEBHOOK"):
        assert f"gcloud secrets versions add {secret} --project=demo --data-file=-" in out
    assert "versions add TOAST_TOKEN" not in out
    assert "gcloud scheduler jobs run orders-daily-purpose" in out


def test_a_second_run_creates_nothing_and_asks_for_nothing(story: dict[str, Chapter]) -> None:
    again = story["again"]
    assert not [call for call in again.calls if "create" in call]
    assert again.rights == story["installed"].rights
    assert "Nothing: the secrets hold values." in again.out


def test_who_is_told_stays_told_where_a_later_run_does_not_say(story: dict[str, Chapter]) -> None:
    def told(chapter: Chapter) -> dict[str, str]:
        flags = {name: policy["flags"] for name, policy in chapter.state["policies"].items()}
        return {name: f.get("notification-channels", f.get("set-notification-channels")) for name, f in flags.items()}

    assert set(told(story["installed"]).values()) == {f"projects/{PROJECT}/notificationChannels/1"}
    assert "--channel" in story["again without channels"].out
    assert told(story["again without channels"]) == told(story["installed"])


def test_a_schedule_that_belongs_to_no_tenant_any_more_is_told(story: dict[str, Chapter]) -> None:
    out = story["again"].out
    assert "gcloud scheduler jobs delete cash-daily-gone --project=demo" in out
    assert out.count("jobs delete") == 1


# --- when something is not as it should be --------------------------------------------------------------


def test_without_gcloud_it_says_where_to_get_it(fresh: Installation, tmp_path: Path) -> None:
    programs = tmp_path / "few"
    programs.mkdir()
    for name in ("bash", "dirname", "mktemp", "rm", "cat", "sed", "fold"):
        (programs / name).symlink_to(next(p for p in (Path("/bin") / name, Path("/usr/bin") / name) if p.exists()))
    fresh.run(PATH=str(programs)).stopped("gcloud was not found", "cloud.google.com/sdk", "--dry-run")


def test_without_a_login_it_says_how_to_log_in(fresh: Installation) -> None:
    fresh.change(account="")
    fresh.run().stopped("gcloud is not logged in", "gcloud auth login")


def test_missing_permissions_are_named_with_roles_before_anything_is_done(fresh: Installation) -> None:
    with permission_service(lacking=["iam.roles.create", "run.services.setIamPolicy"]) as url:
        run = fresh.run(CLOUDSDK_API_ENDPOINT_OVERRIDES_CLOUDRESOURCEMANAGER=url)
    run.stopped("iam.roles.create", "roles/iam.roleAdmin", "roles/run.admin", "step 1")
    assert resources(fresh) == {}
    assert "apis" not in fresh.state


def test_a_project_that_is_not_there_is_named(fresh: Installation) -> None:
    fresh.run("--project", "elsewhere").stopped("There is no project 'elsewhere'", "gcloud projects list")


@pytest.mark.parametrize(
    ("call", "says", "advice"),
    [
        ("services enable", "FAILED_PRECONDITION: Billing account for project is not found", "linkedaccount"),
        ("service-accounts list", "PERMISSION_DENIED: Permission denied on accounts", "docs/install.md"),
        (
            "service-accounts list",
            "There was a problem refreshing your current auth tokens: invalid_grant",
            "auth login",
        ),
    ],
)
def test_a_failure_says_what_to_do(fresh: Installation, call: str, says: str, advice: str) -> None:
    fresh.fail(call, says)
    fresh.run().stopped(says, advice, call, "What was done so far stays", "run the same command again")


def test_after_a_failure_the_next_run_goes_on(fresh: Installation) -> None:
    fresh.fail("functions deploy cash_daily", "Build failed: see the logs")
    fresh.run("--only", "cash,queue").stopped("Build failed", "gcloud functions deploy cash_daily")
    assert "functions" not in resources(fresh)
    fresh.fail("tasks queues create", "a queue with this name existed recently")
    fresh.run("--only", "cash,queue").stopped("existed recently", "--queue NAME")
    fresh.run("--only", "cash,queue").succeeded()
    assert resources(fresh)["functions"] == {"cash_daily"}


def test_a_new_account_that_google_does_not_know_yet_is_waited_for(fresh: Installation) -> None:
    fresh.fail("add-iam-policy-binding", f"Service account {account('cash_daily')} does not exist.", times=3)
    fresh.run("--only", "cash").succeeded()
    assert fresh.state["failures"][0]["left"] == 0


def test_a_dataset_that_lies_elsewhere_is_not_written(fresh: Installation, warehouse: bigquery.Client) -> None:
    dataset = bigquery.Dataset(f"{PROJECT}.european")
    dataset.location = "EU"
    warehouse.create_dataset(dataset)
    fresh.run("--only", "cash", "--dataset", "european").stopped("lies in EU", "--location=EU")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--orders-at", "25:00"], ["--orders-at", "25:00", "02:00"]),
        (["--config-at", "Caturday 03:00"], ["--config-at", "Sunday 03:00"]),
        (["--time-zone", "Mars/Base"], ["Mars/Base", "IANA", "America/New_York"]),
        (["--only", "orders,pizza"], ["pizza", "summary"]),
        (["--env", "test"], ["production or staging"]),
        (["--tenant", "nobody"], ["nobody", "purpose"]),
        (["--time-budget", "500"], ["500", "540", "100 seconds"]),
        (["--timeout", "3600"], ["1740"]),
        (["--ledger-days", "30"], ["--ledger-days", "31"]),
        (["--channel", "https://hooks.example.com/x"], ["--channel", "slack:SECRET"]),
        (["--frobnicate", "1"], ["no setting 'frobnicate'", "--help"]),
        (["--region"], ["--region needs a value"]),
        (["orders"], ["'orders' is not understood"]),
    ],
)
def test_a_wrong_setting_is_named_with_what_it_can_be(
    fresh: Installation, options: list[str], words: list[str]
) -> None:
    fresh.run("--dry-run", *options).stopped(*words)


def test_without_a_project_it_asks_for_one(fresh: Installation) -> None:
    fresh.run("--dry-run", "--project", "").stopped("--project is missing", "gcloud projects list")


def test_help_tells_every_setting(fresh: Installation) -> None:
    text = fresh.run("--help").succeeded().out
    taken = (ROOT / "deploy" / "settings.sh").read_text().split("take() {", 1)[1].split(")", 1)[0]
    settings = re.findall(r"[a-z]+(?:-[a-z]+)*", taken.split("case $1 in", 1)[1])
    assert len(settings) > 15
    assert [name for name in settings if f"--{name} " not in text] == []


# --- settings that last, environments, tenants ------------------------------------------------------------


def test_settings_of_a_file_hold_and_the_command_line_wins(fresh: Installation) -> None:
    file = fresh.folder / "deploy" / "production.conf"
    file.write_text(
        "# ours\n\ntime-zone = America/Denver   # the head office\nregion=us-east1\norders-at = 3:05\nledger-days = 0\n"
    )
    plan = fresh.run("--dry-run", "--region", "us-central1").succeeded().out
    assert "--time-zone=America/Denver" in plan
    assert "--schedule='5 3 * * *'" in plan
    assert plan.count("LEDGER_DAYS=0") == len(FUNCTIONS)
    assert "us-east1" not in plan
    file.write_text("time zone = America/Denver\n")
    fresh.run("--dry-run").stopped("deploy/production.conf, line 1", "time zone")


def test_staging_shares_nothing_with_production_but_what_it_must(story: dict[str, Chapter]) -> None:
    production, both, after = (story[name] for name in ("rolled back", "with staging", "without staging"))
    for kind, names in both.resources.items():
        new = names - production.resources[kind]
        # One Toast account allows two logins an hour, so both use its secrets and its token. Nobody asked for mail.
        assert bool(new) == (kind not in ("secrets", "channels")), kind
    deployed = [" ".join(call) for call in both.calls if call[:2] == ["functions", "deploy"]]
    assert len(deployed) == 1
    assert all("BQ_DATASET=toast_staging" in words for words in deployed)
    assert after.resources == production.resources
    assert after.rights == production.rights
    assert after.state["writers"] == production.state["writers"]


def test_staging_does_not_write_productions_dataset(fresh: Installation) -> None:
    restaurants = fresh.folder / "restaurants.toml"
    text = restaurants.read_text()
    restaurants.write_text(text.replace("[tenants.purpose]", '[tenants.purpose]\ndataset = "purpose"', 1))
    fresh.run("--dry-run", "--env", "staging").stopped("'purpose'", "restaurants.staging.toml")
    fresh.run("--dry-run", "--env", "staging", "--teardown").stopped("restaurants.staging.toml")
    own = text.replace("[tenants.purpose]", '[tenants.purpose]\ndataset = "purpose_staging"', 1)
    (fresh.folder / "restaurants.staging.toml").write_text(own)
    plan = fresh.run("--dry-run", "--env", "staging").succeeded().out
    assert "--dataset=purpose_staging" in plan
    assert plan.count("RESTAURANTS_FILE=restaurants.staging.toml") == len(FUNCTIONS)


def test_each_tenant_has_its_dataset_secrets_and_schedules(fresh: Installation) -> None:
    with (fresh.folder / "restaurants.toml").open("a") as file:
        file.write(
            '\n[tenants.second]\ndataset = "second"\nclient_id_secret = "SECOND_ID"\n'
            'client_secret_secret = "SECOND_SECRET"\n\n[[tenants.second.restaurants]]\n'
            'guid = "00000000-0000-4000-8000-000000000001"\nname = "One"\ntimezone = "Pacific/Honolulu"\n'
        )
    plan = fresh.run("--dry-run").succeeded().out
    assert "--dataset=toast " in plan
    assert "--dataset=second " in plan
    assert plan.count("gcloud secrets create") == 5  # the token is shared
    assert "orders-daily-second-closing" in plan
    one = fresh.run("--dry-run", "--tenant", "second").succeeded().out
    assert "purpose" not in one
    # Seven in the morning in Hawaii is one in the afternoon in New York, in winter noon.
    assert re.search(r"orders-daily-second-closing[^#]*?--schedule='15 13 \* \* \*'", one)


def test_only_one_function_is_touched_where_one_is_asked_for(fresh: Installation) -> None:
    fresh.run("--only", "labor").succeeded()
    there = resources(fresh)
    assert there["functions"] == {"labor_daily"}
    assert there["jobs"] == {"labor-daily-purpose", "labor-daily-purpose-closing"}
    assert there["accounts"] == {account(name) for name in ("labor_daily", "build", "scheduler")}
    assert there.keys().isdisjoint({"queues", "metrics", "policies"})


# --- the ways back ----------------------------------------------------------------------------------------


def test_rollback_lets_the_revision_before_serve(story: dict[str, Chapter]) -> None:
    services = story["rolled back"].state["services"]
    assert len(services) == len(FUNCTIONS)
    for name, service in services.items():
        assert len(service["revisions"]) == 2
        assert service["serving"] == f"{name}-00001-abc"


def test_rollback_goes_back_step_by_step_past_what_never_ran_and_a_deployment_comes_forward(
    fresh: Installation,
) -> None:
    revisions = ["cash-daily-4", "cash-daily-3 False", "cash-daily-2", "cash-daily-1"]
    fresh.change(services={"cash-daily": {"revisions": revisions, "serving": "cash-daily-4"}})
    for expected in ("cash-daily-2", "cash-daily-1", "cash-daily-1"):
        out = fresh.run("--rollback", "--only", "cash").succeeded().out
        assert fresh.state["services"]["cash-daily"]["serving"] == expected
    assert "there is none before it" in out
    plan = fresh.run("--dry-run", "--only", "cash").succeeded().out
    assert "--serve-all-traffic-latest-revision" in plan


def test_teardown_leaves_nothing_but_the_data_and_can_be_undone(
    story: dict[str, Chapter], warehouse: bigquery.Client
) -> None:
    removed = story["removed"]
    assert not any(removed.resources.values())
    assert {right for right in removed.rights if right[0] == PROJECT} == set()
    assert removed.state["writers"] == []
    assert {call[0] for call in story["removed again"].calls if "delete" in call} == set()
    assert story["restored"].resources == story["installed"].resources
    assert story["restored"].rights == story["installed"].rights
    assert story["restored"].state["writers"] == story["installed"].state["writers"]


def test_teardown_asks_for_the_projects_name(fresh: Installation) -> None:
    fresh.run("--only", "cash").succeeded()
    there = resources(fresh)
    fresh.run("--teardown", "--only", "cash").stopped("--yes")
    for answer, left in (("no\n", there["functions"]), (f"{PROJECT}\n", set())):
        ours, theirs = pty.openpty()
        os.write(ours, answer.encode())
        run = fresh.run("--teardown", "--only", "cash", stdin=theirs)
        os.close(theirs)
        os.close(ours)
        assert run.status == (1 if left else 0)
        assert resources(fresh).get("functions", set()) == left
