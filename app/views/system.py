"""System: which model answers, how fast, at what cost, and what the machine has left. For administrators."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator

import streamlit as st

from app import presenting, pricing, state, widgets
from app.wiring import Services
from engine.costs import measured_speed, speeds_by_day
from engine.counting import count
from engine.models.base import conditions_of
from engine.models.weights import memory_in_use
from storage.errors import MunimentError, Refused
from storage.ids import moment

_DAYS = 14


def page() -> None:
    """The page."""
    if not state.is_administrator():
        raise Refused("only an administrator sees the system")
    widgets.heading("System", "What answers here, how fast, what it costs, and what is left of the machine.")
    services = state.services()
    with widgets.told():
        _table("The model", list(_model(services)))
        _cost(services)
        _use(services)
    _table("What may leave", list(_leaving(services)))
    _table("The machine", list(_machine(services)))


def _table(title: str, rows: list[list[str]]) -> None:
    st.html(presenting.table_html([title, ""], rows))


def _model(services: Services) -> Iterator[list[str]]:
    identity = services.generator.identity
    approval = services.models.approval(identity.digest)
    memory = memory_in_use()
    yield ["Model", identity.id]
    yield ["Runtime", identity.runtime]
    yield ["Quantization in memory", identity.quantization]
    yield ["Device", identity.device]
    yield ["Memory of this process", "unknown" if memory is None else presenting.size(memory)]
    yield ["Speed", pricing.speed_words(measured_speed(services.audit, identity.digest))]
    yield ["Context", count(services.generator.context_tokens, "token")]
    told = conditions_of(services.generator).items()
    runs = {name: value for name, value in told if name not in ("form_sha256", "context_tokens")}
    if runs:
        yield ["How it runs", presenting.runs_line(runs)]
    yield ["Digest", identity.digest]
    if approval is not None:
        yield ["Approved by", f"{approval.by}, {approval.at}"]


def _cost(services: Services) -> None:
    found = pricing.cost_of_services(services)
    rows = pricing.cost_rows(found)
    if rows:
        st.html(presenting.table_html(list(pricing.HEADERS), rows, right=frozenset({1, 2, 3})))
    lines = "<br>".join(presenting.escaped(line) for line in pricing.cost_notes(found))
    st.html(f'<div class="m-quiet">{lines}</div>')


def _use(services: Services) -> None:
    days = speeds_by_day(services.audit, services.generator.identity.digest, days=_DAYS)
    if not days:
        return
    rows = [
        [
            f"{day.day} {day:%b %Y}",
            f"{one.answers:,}",
            _per_second(one.read_per_s),
            _per_second(one.write_per_s),
        ]
        for day, one in days.items()
    ]
    headers = ["Day (UTC)", "Answers", "Read a second", "Written a second"]
    st.html(presenting.table_html(headers, rows, right=frozenset({1, 2, 3})))


def _per_second(tokens: float | None) -> str:
    return presenting.NOTHING if tokens is None else f"{tokens:,.1f}"


def _leaving(services: Services) -> Iterator[list[str]]:
    if services.remote is None:
        yield ["Remote model", "none is set: nothing leaves this machine"]
        return
    endpoint = services.remote.endpoint
    yield ["Remote model", f"{endpoint.model} at {endpoint.host}"]
    yield ["Certificates", str(endpoint.ca_file) if endpoint.ca_file else "those that this machine trusts"]
    yield ["Key", "set" if endpoint.key else "none"]
    sent = services.audit.entries(kinds=["question.sent"], limit=1)
    last = presenting.when(sent[0].at, state.time_zone()) if sent else "never"
    yield ["Last question sent", last]


def _machine(services: Services) -> Iterator[list[str]]:
    host = services.generator
    room = services.settings.model_queue
    yield ["Queue", f"{host.running} answered now, {host.waiting} waiting, room for {room}"]
    disk = shutil.disk_usage(services.settings.home)
    yield ["Disk", f"{presenting.size(disk.free)} free of {presenting.size(disk.total)}"]
    yield ["Database", services.database.engine_name]
    yield ["Audit log", count(services.audit.size(), "entry", "entries")]
    yield ["Last checkpoint", _last_checkpoint(services)]


def _last_checkpoint(services: Services) -> str:
    kept = sorted(services.checkpoints.glob("*.json"))
    if not kept:
        return "none yet; `muniment audit checkpoint`"
    try:
        body = json.loads(kept[-1].read_text())
        at, size = moment(body["at"]), int(body["size"])
    except (OSError, ValueError, KeyError, MunimentError):
        return f"{kept[-1].name} cannot be read"
    return f"{presenting.when(at, state.time_zone())}, {count(size, 'entry', 'entries')}"
