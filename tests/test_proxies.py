"""The examples of reverse proxies, in front of the real pages."""

import getpass
import http.client
import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from digestd.security.secret_key import read_keys
from digestd.security.tokens import Purpose, make_token
from tests.support.command_process import Command
from tests.support.postgres import free_port
from tests.support.waiting import until
from tests.test_deploy import DEPLOY, tool

pytestmark = pytest.mark.slow

HOST = "digest.example.org"


@contextmanager
def running(command: list[str], port: int, **options: object) -> Iterator[None]:
    """Run a server until the block ends; it must answer on its port within half a minute."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, **options)  # type: ignore[call-overload]  # cwd and env
    try:
        for _ in range(300):
            if process.poll() is not None:
                pytest.fail(f"{command[0]} ended: {process.stderr.read()}")
            if answers(port):
                break
            time.sleep(0.1)
        yield
    finally:
        process.terminate()
        process.communicate(timeout=30)


def answers(port: int) -> bool:
    """Return True if a server answers on the port."""
    try:
        return bool(ask(port, "GET", "/healthz").status)
    except OSError:
        return False


def ask(port: int, method: str, path: str, body: bytes | None = None) -> http.client.HTTPResponse:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    headers = {"Host": HOST}
    if body is not None:
        headers["Content-Type"] = "application/x-www-form-urlencoded"
    connection.request(method, path, body, headers)
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("pages")


@pytest.fixture(scope="module")
def pages(folder: Path) -> Iterator[int]:
    """Yield the port of digestd's pages behind a trusted proxy."""
    port = free_port()
    settings = {
        "DIGESTD_WEB_PORT": str(port),
        "DIGESTD_PUBLIC_URL": f"https://{HOST}",
        "DIGESTD_POSTAL_ADDRESS": "Storgata 1, Oslo",
        "DIGESTD_TRUSTED_PROXIES": "127.0.0.1",
    }
    for words in (("init",), ("subscriber", "add", "ada@example.org", "--topic", "lake ice")):
        assert Command(words, settings, folder).run().code == 0
    web = Command(("web",), settings, folder).start()
    until(lambda: answers(port))
    yield port
    web.process.terminate()
    web.end()


@pytest.fixture(params=["nginx", "caddy"])
def proxy(request: pytest.FixtureRequest, pages: int, tmp_path: Path) -> Iterator[int]:
    """Yield the port of a proxy that is configured as its example says, but without TLS."""
    program, port = tool(request.param), free_port()
    if request.param == "caddy":
        example = (DEPLOY / "proxy" / "Caddyfile").read_text()
        file = tmp_path / "Caddyfile"
        site = example.replace(f"{HOST} {{", f"http://{HOST}:{port} {{\n\tbind 127.0.0.1").replace("8080", str(pages))
        file.write_text("{\n\tadmin off\n}\n" + site)
        command = [program, "run", "--adapter", "caddyfile", "--config", str(file)]
    else:
        example = (DEPLOY / "proxy" / "nginx.conf").read_text()
        secured = example[example.index("server {", example.index("server {") + 1) :]
        lines = [line for line in secured.splitlines() if "ssl_" not in line]
        site = "\n".join(lines).replace("443 ssl", f"127.0.0.1:{port}").replace("8080", str(pages))
        folders = "".join(
            f"{name}_temp_path {tmp_path};\n" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        file = tmp_path / "nginx.conf"
        # as root its workers would be another user, who may not write into the folder
        head = f"user {getpass.getuser()};\ndaemon off;\npid {tmp_path}/pid;\nerror_log stderr;\nevents {{}}\n"
        file.write_text(f"{head}http {{\naccess_log off;\n{folders}{site}\n}}\n")
        command = [program, "-c", str(file), "-p", str(tmp_path)]
    with running(command, port, env={**os.environ, "HOME": str(tmp_path), "XDG_DATA_HOME": str(tmp_path)}):
        yield port


def test_proxy_passes_pages_forms_and_imports_and_hides_what_is_for_operators(proxy: int, folder: Path) -> None:
    token = make_token(read_keys(folder / "var" / "secret.key"), Purpose.PREFERENCES, 1, datetime.now(UTC))  # noqa: TID251
    home = ask(proxy, "GET", "/")
    assert home.status == 200
    assert home.headers["Strict-Transport-Security"] == "max-age=31536000"
    assert ask(proxy, "POST", "/u/forged", b"List-Unsubscribe=One-Click").status == 404
    assert ask(proxy, "POST", f"/p/{token}/import", b"x" * 1_000_000).status in {400, 422}
    assert ask(proxy, "POST", "/p/forged/import", b"x" * 1_000_000).status == 413
    assert ask(proxy, "POST", "/subscribe", b"x" * 20_000).status == 413
    assert {ask(proxy, "GET", path).status for path in ("/metrics", "/readyz")} <= {401, 403, 404}


def test_nginx_example_is_valid(tmp_path: Path) -> None:
    key, certificate = tmp_path / "site.key", tmp_path / "site.pem"
    subprocess.run(
        [*(tool("openssl"), "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"),
         *("-keyout", str(key), "-out", str(certificate), "-subj", f"/CN={HOST}")],
        check=True,
        capture_output=True,
    )  # fmt: skip
    site = (DEPLOY / "proxy" / "nginx.conf").read_text()
    site = site.replace("/etc/ssl/digest.example.org.pem", str(certificate))
    site = site.replace("/etc/ssl/digest.example.org.key", str(key))
    file = tmp_path / "nginx.conf"
    file.write_text(f"pid {tmp_path}/pid;\nevents {{}}\nhttp {{\naccess_log off;\n{site}\n}}\n")
    checked = subprocess.run(
        [tool("nginx"), "-t", "-q", "-c", str(file), "-e", "stderr"], capture_output=True, text=True, check=False
    )
    assert (checked.returncode, checked.stderr) == (0, "")


def test_caddy_example_is_formatted() -> None:
    file = DEPLOY / "proxy" / "Caddyfile"
    formatted = subprocess.run([tool("caddy"), "fmt", str(file)], capture_output=True, text=True, check=False)
    assert formatted.stdout == file.read_text()
