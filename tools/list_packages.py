"""List the packages of a virtual environment as pip does, by the names of their folders."""

import json
import os
import sys

INFO = ".dist-info"


def packages(environment: str) -> list[dict[str, str]]:
    """Return name, version and folder of each package."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    location = os.path.realpath(os.path.join(environment, "lib", version, "site-packages"))  # noqa: PTH118
    found = []
    for folder in sorted(os.listdir(location)):  # noqa: PTH208 - without the time that pathlib takes to import
        if folder.endswith(INFO):
            name, _, version = folder.removesuffix(INFO).partition("-")
            found.append({"name": name.replace("_", "-"), "version": version, "location": location})
    return found


if __name__ == "__main__":
    print(json.dumps(packages(sys.argv[1])))
