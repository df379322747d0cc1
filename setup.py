"""Packages: `pphysml` where it lies, and the folder `cli` installed as `pphysml_cli`."""

from setuptools import find_packages, setup

setup(
    packages=[
        *find_packages(include=["pphysml", "pphysml.*"]),
        "pphysml_cli",
        *(f"pphysml_cli.{package}" for package in find_packages("cli")),
    ],
    package_dir={"pphysml_cli": "cli"},
)
