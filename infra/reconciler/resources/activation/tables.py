"""A connection's tables: brought to what the file's `sync` says, read back, and held against it in a refresh.

However many tables there are, it is one look at what is, one change, and one look at what came of it; besides, the
columns of those tables are read in which one that Fivetran does not list yet is to be hashed or excluded. Every step
can be repeated: a run that dies anywhere is followed by one that looks again.
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

#: How often a change is sent that others changed something under.
_ATTEMPTS = 6

#: Changes until what the file says should be so: one, and one more where blocking what is new has undone a part of it.
_CHANGES = 3


@dataclass(frozen=True)
class Configured:
    """Tables that are as the file says, but for what the warnings name."""

    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Found:
    """What a refresh found: `sync` as the file would have to have it, and what it keeps back in vain."""

    sync: Mapping[str, Any]
    warnings: tuple[str, ...] = ()


class NotAsDeclared(OperationError):
    """Tables that must be otherwise before data flows. `str` names no lines: state has it."""

    def __init__(self, blocks: Iterable[_Block], *, runs: bool) -> None:
        self._blocks, self._runs = tuple(blocks), runs
        super().__init__(self._text(lambda item: item), at=("connector", "sync"))

    def shown(self, file: str) -> str:
        """Return the text with the line of each table and column."""
        return self._text(lambda item: with_line(file, item))

    def _text(self, form: Callable[[str], str]) -> str:
        return "\n".join(block.text(form, runs=self._runs) for block in self._blocks)


@dataclass(frozen=True)
class _Block:
    """One problem, each item that has it, and what to do."""

    problem: str
    items: tuple[str, ...]
    advice: str

    def text(self, form: Callable[[str], str], *, runs: bool) -> str:
        listed = "".join(f"\n    {form(item)}" for item in self.items)
        state = "The connection runs, and goes on syncing them" if runs else "The connection is not started until it is"
        return f"{self.problem}:{listed}\n    {state}: {self.advice}, then run again."


def with_line(file: str, text: str) -> str:
    """Return a text that begins with a dotted path in `connector`, as `sync.new: …`, after the line of that key."""
    path = text.partition(": ")[0]
    place = run.declared.locate(file, "connector", path) if path.partition(".")[0] == "sync" else file
    return text if place == file else f"{place}: {text}"


def configure(
    connection_id: str,
    sync: Mapping[str, Any],
    *,
    datasets: Collection[str] | None = None,
    fresh: bool = False,
    runs: bool = False,
    reason: Callable[[ApiError], str] = lambda _: "",
) -> Configured:
    """Bring a connection that has passed its tests to `sync` (`tables.inputs`), and read back that it is so.

    `datasets` are the only ones it may write, where the environment forbids others. `fresh` says that it has never
    synced: the source is looked at, whatever Fivetran may hold of it already. `runs` says that it syncs already.
    `reason` words what Fivetran says of an error, masked.

    Raises `OperationError` while something is not so that must be before data flows: what is to be hashed or excluded,
    and which datasets are written. Raises `FivetranError`, and `NotFound` for a connection that is gone.
    """
    with run.account.editing(connection_id):
        looked = _look(connection_id, sync, reason, fresh=fresh, all_known=datasets is not None or _resets(sync))
        live, seen = looked.config, compare(sync, looked.config, looked.columns)
        sent: list[Mapping[str, Any]] = []
        while seen.patch and seen.patch not in sent and len(sent) < _CHANGES:
            sent.append(seen.patch)
            _send(connection_id, seen.patch, reason)
            live = run.account.client().get_schema_config(connection_id)
            seen = compare(sync, live, looked.columns)
    _refuse(seen, undeclared(live, datasets) if datasets is not None else (), runs=runs)
    return Configured((*looked.warnings, *_left(seen)))


def differences(connection_id: str, sync: Mapping[str, Any]) -> tuple[Difference, ...]:
    """What a live connection has otherwise than `sync`, path by path. Writes nothing."""
    try:
        live = run.account.client().get_schema_config(connection_id)
    except NotFound:
        return (Difference("sync", sync, ABSENT),)
    return compare(sync, live).differences


def read(connection_id: str, sync: Mapping[str, Any]) -> Found:
    """What a refresh finds of a connection's tables, by one call that it may have made already."""
    try:
        live = run.account.read_schema(connection_id)
    except NotFound:
        return Found(sync)  # nothing is selected yet, or the connection is gone, which is for others to find
    seen = compare(sync, live)
    return Found(seen.as_file, tuple(str(finding) for finding in seen.findings if finding.exposes))


@dataclass(frozen=True)
class _Looked:
    """A config to start from, and all columns of some tables."""

    config: StandardConfig
    columns: Mapping[Place, Mapping[str, ColumnConfig]]
    warnings: tuple[str, ...] = ()


def _look(
    connection_id: str, sync: Mapping[str, Any], reason: Callable[[ApiError], str], *, fresh: bool, all_known: bool
) -> _Looked:
    """Look at the config, and at the source where that is needed. With `all_known`, nothing less will do."""
    client = run.account.client()
    config: StandardConfig | None = None
    refused: Rejected | None = None
    if not fresh:
        config = _config(connection_id)
    # A name that the config lacks may be one that the source has got since Fivetran last looked.
    if config is None or any(finding.kind == "missing" for finding in compare(sync, config).findings):
        try:
            config = _unhindered(client.reload_schema_config, connection_id)
        except Rejected as error:
            refused = error
    if config is None and fresh:
        config = _config(connection_id)
    if config is None and refused is not None:
        if all_known:
            raise refused
        return _send_ahead(connection_id, sync, reason(refused))
    assert config is not None  # noqa: S101 (a reload that is not refused returns one)
    places = to_look_up(sync, config)
    with ThreadPoolExecutor(READERS) as pool:
        columns = list(pool.map(lambda place: _columns(connection_id, place, reason), places))
    return _Looked(config, dict(zip(places, columns, strict=True)))


def _resets(sync: Mapping[str, Any]) -> bool:
    """Whether what the file does not name is to be excluded, and so has to be known by name."""
    return bool(sync["others"] == "reset" and sync["new"] != "allow_all")


def _config(connection_id: str) -> StandardConfig | None:
    """The schema config, or None while there is none."""
    try:
        return run.account.client().get_schema_config(connection_id)
    except NotFound:
        return None


def _columns(connection_id: str, place: Place, reason: Callable[[ApiError], str]) -> Mapping[str, ColumnConfig]:
    try:
        return run.account.client().get_source_columns(connection_id, *place)
    except NotFound as gone:
        raise _moving(gone.saying(reason(gone))) from None


def _send(connection_id: str, patch: Mapping[str, Any], reason: Callable[[ApiError], str]) -> None:
    try:
        _unhindered(run.account.client().update_schema_config, connection_id, **patch)
    except NotFound as gone:
        raise _moving(gone.saying(reason(gone))) from None


def _moving(gone: str) -> OperationError:
    """Return the error for something that was there a moment ago: as far as is known, not the connection itself."""
    return OperationError(f"the source or its schema config changed while it was looked at; run again ({gone})")


def _send_ahead(connection_id: str, sync: Mapping[str, Any], reason: str) -> _Looked:
    """Where Fivetran does not look at the source before the first sync: tell it beforehand what to sync then."""
    failed: FivetranError | None = None
    try:
        run.account.client().create_schema_config(connection_id, **ahead(sync))
    except FivetranError as error:
        # The answer may have been lost, not the request; or a run that died has been here: what is there decides.
        failed = error
    config = _config(connection_id)
    if config is None:
        raise failed or OperationError(
            "Fivetran took `sync` ahead of the first look at the source and does not show it: "
            "what it keeps back cannot be confirmed. Let Fivetran load the schema in its interface, then run again"
        )
    why = reason.rstrip(".") or "no reason given"
    warning = (
        f"sync: Fivetran does not look at the source yet ({why}): names are checked in the first sync, and what cannot "
        "be is passed over there"
    )
    return _Looked(config, {}, (warning,))


def _unhindered(change: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Make a change, again where somebody else has changed the config meanwhile."""
    again = Retrying(
        retry=retry_if_exception_type(Conflict),
        stop=stop_after_attempt(_ATTEMPTS),
        wait=wait_random_exponential(multiplier=0.5, max=15),
        sleep=run.sleep,
        reraise=True,
    )
    return again(change, *args, **kwargs)


def _refuse(seen: Comparison, written: Iterable[tuple[str, str]], *, runs: bool) -> None:
    """Raise `OperationError` with everything that must be otherwise before data flows."""
    exposed = [str(finding) for finding in seen.findings if finding.exposes]
    exposed += [str(difference) for difference in seen.differences if protects(difference)]
    blocks = []
    if exposed:
        blocks.append(_Block("what `sync` hashes or excludes is not so in Fivetran", tuple(exposed), "correct `sync`"))
    if schemas := tuple(f"{schema} → {dataset}" for schema, dataset in written):
        advice = "declare each in `datasets`, or exclude its schema (`others: reset` excludes what is not named)"
        blocks.append(_Block("schemas are synced into datasets that no file declares", schemas, advice))
    if blocks:
        raise NotAsDeclared(blocks, runs=runs)


def _left(seen: Comparison) -> tuple[str, ...]:
    """What is not as the file says, and does no harm."""
    found = [f"{finding}; it is left as it is" for finding in seen.findings if not finding.exposes]
    differing = [f"{each}; it was sent and not taken" for each in seen.differences if not protects(each)]
    return (*found, *differing)
