import json
import re
from datetime import UTC, datetime

import pytest
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect
from streamlit.runtime import Runtime

from app import server
from app.guards import content_security_policy, cookie_of, host_name, hosts_for
from app.visible import Sought
from ingest.sources import gathered
from storage.merkle import leaf_hash
from storage.records import Role
from tests.data import make

_PASSWORD = "a-long-passphrase-for-tests"
_HERE = "http://127.0.0.1"


@pytest.fixture
def client(services, monkeypatch):
    # Streamlit allows one runtime in a process; each test has its own data folder, and so its own.
    monkeypatch.setattr(Runtime, "_instance", None)
    made = TestClient(server.build(services), base_url=_HERE, follow_redirects=False)
    with made:
        yield made


@pytest.fixture
def ada(services):
    """An administrator who is in the matter Lease."""
    operator = services.accounts.local_operator()
    return services.accounts.add_user("ada", Role.ADMINISTRATOR, by=operator, password=_PASSWORD).user


@pytest.fixture
def stranger(services):
    """A member of nothing."""
    operator = services.accounts.local_operator()
    return services.accounts.add_user("sten", Role.MEMBER, by=operator, password=_PASSWORD).user


@pytest.fixture
def lease_scope(services, ada, tmp_path):
    """A matter of ada's with a real PDF and a Markdown file in it."""
    operator = services.accounts.local_operator()
    services.library.create_matter("Lease", operator)
    scope = services.access.scope(operator, "Lease")
    services.access.add_member(scope, ada.id)
    (tmp_path / "lease.pdf").write_bytes(_pdf("The tenant gives six months' written notice.", "Repairs."))
    (tmp_path / "note.md").write_text("# Note\n\nThe rent is $2.5 million a year.\n")
    with gathered([tmp_path / "lease.pdf", tmp_path / "note.md"], services.limits) as sources:
        services.importer.run(scope, sources)
    return scope


def _pdf(*pages: str) -> bytes:
    import io

    from reportlab.pdfgen import canvas

    out = io.BytesIO()
    sheet = canvas.Canvas(out)
    for words in pages:
        sheet.drawString(72, 700, words)
        sheet.showPage()
    sheet.save()
    return out.getvalue()


def _sign_in(client, services, name):
    opened = services.accounts.sign_in(name, _PASSWORD)
    ticket = services.accounts.hand_over(opened.token)
    return client.get(f"/session/open?ticket={ticket}")


def _document(services, scope, name):
    return services.library.document(scope, name)


def test_every_reply_keeps_pages_to_this_server(client):
    for address in ("/", "/health", "/matter/x/document/y/original"):
        headers = client.get(address).headers
        assert "default-src 'self'" in headers["content-security-policy"]
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
        assert headers["referrer-policy"] == "no-referrer"


def test_no_inline_script_is_allowed_but_by_its_hash():
    policy = content_security_policy(["go()"])
    script = next(part for part in policy.split("; ") if part.startswith("script-src"))
    assert "unsafe-inline" not in script
    assert "unsafe-eval" not in policy
    assert len(re.findall(r"'sha256-[A-Za-z0-9+/=]+'", script)) == 2


def test_the_session_cookie_is_out_of_reach_of_scripts_and_other_sites(client, services, ada):
    reply = _sign_in(client, services, "ada")
    assert reply.status_code == 303
    assert reply.headers["location"] == "/"
    cookie = reply.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert reply.headers["cache-control"] == "no-store"


def test_behind_a_proxy_that_speaks_tls_the_cookie_is_for_tls_alone(client, services, ada):
    ticket = services.accounts.hand_over(services.accounts.sign_in("ada", _PASSWORD).token)
    reply = client.get(f"/session/open?ticket={ticket}", headers={"x-forwarded-proto": "https"})
    assert "secure" in reply.headers["set-cookie"].lower()


def test_whoever_signs_in_again_is_back_in_the_matter_that_the_address_named(client, services, ada):
    for named, home in (
        ("matter_1", "/?matter=matter_1"),
        ("//evil.example/", "/?matter=%2F%2Fevil.example%2F"),
    ):
        ticket = services.accounts.hand_over(services.accounts.sign_in("ada", _PASSWORD).token)
        reply = client.get("/session/open", params={"ticket": ticket, "matter": named})
        assert reply.headers["location"] == home


def test_a_ticket_works_once(client, services, ada):
    opened = services.accounts.sign_in("ada", _PASSWORD)
    ticket = services.accounts.hand_over(opened.token)
    first = client.get(f"/session/open?ticket={ticket}")
    second = client.get(f"/session/open?ticket={ticket}")
    assert "set-cookie" in first.headers
    assert "set-cookie" not in second.headers
    assert second.headers["location"] == "/?again=1"


def test_another_site_cannot_sign_anybody_in_or_out(client, services, ada):
    _sign_in(client, services, "ada")
    for address in ("/session/open?ticket=x", "/session/close"):
        assert client.get(address, headers={"sec-fetch-site": "cross-site"}).status_code == 403
    assert client.get("/audit/export").status_code == 200


def test_closing_a_session_ends_it_in_sql(client, services, ada):
    _sign_in(client, services, "ada")
    token = client.cookies["muniment_session"]
    client.get("/session/close")
    assert services.accounts.actor_for(token) is None
    assert client.get("/audit/export", headers={"cookie": f"muniment_session={token}"}).status_code == 401


@pytest.mark.parametrize(
    "address",
    [
        "/matter/m/document/d/page/1.png",
        "/matter/m/document/d/original",
        "/matter/m/document/d/rendition",
        "/matter/m/export/summary/s.docx",
        "/audit/export",
        "/media/anything.png",
    ],
)
def test_without_a_session_nothing_is_given_out(client, address):
    assert client.get(address).status_code == 401


def test_uploading_needs_a_session(client):
    assert client.put("/_stcore/upload_file/session/file", content=b"x").status_code == 401


@pytest.mark.parametrize("address", ["/_stcore/metrics", "/_stcore/agent/openapi.json"])
def test_doors_of_streamlit_that_nobody_needs_are_closed(client, address):
    assert client.get(address).status_code == 404


def test_a_name_that_is_not_ours_is_not_served(client):
    assert client.get("/health", headers={"host": "evil.example"}).status_code == 421


def test_another_sites_page_is_refused_before_streamlit_looks_up_its_own_address(client, monkeypatch):
    def look_up():
        raise AssertionError("an outside service was asked")

    monkeypatch.setattr("streamlit.net_util.get_external_ip", look_up)
    assert client.get("/_stcore/health", headers={"origin": "http://evil.example"}).status_code == 403
    with (
        pytest.raises(WebSocketDisconnect),
        client.websocket_connect("/_stcore/stream", headers={"origin": "http://evil.example"}),
    ):
        pass


def test_a_page_comes_as_a_picture_and_its_passage_boxed(client, services, lease_scope):
    _sign_in(client, services, "ada")
    lease = _document(services, lease_scope, "lease.pdf")
    address = f"/matter/{lease_scope.matter.id}/document/{lease.id}/page/1.png"
    bare, boxed = client.get(address), client.get(f"{address}?start=4&end=10")
    assert bare.headers["content-type"] == "image/png"
    assert bare.headers["cache-control"] == "no-store"
    assert boxed.status_code == 200
    assert boxed.content != bare.content


def test_each_page_that_is_looked_at_is_recorded_once(client, services, lease_scope):
    _sign_in(client, services, "ada")
    lease = _document(services, lease_scope, "lease.pdf")
    for number in (1, 1, 2, 1, 2):
        client.get(f"/matter/{lease_scope.matter.id}/document/{lease.id}/page/{number}.png")
    opened = [json.loads(one.canonical)["data"] for one in services.audit.entries(kinds=["document.opened"])]
    assert [(one["document"], one["page"]) for one in opened] == [("lease.pdf", 2), ("lease.pdf", 1)]


def test_a_version_that_was_replaced_is_still_drawn_and_given_out(client, services, lease_scope, tmp_path):
    _sign_in(client, services, "ada")
    old = _document(services, lease_scope, "lease.pdf")
    (tmp_path / "lease.pdf").write_bytes(_pdf("The notice is nine months."))
    with gathered([tmp_path / "lease.pdf"], services.limits) as sources:
        services.importer.run(lease_scope, sources)
    new = _document(services, lease_scope, "lease.pdf")
    address = f"/matter/{lease_scope.matter.id}/document/{old.id}"
    assert (old.page_count, new.page_count) == (2, 1)
    assert client.get(f"{address}/page/2.png").status_code == 404
    assert client.get(f"{address}/page/2.png?version={old.version_id}").status_code == 200
    kept = client.get(f"{address}/original?version={old.version_id}").content
    assert kept != client.get(f"{address}/original").content
    note = _document(services, lease_scope, "note.md")
    for other in (note.version_id, "version_none"):
        assert client.get(f"{address}/original?version={other}").status_code == 404


def test_a_locked_pdf_is_drawn_and_given_out_without_its_password(client, services, lease_scope, tmp_path):
    _sign_in(client, services, "ada")
    make.pdf(tmp_path / "locked.pdf", [("The guarantee is capped.",)], encrypt="a password")
    with gathered([tmp_path / "locked.pdf"], services.limits) as sources:
        services.importer.run(lease_scope, sources, passwords=["a password"])
    locked = _document(services, lease_scope, "locked.pdf")
    address = f"/matter/{lease_scope.matter.id}/document/{locked.id}"
    assert client.get(f"{address}/page/1.png?start=0&end=8").status_code == 200
    opened = client.get(f"{address}/rendition")
    assert opened.headers["content-disposition"].startswith("attachment")
    assert b"/Encrypt" not in opened.content
    lease = _document(services, lease_scope, "lease.pdf")
    assert client.get(f"/matter/{lease_scope.matter.id}/document/{lease.id}/rendition").status_code == 404


@pytest.mark.parametrize("number", [0, 3, 99999])
def test_a_page_that_is_not_there_is_not_found(client, services, lease_scope, number):
    _sign_in(client, services, "ada")
    lease = _document(services, lease_scope, "lease.pdf")
    reply = client.get(f"/matter/{lease_scope.matter.id}/document/{lease.id}/page/{number}.png")
    assert reply.status_code == 404


def test_who_is_not_in_a_matter_learns_nothing_of_it(client, services, lease_scope, stranger):
    _sign_in(client, services, "sten")
    lease = _document(services, lease_scope, "lease.pdf")
    there = client.get(f"/matter/{lease_scope.matter.id}/document/{lease.id}/original")
    nowhere = client.get("/matter/matter_none/document/doc_none/original")
    assert (there.status_code, there.text) == (nowhere.status_code, nowhere.text)
    assert there.status_code == 404
    assert len(services.audit.entries(kinds=["access.refused"])) == 2


def test_a_withdrawn_membership_bites_at_the_next_request(client, services, lease_scope, ada):
    _sign_in(client, services, "ada")
    lease = _document(services, lease_scope, "lease.pdf")
    address = f"/matter/{lease_scope.matter.id}/document/{lease.id}/original"
    assert client.get(address).status_code == 200
    services.access.remove_member(lease_scope, ada.id)
    assert client.get(address).status_code == 404


def test_an_original_is_saved_and_never_shown_and_that_is_on_record(client, services, lease_scope):
    _sign_in(client, services, "ada")
    note = _document(services, lease_scope, "note.md")
    reply = client.get(f"/matter/{lease_scope.matter.id}/document/{note.id}/original")
    assert reply.content.startswith(b"# Note")
    assert reply.headers["content-disposition"].startswith("attachment")
    assert reply.headers["content-type"] == "application/octet-stream"
    assert len(services.audit.entries(kinds=["export.made"])) == 1


@pytest.mark.parametrize(
    "path",
    ["../../../../etc/passwd", "..%2f..%2fmuniment.db", "%2e%2e/%2e%2e/muniment.db", "....//muniment.db"],
)
def test_no_address_leads_out_of_the_matter(client, services, lease_scope, path):
    _sign_in(client, services, "ada")
    reply = client.get(f"/matter/{lease_scope.matter.id}/document/{path}/original")
    assert reply.status_code in (400, 404) or "text/html" in reply.headers["content-type"]
    assert b"SQLite" not in reply.content
    assert b"root:" not in reply.content


def test_a_file_name_cannot_break_out_of_its_header(client, services, lease_scope):
    from app.routes import _attachment

    header = _attachment('a"\r\nSet-Cookie: x=1; é.pdf')["Content-Disposition"]
    assert "\r" not in header
    assert "\n" not in header
    assert header.count('"') == 2


def _exported(client, **query):
    reply = client.get("/audit/export", params=query)
    assert reply.status_code == 200, reply.text
    return [json.loads(line) for line in reply.text.splitlines()]


def test_an_export_holds_what_its_person_sees_and_nothing_of_another_matter(
    client, services, lease_scope, stranger
):
    operator = services.accounts.local_operator()
    services.library.create_matter("Hidden deal", operator)
    _sign_in(client, services, "ada")
    text = "\n".join(line["canonical"] for line in _exported(client))
    assert "lease.pdf" in text
    assert "session.open" in text
    assert "Hidden deal" not in text
    _sign_in(client, services, "sten")
    seen = [json.loads(line["canonical"]) for line in _exported(client)]
    assert {(one["actor"]["id"], one["matter"]) for one in seen} == {(stranger.id, None)}


def test_each_exported_entry_can_be_held_against_the_whole_log(client, services, lease_scope):
    _sign_in(client, services, "ada")
    for line in _exported(client):
        kept = services.audit.entry(line["index"])
        assert leaf_hash(line["canonical"].encode()).hex() == line["leaf_hash"] == kept.leaf_hash
        assert line["head"] == kept.head


def test_an_export_is_narrowed_by_the_pages_filters_and_goes_past_one_read(
    client, services, lease_scope, ada, monkeypatch
):
    monkeypatch.setattr("app.visible._AT_ONCE", 2)
    _sign_in(client, services, "ada")
    whole = _exported(client)
    assert [line["index"] for line in whole] == sorted((line["index"] for line in whole), reverse=True)
    sought = Sought(group="Documents", matter_id=lease_scope.matter.id, words="LEASE.pdf")
    kinds = [json.loads(line["canonical"])["kind"] for line in _exported(client, **sought.to_query())]
    assert len(kinds) > 2
    assert set(kinds) <= {"document.received", "document.parsed", "document.live"}
    later = Sought(since=datetime(2999, 1, 1, tzinfo=UTC))
    assert _exported(client, **later.to_query()) == []


def test_an_export_asked_for_another_matter_is_empty(client, services, lease_scope):
    operator = services.accounts.local_operator()
    hidden = services.library.create_matter("Hidden deal", operator)
    _sign_in(client, services, "ada")
    assert _exported(client, matter=hidden.id) == []


@pytest.mark.parametrize("query", [{"what": "Secrets"}, {"since": "yesterday"}])
def test_an_export_address_that_is_not_ours_is_a_bad_request(client, services, ada, query):
    _sign_in(client, services, "ada")
    assert client.get("/audit/export", params=query).status_code == 400


def test_an_unknown_export_is_not_found(client, services, lease_scope):
    _sign_in(client, services, "ada")
    for name in ("summary/none.docx", "answer/none.md", "other/none.docx", "summary/none.exe"):
        assert client.get(f"/matter/{lease_scope.matter.id}/export/{name}").status_code == 404


def test_streamlit_is_told_to_call_nobody(client):
    from streamlit import config

    assert config.get_option("browser.gatherUsageStats") is False
    assert config.get_option("server.fileWatcherType") == "none"
    assert config.get_option("server.enableXsrfProtection") is True
    assert config.get_option("server.maxUploadSize") == 5 * 2
    assert config.get_option("server.enableAgentApi") is False


@pytest.mark.parametrize(
    ("address", "expected"),
    [("127.0.0.1", True), ("localhost", True), ("::1", True), ("0.0.0.0", False), ("10.1.2.3", False)],
)
def test_only_a_server_for_this_machine_alone_fixes_its_names(address, expected):
    assert (hosts_for(address) is not None) is expected


def test_odd_headers_are_no_session_and_no_name():
    assert cookie_of("muniment_session") is None
    assert cookie_of("a=b; muniment_session=token; c=d") == "token"
    assert host_name("[::1") == ""
    assert host_name("LOCALHOST:8501") == "localhost"
