"""Deployment files: scripts, systemd unit, container, locks, sample day."""

import json
import os
import re
import shutil
import smtplib
import subprocess
import sys
import tomllib
from ipaddress import ip_network
from pathlib import Path

import kubernetes_validate
import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from tests.bench.postfix import run_postfix

pytestmark = pytest.mark.slow

REPO = Path(__file__).parents[1]
DEPLOY = REPO / "deploy"
SAMPLE = REPO / "digestd" / "sample"
SCRIPTS = [
    DEPLOY / "postfix" / "start",
    DEPLOY / "try",
    DEPLOY / "install",
    DEPLOY / "venv.sh",
    REPO / "tests" / "run",
    REPO / ".ci" / "run",
]
UNITS = sorted((DEPLOY / "systemd").iterdir())
SERVICES = [unit for unit in UNITS if unit.suffix == ".service"]
LOCKS = ["requirements.txt", "requirements-dev.txt"]
FILES = ["preprints.jsonl", "community.jsonl"]

Entry = dict[str, object]


def run(*command: str | Path, cwd: Path = REPO, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, timeout=120, check=False)


def tool(name: str) -> str:
    """Return the path of a command of the development environment or the machine."""
    in_environment = Path(sys.executable).with_name(name)
    found = str(in_environment) if in_environment.exists() else shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


def locked(lock: str) -> dict[str, list[Version]]:
    """Return the versions that the lock pins for each package, one per Python."""
    pins: dict[str, list[Version]] = {}
    for name, version in re.findall(r"^([a-z0-9][a-z0-9._-]*)==(\S+)", (DEPLOY / lock).read_text(), re.MULTILINE):
        pins.setdefault(canonicalize_name(name), []).append(Version(version))
    return pins


def entries(file: str) -> list[Entry]:
    lines = (SAMPLE / file).read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def a_day() -> list[Entry]:
    return [entry for file in FILES for entry in entries(file)]


# The scripts


def test_scripts_are_executable_and_pass_shellcheck() -> None:
    assert all(os.access(script, os.X_OK) for script in SCRIPTS)
    checked = run(tool("shellcheck"), "--external-sources", *SCRIPTS)
    assert checked.returncode == 0, checked.stdout


def a_checkout(place: Path) -> Path:
    """Return a copy of the scripts with a complete `.venv`."""
    (place / "tests").mkdir(parents=True)
    shutil.copytree(DEPLOY, place / "deploy")
    shutil.copy(REPO / "tests" / "run", place / "tests" / "run")
    binaries = place / ".venv" / "bin"
    binaries.mkdir(parents=True)
    (binaries / "python").symlink_to(sys.executable)
    command = binaries / "digestd"
    command.write_text('#!/bin/sh\necho "$PWD" "$@"; env | grep ^DIGESTD_\n')
    command.chmod(0o755)
    stamp = run("bash", "-c", "source deploy/venv.sh; venv_stamp requirements", cwd=place)
    (place / ".venv" / ".stamp-requirements").write_text(stamp.stdout)
    return place


def bare(**more: str) -> dict[str, str]:
    return {"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", **more}


def test_try_installs_only_once_and_runs_from_anywhere(tmp_path: Path) -> None:
    place = a_checkout(tmp_path / "a place")
    ran = run(place / "deploy" / "try", "--once", cwd=Path("/"), env=bare())
    assert ran.returncode == 0, ran.stderr
    assert ran.stderr == ""
    first, *settings = ran.stdout.splitlines()
    assert first == f"{place.resolve()} try --once"
    assert "DIGESTD_DATABASE_URL=sqlite:///var/try/digestd.db" in settings
    assert "DIGESTD_TRANSPORT_URL=maildir:var/try/outbox" in settings


def test_try_keeps_given_settings(tmp_path: Path) -> None:
    place = a_checkout(tmp_path / "place")
    ran = run(place / "deploy" / "try", env=bare(DIGESTD_WEB_PORT="9000", DIGESTD_TRANSPORT_URL="maildir:elsewhere"))
    assert "DIGESTD_TRANSPORT_URL=maildir:elsewhere" in ran.stdout
    assert "DIGESTD_PUBLIC_URL=http://127.0.0.1:9000" in ran.stdout


def test_try_installs_again_when_the_lock_changes(tmp_path: Path) -> None:
    place = a_checkout(tmp_path / "place")
    current = ("bash", "-c", "source deploy/venv.sh; venv_is_current requirements")
    assert run(*current, cwd=place).returncode == 0
    with (place / "deploy" / "requirements.txt").open("a") as lock:
        lock.write("# another\n")
    assert run(*current, cwd=place).returncode == 1


@pytest.mark.parametrize(("uv", "said"), [("exit 0", "uv"), ("exit 1", "pip")])
def test_packages_come_by_uv_and_else_by_pip(tmp_path: Path, uv: str, said: str) -> None:
    place = a_checkout(tmp_path / "place")
    tools = tmp_path / "bin"
    tools.mkdir()
    (tools / "uv").write_text(f"#!/bin/sh\n{uv}\n")
    (tools / "uv").chmod(0o755)
    script = """
        source deploy/venv.sh
        pip_install() { echo pip >done; }; venv_link() { :; }; venv_compile() { :; }
        echo uv >done; venv_fill requirements
    """
    ran = run("bash", "-c", script, cwd=place, env=bare(PATH=f"{tools}:/usr/bin:/bin"))
    assert ran.returncode == 0, ran.stderr
    assert (place / "done").read_text() == f"{said}\n"


def test_try_says_which_python_to_install(tmp_path: Path) -> None:
    place = a_checkout(tmp_path / "place")
    shutil.rmtree(place / ".venv")
    tools = tmp_path / "bin"
    tools.mkdir()
    for name in ("bash", "env", "readlink", "dirname", "basename", "flock", "sha256sum", "id"):
        (tools / name).symlink_to(str(shutil.which(name)))
    script = "source deploy/venv.sh; fits() { false; }; venv_install requirements"
    ran = run("bash", "-c", script, cwd=place, env=bare(PATH=str(tools)))
    assert ran.returncode == 1
    assert "needs Python 3.11 or newer" in ran.stderr
    assert len(ran.stderr.splitlines()) == 1
    assert not (place / ".venv").exists()


def test_install_takes_the_program_and_keeps_settings_and_secrets(tmp_path: Path) -> None:
    place, root = tmp_path / "checkout", tmp_path / "root"
    for name in ("templates", "deploy"):
        shutil.copytree(REPO / name, place / name)
    (place / "digestd").mkdir()
    shutil.copy(REPO / "digestd" / "app.py", place / "digestd")  # one module, since all are compiled
    for name in ("pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md", ".env.example"):
        shutil.copy(REPO / name, place / name)
    for kept_back in (".venv/bin/python", ".env", "var/digestd.db", "deploy/secrets/secret_key"):
        (place / kept_back).parent.mkdir(parents=True, exist_ok=True)
        (place / kept_back).write_text("not for others")
    program = a_checkout(root / "opt" / "digestd")
    (root / "etc" / "digestd").mkdir(parents=True)
    (root / "etc" / "digestd" / "transport_url").write_text("smtps://user:password@relay.example.net:465\n")
    first = run(place / "deploy" / "install", env=bare(DESTDIR=str(root)))
    assert first.returncode == 0, first.stderr
    assert "digestd.env" in first.stderr
    settings = root / "etc" / "digestd"
    kept = {path.name: path.read_bytes() for path in settings.iterdir()}
    assert kept["transport_url"].startswith(b"smtps://user")
    assert settings.stat().st_mode & 0o27 == 0
    assert {(settings / name).stat().st_mode & 0o77 for name in ("secret.key", "digestd.env")} == {0}
    everything = [path for path in root.rglob("*") if path.is_file() and not path.is_symlink()]
    assert not [path for path in everything if b"not for others" in path.read_bytes()]
    assert not [path for path in everything if path.name in {".git", ".env"}]
    assert (program / "digestd" / "app.py").read_bytes() == (REPO / "digestd" / "app.py").read_bytes()
    assert {path.name for path in (root / "etc/systemd/system").iterdir()} == {path.name for path in UNITS}
    (program / "digestd" / "stale.py").touch()
    (settings / "digestd.env").write_text("DIGESTD_PUBLIC_URL=https://digest.example.org")  # without a line end
    again = run(place / "deploy" / "install", env=bare(DESTDIR=str(root)))
    assert (again.returncode, "restart" in again.stderr) == (0, True)
    assert not (program / "digestd" / "stale.py").exists()
    first_line, *others = (settings / "digestd.env").read_text().splitlines()
    assert first_line == "DIGESTD_PUBLIC_URL=https://digest.example.org"
    assert others[0] == "DIGESTD_DATABASE_URL=sqlite:////var/lib/digestd/digestd.db"
    assert (settings / "secret.key").read_bytes() == kept["secret.key"]


# The service and the container


def test_dockerfiles_pass_hadolint() -> None:
    checked = run(tool("hadolint"), "--no-color", DEPLOY / "Dockerfile", DEPLOY / "postfix" / "Dockerfile")
    assert checked.returncode == 0, checked.stdout


def test_base_image_is_pinned_by_digest() -> None:
    stages = re.findall(r"^FROM (\S+)(?: AS (\S+))?$", (DEPLOY / "Dockerfile").read_text(), re.MULTILINE)
    known = {name for _, name in stages if name}
    images = [image for image, _ in stages if image not in known]
    assert images
    assert all(re.fullmatch(r"python:3\.\d+\.\d+-slim-\w+@sha256:[0-9a-f]{64}", image) for image in images)


@pytest.mark.parametrize("file", ["compose.yml", "compose-postgresql.yml"])
def test_compose_file_matches_the_specification(file: str) -> None:
    checked = run(tool("check-jsonschema"), "--builtin-schema", "vendor.compose-spec", str(DEPLOY / file))
    assert checked.returncode == 0, checked.stdout


def test_kubernetes_manifests_match_the_specification() -> None:
    listed = yaml.safe_load((DEPLOY / "kubernetes" / "digestd.yaml").read_text())
    for manifest in listed["items"]:
        kubernetes_validate.validate(manifest, kubernetes_validate.latest_version(), strict=True)
    pods = [item["spec"]["template"]["spec"] for item in listed["items"] if item["kind"] == "Deployment"]
    commands = {container["args"][0] for pod in pods for container in (*pod["initContainers"], *pod["containers"])}
    assert commands == {"init", "web", "worker"}
    assert not any("transport_url" in str(pod) for pod in pods if pod["containers"][0]["name"] == "web")


def test_kubernetes_lets_only_the_ingress_reach_the_pages() -> None:
    items = yaml.safe_load((DEPLOY / "kubernetes" / "digestd.yaml").read_text())["items"]
    policies = {item["metadata"]["name"]: item["spec"] for item in items if item["kind"] == "NetworkPolicy"}
    every = policies["digestd"]
    assert every["podSelector"]["matchLabels"] == {"app.kubernetes.io/name": "digestd"}
    assert (set(every["policyTypes"]), every.get("ingress")) == ({"Ingress", "Egress"}, None)
    [(name, rules)] = [(name, policy["ingress"]) for name, policy in policies.items() if policy.get("ingress")]
    [rule] = rules
    [allowed] = rule["from"]
    assert name == "digestd-web"
    assert set(allowed) == {"namespaceSelector", "podSelector"}  # both, or any pod of the namespace would do
    ports = {port["port"] for policy in policies.values() for out in policy.get("egress", ()) for port in out["ports"]}
    assert ports == {25, 53, 80, 443, 465, 587, 5432}
    [settings] = [item["data"] for item in items if item["kind"] == "ConfigMap"]
    trusted = [ip_network(one) for one in settings["DIGESTD_TRUSTED_PROXIES"].replace(",", " ").split()]
    assert all(network.num_addresses <= 256 for network in trusted)


def test_postfix_of_the_container_knows_its_settings(tmp_path: Path) -> None:
    shutil.copy(DEPLOY / "postfix" / "main.cf", tmp_path / "main.cf")
    (tmp_path / "master.cf").touch()
    checked = run(tool("postconf"), "-c", str(tmp_path), "-n")
    assert (checked.returncode, checked.stderr) == (0, "")
    assert "smtpd_relay_restrictions = permit_mynetworks, reject" in checked.stdout


def test_only_workers_reach_the_relay_of_compose() -> None:
    compose = yaml.safe_load((DEPLOY / "compose-postgresql.yml").read_text())
    inside = {name for name, service in compose["services"].items() if "mail" in service.get("networks", ())}
    assert inside == {"relay", "worker"}
    assert compose["services"]["relay"]["networks"] == ["mail"]
    [network] = compose["networks"]["mail"]["ipam"]["config"]
    assert compose["services"]["relay"]["environment"]["MAIL_CLIENTS"] == f"!{network['gateway']} {network['subnet']}"


def test_container_postfix_takes_mail_from_workers_only(tmp_path_factory: pytest.TempPathFactory) -> None:
    if os.geteuid() != 0 or shutil.which("postfix") is None or not Path("/etc/postfix/main.cf").exists():
        pytest.skip("needs Postfix with a /etc/postfix/main.cf, and root to start it")
    folder = tmp_path_factory.mktemp("pf")  # short, as names of sockets are
    for above in [folder, *folder.parents][:-1]:
        above.chmod(above.stat().st_mode | 0o011)  # its daemons do not run as root
    ours = (DEPLOY / "postfix" / "main.cf").read_text().replace("maillog_file", "#").replace("inet_interfaces", "#")
    settings = f"{ours}\nmynetworks = !127.0.0.1 127.0.0.0/28\ndefault_transport = discard\n"
    with run_postfix(folder / "p", settings) as relay:
        assert [_reply(relay.port, f"127.0.0.{host}") for host in (1, 2, 14, 16, 99)] == [554, 250, 250, 554, 554]


def _reply(port: int, client: str) -> int:
    """Return the reply to a mail to a stranger from a client with this address."""
    with smtplib.SMTP("127.0.0.1", port, source_address=(client, 0), timeout=60) as session:
        session.ehlo()
        session.mail("digest@example.org")
        return session.rcpt("stranger@example.net")[0]


def test_units_pass_systemd_verify(tmp_path: Path) -> None:
    files = [tmp_path / unit.name.replace("@.", "@1.") for unit in UNITS]
    for file, unit in zip(files, UNITS, strict=True):
        file.write_text(unit.read_text().replace("/opt/digestd/.venv/bin/digestd", "/bin/true"))
    checked = run(tool("systemd-analyze"), "verify", "--man=no", *files)
    assert checked.returncode == 0, checked.stderr
    assert checked.stderr == ""


@pytest.mark.parametrize("unit", SERVICES, ids=lambda unit: unit.name)
def test_unit_has_the_settings_of_the_command(unit: Path) -> None:
    """One file, read by digestd itself; whoever breaks into the pages does not get the relay's password."""
    given = re.findall(
        r"^(?:Environment|EnvironmentFile|LoadCredential|InaccessiblePaths)=(.+)$", unit.read_text(), re.M
    )
    wanted = ["DIGESTD_ENV_FILE=/etc/digestd/digestd.env", "DIGESTD_LOG_FORMAT=json"]
    if unit.name == "digestd-web.service":
        wanted += ["DIGESTD_TRANSPORT_URL=maildir:outbox", "-/etc/digestd/transport_url"]
    assert given == wanted
    assert f"\n{wanted[0]} exec" in (DEPLOY / "install").read_text()


def test_nightly_backup_leaves_out_the_secret_key() -> None:
    """Where its folder is copied to another machine, the key does not go along."""
    unit = (DEPLOY / "systemd" / "digestd-backup.service").read_text()
    [command] = re.findall(r"^ExecStart=.* (backup .*)$", unit, re.MULTILINE)
    assert command == "backup %S/digestd/backups --keep 7"


def test_units_have_a_low_systemd_exposure() -> None:
    # The threshold is in tenths: an exposure of at most 1.5.
    checked = run(tool("systemd-analyze"), "security", "--offline=true", "--threshold=15", *SERVICES)
    assert checked.returncode == 0, checked.stdout


def test_units_are_confined_alike() -> None:
    confined = {unit.read_text().partition("UMask=")[2].partition("MemoryMax=")[0] for unit in SERVICES}
    assert len(confined) == 1


def system_calls(*filters: str) -> set[str]:
    """Return the system calls of filters, with groups expanded as systemd does."""
    found: set[str] = set()
    for name in filters:
        if not name.startswith("@"):
            found.add(name)
            continue
        listed = run(tool("systemd-analyze"), "syscall-filter", "--no-pager", name).stdout.splitlines()[1:]
        found |= system_calls(*(line.strip() for line in listed if not line.strip().startswith("#")))
    return found


def test_unit_permits_the_parser_sandbox() -> None:
    permitted: set[str] = set()
    for words in re.findall(
        r"^SystemCallFilter=(.+)$", (DEPLOY / "systemd" / "digestd.service").read_text(), re.MULTILINE
    ):
        if words.startswith("~"):
            permitted -= system_calls(*words.removeprefix("~").split())
        else:
            permitted |= system_calls(*words.split())
    landlock = {"landlock_create_ruleset", "landlock_add_rule", "landlock_restrict_self"}
    assert {*landlock, "prctl", "prlimit64"} <= permitted
    assert "setresuid" not in permitted


def test_deploy_files_name_only_existing_settings() -> None:
    from digestd.settings import Settings  # noqa: PLC0415  # only this test needs the application

    known = {f"DIGESTD_{name.upper()}" for name in Settings.model_fields} | {"DIGESTD_ENV_FILE"}
    files = ("Dockerfile", "compose.yml", "compose-postgresql.yml", "kubernetes/digestd.yaml", "install", "try")
    texts = [file.read_text() for file in (*(DEPLOY / name for name in files), *UNITS)]
    named = {name for text in texts for name in re.findall(r"DIGESTD_[A-Z_]+[A-Z]", text)}
    assert {name for name in named if name not in known and name.removesuffix("_FILE") not in known} == set()


def test_man_page_is_well_formed() -> None:
    checked = run(tool("mandoc"), "-T", "lint", "-W", "warning", str(DEPLOY / "digestd.1"))
    warnings = [
        line for line in checked.stdout.splitlines() if "missing date" not in line
    ]  # it changes with the commands
    assert warnings == []


def test_workflows_match_the_specification() -> None:
    files = sorted((REPO / ".github" / "workflows").iterdir())
    checked = run(tool("check-jsonschema"), "--builtin-schema", "vendor.github-workflows", *files)
    assert (len(files), checked.returncode) == (2, 0), checked.stdout


# The locks


@pytest.mark.parametrize(("lock", "least"), [*((lock, 40) for lock in LOCKS), ("requirements-uv.txt", 1)])
def test_lock_has_hashes_and_no_host_names(lock: str, least: int) -> None:
    text = (DEPLOY / lock).read_text()
    packages = re.split(r"\n(?=[a-z0-9])", re.sub(r"^#.*\n", "", text, flags=re.MULTILINE).strip())
    assert len(packages) >= least
    assert [package for package in packages if "--hash=sha256:" not in package] == []
    assert re.search(r"://|--(extra-)?index-url|--find-links|--trusted-host", text) is None


@pytest.mark.parametrize("lock", LOCKS)
def test_lock_holds_all_dependencies(lock: str) -> None:
    project = tomllib.loads((REPO / "pyproject.toml").read_text())
    wanted = list(project["project"]["dependencies"])
    if lock == "requirements-dev.txt":
        wanted += project["dependency-groups"]["dev"]
    pins = locked(lock)
    for requirement in map(Requirement, wanted):
        versions = pins.get(canonicalize_name(requirement.name), [])
        assert versions, f"{requirement.name} is not in {lock}: lock again"
        assert all(requirement.specifier.contains(version) for version in versions), str(requirement)


def test_locks_pin_the_same_versions() -> None:
    service, development = locked("requirements.txt"), locked("requirements-dev.txt")
    assert {name: development.get(name) for name in service} == service


# The sample day


@pytest.mark.parametrize("file", FILES)
def test_sample_is_valid_for_paper_import(file: str) -> None:
    keys = {"title", "id", "abstract", "authors", "categories", "url", "doi", "signals", "links"}
    for entry in entries(file):
        assert set(entry) <= keys
        assert {"title", "id", "abstract", "authors", "categories", "url"} <= set(entry)
        assert "published" not in entry
        assert 80 <= len(str(entry["abstract"]).split()) <= 170
        assert re.fullmatch(r"[a-z]+:[a-z0-9-]+", str(entry["id"]))
        assert str(entry["url"]).startswith("https://example.org/")


def test_sample_has_papers_of_two_sources() -> None:
    preprints, community = ({entry.get("doi", entry["id"]) for entry in entries(file)} for file in FILES)
    assert len(preprints | community) >= 55
    assert len(preprints & community) >= 10


def test_sample_ids_are_unique() -> None:
    ids = [entry["id"] for entry in a_day()]
    assert len(ids) == len(set(ids))
    dois = [entry["doi"] for entry in entries("preprints.jsonl")]
    assert len(dois) == len(set(dois))
    assert all(str(doi).startswith("10.5555/") for doi in dois)


def test_sample_is_as_hard_to_render_as_a_real_day() -> None:
    titles = [str(entry["title"]) for entry in a_day()]
    everything = "\n".join((SAMPLE / file).read_text(encoding="utf-8") for file in FILES)
    for trouble in ("$", "<", "&", "``", '\\"', "_2"):
        assert any(trouble in title for title in titles), trouble
    for trouble in ("\\mathcal", "\\alpha", "\\textbf", "ł", "ễ", "ø", "李"):
        assert trouble in everything.replace("\\\\", "\\"), trouble
    assert max(map(len, titles)) > 150
    fields = {str(categories[0]).split(".")[0] for e in a_day() if isinstance(categories := e["categories"], list)}
    assert len(fields) >= 8


def test_sample_community_has_few_favourites() -> None:
    upvotes = sorted(s["upvotes"] for e in entries("community.jsonl") if isinstance(s := e["signals"], dict))
    assert 4 <= upvotes[len(upvotes) // 2] <= 8
    assert upvotes[-1] > 100
