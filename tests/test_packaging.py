"""The wheel is complete, and sends a digest in a fresh environment."""

import json
import os
import re
import subprocess
import sys
import sysconfig
import zipfile
from importlib import metadata
from pathlib import Path

import pytest
from cyclonedx.model.bom import Bom
from packaging.utils import canonicalize_name

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_wheel(tmp_path_factory.mktemp("wheel"))


def build_wheel(folder: Path) -> Path:
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)],
        check=True,
        capture_output=True,
    )
    return next(folder.glob("*.whl"))


def test_two_builds_are_the_same(wheel: Path, tmp_path: Path) -> None:
    assert build_wheel(tmp_path).read_bytes() == wheel.read_bytes()


def test_wheel_contains_templates_migrations_and_sample(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    for wanted in (
        "digestd/templates/email/digest.html.j2",
        "digestd/templates/locale/en.po",
        "digestd/templates/web/home.html.j2",
        "digestd/store/migrations/versions/0001_initial.py",
        "digestd/store/migrations/script.py.mako",
        "digestd/sample/preprints.jsonl",
        "digestd/gists/NOTICE",
        "digestd/gists/cues.toml",
        "digestd/gists/model.npz",
        "digestd/ranking/weights.json",
        "digestd/ranking/encoders/minilm/model.onnx",
        "digestd/ranking/encoders/minilm/vocab.txt",
        "digestd/ranking/encoders/minilm/LICENSE",
        "digestd/ranking/encoders/minilm/NOTICE",
        "digestd/web/static/preview.js",
        "digestd/py.typed",
    ):
        assert wanted in names
    assert any(name.endswith(".data/data/share/man/man1/digestd.1") for name in names)
    assert not any(name.startswith("tests/") for name in names)


def test_wheel_contains_an_sbom_of_the_lock(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        sbom = json.loads(archive.read(f"{wheel.name.rpartition('-py3')[0]}.dist-info/sboms/digestd.cdx.json"))
    assert (sbom["bomFormat"], sbom["specVersion"]) == ("CycloneDX", "1.6")
    bom = Bom.from_json(sbom)  # type: ignore[attr-defined]  # added by a decorator
    assert bom.metadata.component.name == "digestd"
    listed = {
        (part.name, part.version, str(part.purl)): {found.content for found in part.hashes} for part in bom.components
    }
    lock = (ROOT / "deploy" / "requirements.txt").read_text()
    pins = re.findall(r"^(\S+)==(\S+)((?:.*\\\n)(?: .*\n?)+)", lock, re.MULTILINE)
    assert len(pins) == lock.count("==") - lock.count(" == ") > 50
    assert listed == {
        (name, version, f"pkg:pypi/{name}@{version}"): set(re.findall(r"sha256:(\w+)", hashes))
        for name, version, hashes in pins
    }
    assert all(listed.values())


def link_locked_packages(site: Path) -> None:
    """Link the packages of the service's lock from this environment, and no others."""
    lock = (ROOT / "deploy" / "requirements.txt").read_text()
    locked = set(re.findall(r"^([a-z0-9][a-z0-9._-]*)==", lock, re.MULTILINE))
    for package in metadata.distributions():
        if canonicalize_name(package.name) in locked:
            for top in {file.parts[0] for file in package.files or ()} - {"..", "__pycache__"}:
                if not (site / top).exists():
                    (site / top).symlink_to(str(package.locate_file(top)))


def test_wheel_sends_a_digest_in_a_fresh_environment(wheel: Path, tmp_path: Path) -> None:
    venv = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(venv)], check=True)
    link_locked_packages(Path(sysconfig.get_path("purelib", vars={"base": str(venv)})))
    pip = [sys.executable, "-m", "pip", "--python", str(venv), "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "--no-deps", str(wheel)], check=True)
    digestd = str(venv / "bin" / "digestd")
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("DIGESTD_", "PYTHON"))}
    env = {**clean, "DIGESTD_SOURCES": "none"}

    shown = subprocess.run([digestd, "--help"], check=True, capture_output=True, text=True, env=env, cwd=tmp_path)
    assert "subscriber" in shown.stdout

    done = subprocess.run([digestd, "try", "--once"], check=True, capture_output=True, text=True, env=env, cwd=tmp_path)
    mails = list((tmp_path / "var" / "outbox" / "new").iterdir())
    assert len(mails) == 1
    assert mails[0].name in done.stdout + done.stderr
