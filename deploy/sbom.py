"""Hatch build hook: put a bill of materials of the locked packages into the wheel.

The format is CycloneDX 1.6 (PEP 770).

It is a pure function of pyproject.toml and deploy/requirements.txt: it has no time and no random number, so the
same tree makes the same bytes.
"""

import re
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from cyclonedx.model import HashAlgorithm, HashType, Property
from cyclonedx.model.bom import Bom, BomMetaData
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.license import DisjunctiveLicense
from cyclonedx.output.json import JsonV1Dot6
from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from packageurl import PackageURL
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

LOCK = Path("deploy", "requirements.txt")
FILE = "digestd.cdx.json"


class SbomHook(BuildHookInterface):  # type: ignore[type-arg]  # its parameter is of no use here
    """Adds `.dist-info/sboms/digestd.cdx.json` to the wheel."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Write the bill of materials where the builder picks it up.

        An editable install gets none.
        """
        if version != "standard":
            return
        file = Path(self.directory) / FILE
        file.parent.mkdir(parents=True, exist_ok=True)
        lock = (Path(self.root) / LOCK).read_text(encoding="utf-8")
        file.write_text(bill_of_materials(lock, self.metadata.core), encoding="utf-8")
        build_data["sbom_files"].append(str(file))

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:  # noqa: ARG002  # an interface
        """Remove the file that was written for the builder."""
        (Path(self.directory) / FILE).unlink(missing_ok=True)


def bill_of_materials(lock: str, project: Any) -> str:
    """Return the packages of a lock as CycloneDX JSON.

    `project`: the core metadata of pyproject.toml.
    """
    packages = [_package(text) for text in re.split(r"\n(?=[a-z0-9])", lock) if text[:1].isalnum()]
    by_name: dict[str, list[Component]] = {}
    for package in packages:
        by_name.setdefault(package.name, []).append(package)
    root = Component(
        name=project.raw_name,
        version=project.version,
        type=ComponentType.APPLICATION,
        bom_ref=f"pkg:pypi/{project.name}@{project.version}",
        purl=PackageURL("pypi", None, project.name, project.version),
        licenses=[DisjunctiveLicense(id=project.license_expression)],
    )
    serial = uuid5(NAMESPACE_URL, f"{project.version} {lock}")
    bom = Bom(components=packages, metadata=BomMetaData(component=root), serial_number=serial)
    direct = (canonicalize_name(Requirement(text).name) for text in project.dependencies)
    bom.register_dependency(root, [package for name in direct for package in by_name[name]])
    bom.metadata.timestamp = None  # type: ignore[assignment]  # the format allows it; the setter's type does not
    return f"{JsonV1Dot6(bom).output_as_string(indent=2)}\n"


def _package(text: str) -> Component:
    """Return the component that some lines of the lock pin.

    `name==version ; marker` and the hashes of its files.
    """
    pin = Requirement(text.split("\\", 1)[0])
    version = next(iter(pin.specifier)).version
    name = canonicalize_name(pin.name)
    return Component(
        name=name,
        version=version,
        bom_ref=f"pkg:pypi/{name}@{version}",
        purl=PackageURL("pypi", None, name, version),
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=found) for found in re.findall(r"sha256:(\w+)", text)],
        properties=[Property(name="digestd:marker", value=str(pin.marker))] if pin.marker else [],
    )
