"""Lists the compiled modules; everything else stands in pyproject.toml."""

import os
from pathlib import Path

from Cython.Build import cythonize
from setuptools import Extension, setup

COMPILE_ARGS = ["-O3", "-Wall", "-Wno-unused-function", "-fno-strict-aliasing"]
SANITIZERS = "-fsanitize=address,undefined,float-cast-overflow"
# -fno-wrapv: Python compiles with -fwrapv, under which an overflow is never found.
SANITIZE_ARGS = ["-O1", "-g1", "-fno-wrapv", "-fno-omit-frame-pointer", "-fno-sanitize-recover=all"]


def extensions() -> list[Extension]:
    """One extension per .pyx, named by its place in the tree; none where `make` compiles them by itself."""
    if os.environ.get("TONGKE_COMPILE") == "later":
        return []
    sanitize = os.environ.get("TONGKE_COMPILE") == "sanitize"  # tests/sanitize.py, in a copy of the tree
    paths = sorted([*Path("sfu/engine").glob("*.pyx"), *Path("load_tests").glob("*.pyx")])
    return [
        Extension(
            ".".join(path.with_suffix("").parts),
            [str(path)],
            extra_compile_args=[*COMPILE_ARGS, *SANITIZE_ARGS, SANITIZERS] if sanitize else COMPILE_ARGS,
            extra_link_args=[SANITIZERS] if sanitize else [],
            libraries=["pthread"],
        )
        for path in paths
    ]


setup(
    ext_modules=cythonize(
        extensions(),
        compiler_directives={
            "language_level": 3,
            "boundscheck": False,
            "wraparound": False,
            "cdivision": True,
            "initializedcheck": False,
            "embedsignature": True,
        },
    )
)
