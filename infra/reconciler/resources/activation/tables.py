"""The tables of a connection: changed to what `sync` declares, read back, and compared in a refresh.

Whatever the number of tables, that takes one read, one change and one read of the result. Besides, the columns of a
table are read where the file hashes or excludes one that Fivetran does not list yet. Every step can be repeated after a
killed run.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, ParamSpec, TypeVar

from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from reconciler.fivetran.api import ApiError, ColumnConfig, Conflict, FivetranError, NotFound, Rejected, StandardConfig
from reconciler.fivetran.config_diff import ABSENT, Difference
from reconciler.fivetran.tables import Comparison, Place, ahead, compare, protects, to_look_up, undeclared
from reconciler.resources.run.account import READERS
from reconciler.resources.run.outcomes import OperationError
from reconciler.resources.run.run import run

P = ParamSpec("P")
T = TypeVar("T")

#: How often a change is sent that conflicts with another process.
_ATTEMPTS = 6

#: Changes until the tables should be as declared: one, and one more where blocking new tables undoes a part of it.
_CHANGES = 3


@dataclass(frozen=True)
class Configured:
    """Tables that are as the file declares, except for what the warnings name."""

    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class LiveTables:
    """What a refresh found.

    `sync` as a file would declare it, and warnings about columns that are exposed.
    """

    sync: Mapping[str, Any]
    warnings: tuple[str, ...] = ()


class TablesDiffer(OperationError):
    """Tables that have to change before data is synced. `str` has no lines, since state stores it."""

    def __init__(self, blocks: Iterable[_Problem], *, runs: bool) -> None:
        self._blocks, self._runs = tuple(blocks), runs
        super().__init__(self._text(lambda item: item), at=("connector", "sync"))

    def shown(self, file: str) -> str:
        """Return the text with the line of each table and column."""
        return self._text(lambda item: locate_text(file, item))

    def _text(self, form: Callable[[str], str]) -> str:
        return "\n".join(block.text(form, runs=self._runs) for block in self._blocks)


@dataclass(frozen=True)
class _Problem:
    """One problem, each item that has it, and what to do."""

    problem: str
    items: tuple[str, ...]
    advice: str

    def text(self, form: Callable[[str], str], *, runs: bool) -> str:
        listed = "".join(f"\n    {form(item)}" for item in self.items)
        state = (
            "The connection runs and syncs this data." if runs else "Until then the run does not start the connection."
        )
        return f"{self.problem}:{listed}\n    {self.advice}, then run again. {state}"


def locate_text(file: str, text: str) -> str:
    """Put the line of a key before a text that begins with its path, as `sync.new: …`."""
    path = text.partition(": ")[0]
    return run.declared.at_line(text, file, "connector", path) if path.partition(".")[0] == "sync" else text


def configure(
    connection_id: str,
    sync: Mapping[str, Any],
    *,
    datasets: Collection[str] | None,
    fresh: bool,
    runs: bool,
    reason: Callable[[ApiError], str],
) -> Configured:
    """Apply `sync` (`tables.inputs`) to a connection that passed its tests, and read it back.

    `datasets` are the only datasets that it may write, if the environment forbids undeclared ones. `fresh` says that
    the connection has never synced: Fivetran then reloads its schema, even if it has one. `runs` says that it syncs
    already. `reason` returns Fivetran's message of an error, masked.

    Raises `OperationError` while something has to change before data is synced: what the file hashes or excludes, and
    which datasets are written. Raises `FivetranError`, and `NotFound` for a connection that is gone.
    """
    with run.account.editing(connection_id):
        looked = _read_live(connection_id, sync, reason, fresh=fresh, all_known=datasets is not None or _resets(sync))
        live, seen = looked.config, compare(sync, looked.config, looked.columns)
        sent: list[Mapping[str, Any]] = []
        while seen.patch and seen.patch not in sent and len(sent) < _CHANGES:
            sent.append(seen.patch)
            _send(connection_id, seen.patch, reason)
            live = run.account.client().get_schema_config(connection_id)
            seen = compare(sync, live, looked.columns)
    _reject(seen, undeclared(live, datasets) if datasets is not None else (), runs=runs)
    return Configured((*looked.warnings, *_describe_harmless(seen)))


def differences(connection_id: str, sync: Mapping[str, Any]) -> tuple[Difference, ...]:
    """Return where a live connection differs from `sync`, path by path. Writes nothing."""
    try:
        live = run.account.client().get_schema_config(connection_id)
    except NotFound:
        return (Difference("sync", sync, ABSENT),)
    return compare(sync, live).differences


def read(connection_id: str, sync: Mapping[str, Any]) -> LiveTables:
    """Read a connection's tables for a refresh, from the read-ahead where that has them."""
    try:
        live = run.account.read_schema(connection_id)
    except NotFound:
        return LiveTables(sync)  # nothing is selected yet, or the connection is gone, which is for others to find
    seen = compare(sync, live)
    return LiveTables(seen.as_file, tuple(str(finding) for finding in seen.findings if finding.exposes))


@dataclass(frozen=True)
class _LiveConfig:
    """A config to start from, and all columns of some tables."""

    config: StandardConfig
    columns: Mapping[Place, Mapping[str, ColumnConfig]]
    warnings: tuple[str, ...] = ()


def _read_live(
    connection_id: str, sync: Mapping[str, Any], reason: Callable[[ApiError], str], *, fresh: bool, all_known: bool
) -> _LiveConfig:
    """Read the config; Fivetran reloads the source's schema where needed, or if `all_known`."""
    client = run.account.client()
    config: StandardConfig | None = None
    rejected: Rejected | None = None
    if not fresh:
        config = _config(connection_id)
    # A name that the config lacks may be one that the source has got since Fivetran last looked.
    if config is None or any(finding.kind == "missing" for finding in compare(sync, config).findings):
        try:
            config = _retry_conflicts(client.reload_schema_config, connection_id)
        except Rejected as error:
            rejected = error
    if config is None and fresh:
        config = _config(connection_id)
    if config is None and rejected is not None:
        if all_known:
            raise rejected
        return _send_ahead(connection_id, sync, reason(rejected))
    assert config is not None  # noqa: S101 (a reload that is not rejected returns one)
    places = to_look_up(sync, config)
    with ThreadPoolExecutor(READERS) as pool:
        columns = list(pool.map(lambda place: _columns(connection_id, place, reason), places))
    return _LiveConfig(config, dict(zip(places, columns, strict=True)))


def _resets(sync: Mapping[str, Any]) -> bool:
    """Return whether the file excludes what it does not name, so that every name has to be known."""
    return bool(sync["others"] == "reset" and sync["new"] != "allow_all")


def _config(connection_id: str) -> StandardConfig | None:
    """Return the schema config, or None while there is none."""
    try:
        return run.account.client().get_schema_config(connection_id)
    except NotFound:
        return None


def _columns(connection_id: str, place: Place, reason: Callable[[ApiError], str]) -> Mapping[str, ColumnConfig]:
    try:
        return run.account.client().get_source_columns(connection_id, *place)
    except NotFound as gone:
        raise _changed_meanwhile(gone.saying(reason(gone))) from None


def _send(connection_id: str, patch: Mapping[str, Any], reason: Callable[[ApiError], str]) -> None:
    try:
        _retry_conflicts(run.account.client().update_schema_config, connection_id, **patch)
    except NotFound as gone:
        raise _changed_meanwhile(gone.saying(reason(gone))) from None


def _changed_meanwhile(gone: str) -> OperationError:
    """Return the error for a table or column that was deleted during the run."""
    return OperationError(f"the source or its schema config changed while the run read it; run again ({gone})")


def _send_ahead(connection_id: str, sync: Mapping[str, Any], reason: str) -> _LiveConfig:
    """Send the declared tables before the first sync, where Fivetran does not read the source until then."""
    failed: FivetranError | None = None
    try:
        run.account.client().create_schema_config(connection_id, **ahead(sync))
    except FivetranError as error:
        # Fivetran may have carried out the request and its answer was lost, or a killed run sent it: read what is live.
        failed = error
    config = _config(connection_id)
    if config is None:
        raise failed or OperationError(
            "Fivetran accepted `sync` before reading the source and does not return it, so the run cannot confirm what "
            "is hashed or excluded\n    Load the schema in Fivetran's interface, then run again."
        )
    why = reason.rstrip(".") or "no reason given"
    warning = (
        f"sync: Fivetran has not read the source yet ({why}): the first sync checks the names and skips unknown ones"
    )
    return _LiveConfig(config, {}, (warning,))


def _retry_conflicts(change: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Send a change, again where another process changed the config at the same time."""
    again = Retrying(
        retry=retry_if_exception_type(Conflict),
        stop=stop_after_attempt(_ATTEMPTS),
        wait=wait_random_exponential(multiplier=0.5, max=15),
        sleep=run.sleep,
        reraise=True,
    )
    return again(change, *args, **kwargs)


def _reject(seen: Comparison, written: Iterable[tuple[str, str]], *, runs: bool) -> None:
    """Raise `OperationError` with everything that has to change before data is synced."""
    exposed = [str(finding) for finding in seen.findings if finding.exposes]
    exposed += [str(difference) for difference in seen.differences if protects(difference)]
    blocks = []
    if exposed:
        blocks.append(
            _Problem("Fivetran does not hash or exclude what `sync` declares", tuple(exposed), "Correct `sync`")
        )
    if schemas := tuple(f"{schema} → {dataset}" for schema, dataset in written):
        advice = "Declare each in `datasets`, or exclude its schema (`others: reset` excludes what is not named)"
        blocks.append(_Problem("schemas are synced into datasets that no file declares", schemas, advice))
    if blocks:
        raise TablesDiffer(blocks, runs=runs)


def _describe_harmless(seen: Comparison) -> tuple[str, ...]:
    """Return a warning for each difference that exposes nothing."""
    found = [f"{finding}; the run changes nothing" for finding in seen.findings if not finding.exposes]
    differing = [f"{each}; Fivetran did not apply the change" for each in seen.differences if not protects(each)]
    return (*found, *differing)
