"""The whole product in a real browser, with the real embedded models, as its first user meets it.

Pictures of every state are kept in `test-output/` for people to look at.
"""

import io
import re
from pathlib import Path

import docx
import pytest
from playwright.sync_api import BrowserContext, Page, expect
from reportlab.lib.pagesizes import A4
from reportlab.pdfgen import canvas

from .browser import PASSWORD, PICTURES, browsing, go, has_box, open_document, picture, sign_up
from .conftest import Served, environment_of, free_port

pytestmark = [pytest.mark.journey, pytest.mark.timeout(1200)]

_NEW_PASSWORD = "another-passphrase-for-one-test"
_LEASE = (
    (
        "LEASE of the ground floor, 4 Northgate",
        "1. PARTIES",
        "1.1 The Landlord is Alder Holdings Limited.",
        "1.2 The Tenant is Brightwater Books Limited.",
        "2. RENT",
        "2.1 The rent is 84,000 pounds a year, payable quarterly in advance.",
    ),
    (
        "14. ENDING THE LEASE",
        "14.1 This Lease runs for ten years from 1 March 2024.",
        "14.2 The Tenant may end this Lease on the fifth anniversary",
        "by giving the Landlord at least six (6) months' written notice.",
        "14.3 Notice must be sent by recorded post.",
    ),
    (
        "21. REPAIR",
        "21.1 The Tenant keeps the inside in good repair.",
        "21.2 The Landlord keeps the roof and the outer walls in good repair.",
    ),
)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    home = tmp_path_factory.mktemp("first-day") / "home"
    served = Served(environment_of(home, port=free_port(), sample="false", model="embedded"))
    yield served
    served.stop()


@pytest.fixture(scope="module")
def context(server):
    with browsing() as made:
        yield made


@pytest.fixture
def documents(tmp_path):
    """A folder as people have them: a lease, a note in a subfolder, and a PDF that broke off while copied."""
    folder = tmp_path / "Northgate"
    (folder / "letters").mkdir(parents=True)
    _write_pdf(folder / "Northgate Lease.pdf")
    (folder / "letters" / "Deposit.txt").write_text(
        "Dear Tenant,\n\nWe received your deposit of 21,000 pounds on 3 March 2024.\n"
    )
    broken = (folder / "Northgate Lease.pdf").read_bytes()[:700]
    (folder / "Broken copy.pdf").write_bytes(broken)
    return folder


def _write_pdf(path: Path) -> None:
    sheet = canvas.Canvas(str(path), pagesize=A4)
    for lines in _LEASE:
        for row, line in enumerate(lines):
            sheet.drawString(72, 760 - 26 * row, line)
        sheet.showPage()
    sheet.save()


def _downloaded(page: Page, link: str) -> bytes:
    with page.expect_download() as started:
        page.get_by_role("link", name=link).first.click()
    return Path(started.value.path()).read_bytes()


def test_a_first_day_from_the_welcome_link_to_a_verified_log(server, context: BrowserContext, documents):
    page = context.new_page()
    foreign: list[str] = []
    complaints: list[str] = []
    ours = (server.origin, server.origin.replace("http", "ws"), "data:", "blob:")
    page.on("request", lambda one: foreign.append(one.url) if not one.url.startswith(ours) else None)
    page.on("websocket", lambda one: foreign.append(one.url) if not one.url.startswith(ours) else None)
    page.on("console", lambda one: complaints.append(one.text) if "Content Security" in one.text else None)

    # The link works once, and makes the first administrator.
    page.goto(server.welcome)
    expect(page.get_by_label("Password once more")).to_be_visible(timeout=60_000)
    picture(page, "01-welcome")
    sign_up(page)
    [cookie] = [one for one in context.cookies() if one["name"] == "muniment_session"]
    assert (cookie["httpOnly"], cookie["sameSite"]) == (True, "Strict")
    picture(page, "02-no-matter")

    # A matter.
    go(page, "Matters")
    page.get_by_label("New matter").fill("Northgate lease")
    page.get_by_role("button", name="Create matter").click()
    expect(page.get_by_role("button", name="Work in this matter")).to_be_visible(timeout=30_000)
    picture(page, "03-matters")

    # A whole folder, watched until it is in.
    go(page, "Library")
    expect(page.get_by_text("No documents yet")).to_be_visible()
    picture(page, "04-library-empty")
    page.get_by_role("tab", name="A whole folder").click()
    page.locator("input[type=file][webkitdirectory]").set_input_files(documents)
    page.get_by_role("button", name=re.compile("Add 3 files")).click()
    # Three small files may be read between two drawings of the page, so that it never says how many of them
    # are; and within the second that `expect` lets pass between two looks.
    reading = page.get_by_role("status").filter(
        has_text=re.compile("Reading documents.*(waiting|running)", re.S)
    )
    reading.first.wait_for(state="visible", timeout=60_000)
    page.screenshot(path=PICTURES / "05-library-busy-1280.png")
    expect(page.get_by_text(re.compile(r"Last upload, .*: 2 read, 1 could not be read"))).to_be_visible(
        timeout=300_000
    )
    expect(page.get_by_text("1 of 3 documents could not be read")).to_be_visible()
    expect(page.locator(".m-trouble", has_text="Broken copy.pdf")).to_contain_text("damaged")
    picture(page, "06-library-full")
    open_document(page, "Northgate Lease.pdf")
    expect(page.locator("img[data-page='1']")).to_be_visible(timeout=60_000)
    page.get_by_role("button", name="Next").click()
    expect(page.locator("img[data-page='2']")).to_be_visible(timeout=60_000)
    picture(page, "07-document")

    # A question, and the page that its answer rests on.
    go(page, "Ask")
    expect(page.locator("[class*='st-key-suggestion-']").first).to_be_visible(timeout=30_000)
    picture(page, "08-ask-empty")
    page.get_by_role("heading", name="Ask", exact=True).click()
    page.keyboard.press("/")
    expect(page.get_by_test_id("stChatInputTextArea")).to_be_focused()
    page.get_by_test_id("stChatInputTextArea").fill(
        "How much written notice must the tenant give to end the lease?"
    )
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Stop", exact=True)).to_be_visible(timeout=30_000)
    page.screenshot(path=PICTURES / "09-ask-busy-1280.png")
    expect(page.get_by_text(re.compile("^(Supported|Quoted):"))).to_be_visible(timeout=300_000)
    picture(page, "10-ask-answer")
    page.get_by_role("button", name=re.compile(r"Northgate Lease\.pdf, p\. 2")).first.click()
    cited = page.locator("img[data-page='2']")
    expect(cited).to_be_visible(timeout=60_000)
    assert "start=" in cited.get_attribute("src")
    assert has_box(context, server.origin + cited.get_attribute("src"))
    picture(page, "11-ask-cited")

    # A question that the documents do not answer.
    page.get_by_test_id("stChatInputTextArea").fill("Who won the chess championship in Reykjavik?")
    page.keyboard.press("Enter")
    expect(page.get_by_text(re.compile("Not found in these documents"))).to_be_visible(timeout=300_000)
    picture(page, "12-ask-not-found")

    # A summary, and the same as a Word document.
    go(page, "Summaries")
    picture(page, "13-summaries-empty")
    page.get_by_role("button", name="Summarise").click()
    expect(page.get_by_text(re.compile("Covers .* of .* pages of"))).to_be_visible(timeout=600_000)
    picture(page, "14-summary")
    word = docx.Document(io.BytesIO(_downloaded(page, "Export .docx")))
    assert any("Covers" in paragraph.text for paragraph in word.paragraphs)

    # All of it is in the log, and the log holds.
    go(page, "Audit")
    page.get_by_role("button", name="Verify the log").click()
    expect(page.get_by_text(re.compile(r"All \d+ entries hold"))).to_be_visible(timeout=60_000)
    picture(page, "15-audit")
    log = _downloaded(page, "Export these entries").decode()
    for kind in ("session.open", "document.opened", "question.asked", "answer.given", "summary.finished"):
        assert f'\\"kind\\":\\"{kind}\\"' in log, kind
    assert "chess" not in log

    # A password of one's own choice; the session that changed it goes on.
    go(page, "Your password")
    page.get_by_label("Password now").fill(PASSWORD)
    page.get_by_label("New password", exact=True).fill(_NEW_PASSWORD)
    page.get_by_label("New password once more").fill(_NEW_PASSWORD)
    page.get_by_role("button", name="Change the password").click()
    expect(page.get_by_text("Your password is changed", exact=False)).to_be_visible(timeout=30_000)
    picture(page, "16-password")

    # Signing out ends the session itself, not only the page.
    address = picture_address(server, log)
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("button", name="Sign in")).to_be_visible(timeout=30_000)
    picture(page, "17-sign-in")
    assert context.request.get(address).status == 401
    page.get_by_label("Name").fill("Ada Bergmann")
    page.get_by_label("Password", exact=True).fill("not the password")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_test_id("stAlert")).to_be_visible(timeout=30_000)
    picture(page, "18-sign-in-refused")

    assert foreign == []
    assert complaints == []


def picture_address(server: Served, log: str) -> str:
    """The address of a page's picture, put together from what the log says was opened."""
    matter = re.search(r'\\"matter\\":\\"(matter_\w+)\\"', log)
    document = re.search(r'\\"document_id\\":\\"(\w+)\\"', log)
    assert matter
    assert document
    return f"{server.origin}/matter/{matter.group(1)}/document/{document.group(1)}/page/1.png"
