"""Read the `metadata.yaml` of a query and the `dataset_metadata.yaml` of a dataset, with places. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from reconciler.etl.reads import Read, Reader, template_tags
from reconciler.model.errors import printable
from reconciler.yaml_text.writer import format_yaml

#: The key under `scheduling` whose tasks bigquery-etl renders as Airflow tasks.
TASKS_KEY = "depends_on_fivetran"

#: Stands in a `task_id` for what is known only after a template is rendered.
ANY = "*"
#: The same in the text, where YAML takes it for a letter.
_RENDERED = "\u0294"
_EXPRESSION = re.compile(rf"{_RENDERED}+|\{{\{{.*?\}}\}}")

_NULL = "tag:yaml.org,2002:null"
_MERGE = "tag:yaml.org,2002:merge"

#: How deep lists and mappings may be nested, and the characters of which each has one.
_DEEPEST = 500
_NESTING = "[{-:?"


@dataclass(frozen=True)
class FivetranTask:
    """An entry of `depends_on_fivetran`, and where its `task_id` is.

    In `task_id`, `ANY` stands for each expression of a template.
    """

    task_id: str
    line: int
    column: int
    is_scheduled: bool = True
    """Whether the query has a `dag_name`; without one, bigquery-etl renders no task of it."""


@dataclass(frozen=True)
class MetadataFault:
    """What cannot be read in a file."""

    message: str
    line: int = 1
    column: int = 1


@dataclass(frozen=True)
class Metadata:
    """The content of a metadata file that the cross-check needs."""

    tasks: tuple[FivetranTask, ...] = ()
    reads: tuple[Read, ...] = ()
    faults: tuple[MetadataFault, ...] = ()


def read_metadata(text: str, reader: Reader) -> Metadata:
    """Read a query's metadata: its Fivetran tasks, and the tables that `scheduling` names."""
    root = _compose(text)
    if isinstance(root, MetadataFault):
        return Metadata(faults=(root,))
    scheduling = _get(root, "scheduling")
    if not isinstance(scheduling, MappingNode):
        return Metadata()
    dag = _get(scheduling, "dag_name")
    is_scheduled = dag is not None and dag.tag != _NULL
    tasks, faults = [], []
    for found in _tasks(_get(scheduling, TASKS_KEY)):
        if isinstance(found, FivetranTask):
            tasks.append(replace(found, is_scheduled=is_scheduled))
        else:
            faults.append(found)
    return Metadata(tuple(tasks), tuple(sorted(set(_reads(scheduling, reader)), key=_order)), tuple(faults))


def read_dataset_metadata(text: str, reader: Reader) -> Metadata:
    """Read a dataset's metadata: the datasets that it syndicates."""
    root = _compose(text)
    if isinstance(root, MetadataFault):
        return Metadata(faults=(root,))
    syndication = _get(root, "syndication")
    reads = []
    for _, source in syndication.value if isinstance(syndication, MappingNode) else ():
        project, dataset = _get(source, "syndicated_project"), _get(source, "syndicated_dataset")
        if isinstance(project, ScalarNode) and project.value in reader.projects:
            known = dataset if isinstance(dataset, ScalarNode) and dataset.value else None
            reads.append(Read(*_place(known or project), project.value, known.value if known else None))
    return Metadata(reads=tuple(reads))


def _order(read: Read) -> tuple[int, int, str, str]:
    return read.line, read.column, read.project, read.dataset or ""


def _tasks(node: Node | None) -> Iterator[FivetranTask | MetadataFault]:
    if node is None or node.tag == _NULL:
        return
    if not isinstance(node, SequenceNode):
        yield MetadataFault(f"`{TASKS_KEY}`: expected a list", *_place(node))
        return
    for item in node.value:
        task = _get(item, "task_id")
        if isinstance(task, ScalarNode) and task.tag != _NULL and task.value:
            yield FivetranTask(_EXPRESSION.sub(ANY, task.value), *_place(task))
        else:
            yield MetadataFault(f"`{TASKS_KEY}`: expected a mapping with a `task_id`", *_place(item))


def _reads(node: Node, reader: Reader) -> Iterator[Read]:
    """Yield the tables of known projects in `referenced_tables`, in sensors, and in arguments."""
    pending, seen = [node], set()
    while pending:
        each = pending.pop()
        if id(each) in seen:
            continue
        seen.add(id(each))
        if isinstance(each, MappingNode):
            pending += [value for _, value in each.value]
        elif isinstance(each, SequenceNode):
            parts = [item.value for item in each.value if isinstance(item, ScalarNode)]
            if len(parts) in (2, 3) and parts[0] in reader.projects:
                yield Read(*_place(each.value[0]), parts[0], parts[1] if re.fullmatch(r"\w+", parts[1]) else None)
            else:
                pending += each.value
        elif isinstance(each, ScalarNode):
            yield from (Read(*_place(each), project, dataset) for project, dataset in reader.in_value(each.value))


def _compose(text: str) -> Node | MetadataFault | None:
    """Return the root of a YAML text; a template's tags count as text."""
    found = _compose_as_it_is(text)
    if isinstance(found, MetadataFault) and (without_tags := _without_tags(text)) != text:
        rendered = _compose_as_it_is(without_tags)
        return found if isinstance(rendered, MetadataFault) else rendered
    return found


def _compose_as_it_is(text: str) -> Node | MetadataFault | None:
    try:
        return _too_deep(text) or yaml.compose(text, Loader=yaml.CSafeLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        # A character that YAML has not is an error without a mark.
        problem = getattr(error, "problem", None) or getattr(error, "reason", None) or "not YAML"
        fault = MetadataFault(f"cannot be read as YAML: {printable(str(problem))}")
        return fault if mark is None else replace(fault, line=mark.line + 1, column=mark.column + 1)


def _too_deep(text: str) -> MetadataFault | None:
    """Return where a text is nested too deep: libyaml's composer would end the process."""
    if sum(map(text.count, _NESTING)) <= _DEEPEST:
        return None
    depth = 0
    for event in yaml.parse(text, Loader=yaml.CSafeLoader):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > _DEEPEST and (mark := event.start_mark) is not None:
            return MetadataFault("cannot be read as YAML: nested too deeply", mark.line + 1, mark.column + 1)
    return None


def _without_tags(text: str) -> str:
    """Return a text of the same shape: a word for each expression of a template, spaces for other tags."""
    parts, at = [], 0
    for begin, end in template_tags(text):
        filler = _RENDERED if text.startswith("{{", begin) else " "
        parts += [text[at:begin], re.sub(r"[^\n]", filler, text[begin:end])]
        at = end
    return "".join([*parts, text[at:]])


def _get(node: Node | None, key: str) -> Node | None:
    """Return the value of a mapping's key, also of a mapping that it merges (`<<`)."""
    pending, seen = [node], set[int]()
    while pending:
        each = pending.pop()
        if not isinstance(each, MappingNode) or id(each) in seen:
            continue
        seen.add(id(each))
        merged: list[Node] = []
        found = None
        for name, value in each.value:
            if name.tag == _MERGE:
                merged += value.value if isinstance(value, SequenceNode) else [value]
            elif name.value == key:
                found = value
        if isinstance(found, Node):
            return found
        pending += reversed(merged)
    return None


def _place(node: Node) -> tuple[int, int]:
    return node.start_mark.line + 1, node.start_mark.column + 1


def scheduling_snippet(task_id: str) -> str:
    """Return the `scheduling:` snippet for queries that read the data of a unit with `by: airflow`."""
    return format_yaml({"scheduling": {"depends_on_fivetran": [{"task_id": task_id}]}})
