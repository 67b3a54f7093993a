"""A folder of Word, Excel, mail, scan and a locked PDF, from the drop zone to an answer out of each."""

import re

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.data import make_journey

from .browser import PICTURES, browsing, go, has_box, open_document, picture, settle, sign_up
from .conftest import Served, environment_of, free_port

pytestmark = [pytest.mark.journey, pytest.mark.timeout(1200)]

_ASKED = (
    ("Within how many days of the invoice date is payment due?", r"Supply agreement\.docx, p\. 1"),
    ("What is the EBITDA of Harbour Quay in 2024?", r"Model\.xlsx, sheet .P&L."),
    ("When did the crane at Unit 7 pass its inspection?", r"Inspection\.eml, p\. 1"),
    ("On which date are the keys handed over?", r"Warehouse lease \(scan\)\.pdf, p\. 1"),
    ("At how many pounds is the guarantee of Corvin Marine capped?", r"Side letter\.pdf, p\. 1"),
)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    home = tmp_path_factory.mktemp("formats") / "home"
    served = Served(environment_of(home, port=free_port(), sample="false", model="embedded"))
    yield served
    served.stop()


@pytest.fixture(scope="module")
def context(server):
    with browsing() as made:
        yield made


def test_every_kind_of_file_is_read_or_named_with_the_reason_and_answers_questions(
    server: Served, context: BrowserContext, tmp_path
):
    page = context.new_page()
    page.goto(server.welcome)
    expect(page.get_by_label("Password once more")).to_be_visible(timeout=60_000)
    sign_up(page)
    go(page, "Matters")
    page.get_by_label("New matter").fill("Harbour Quay")
    page.get_by_role("button", name="Create matter").click()
    expect(page.get_by_role("button", name="Work in this matter")).to_be_visible(timeout=30_000)

    # A folder goes in; each file says how far it is.
    go(page, "Library")
    expect(page.get_by_text("No documents yet")).to_be_visible()
    picture(page, "30-formats-empty")
    page.get_by_role("tab", name="A whole folder").click()
    page.locator("input[type=file][webkitdirectory]").set_input_files(make_journey.folder(tmp_path))
    page.get_by_role("button", name=re.compile("Add 6 files")).click()
    expect(page.locator(".m-files", has_text="Model.xlsx")).to_be_visible(timeout=60_000)
    page.screenshot(path=PICTURES / "31-formats-busy-1280.png")

    # At a glance: what was not read, and why.
    expect(page.get_by_text(re.compile("Last upload"))).to_be_visible(timeout=300_000)
    headline = page.locator(".m-report")
    expect(headline).to_contain_text("1 of 7 pages could not be read")
    expect(headline).to_contain_text("1 of 7 documents needs a password")
    expect(headline).to_contain_text("1 of 7 documents could not be read")
    troubles = page.locator(".m-trouble")
    expect(troubles.filter(has_text="Warehouse lease (scan).pdf")).to_contain_text("Page 2 is a picture")
    expect(troubles.filter(has_text="Broken copy.pdf")).to_contain_text("damaged")
    expect(troubles.filter(has_text="Model.xlsx")).to_contain_text("hidden sheet")
    picture(page, "32-formats-problems")
    _dark(page, context, server)

    # The remedies stand beside the problems.
    field = page.get_by_label("Password of the file")
    field.fill("not this one")
    page.get_by_role("button", name="Open with this password").click()
    expect(troubles.filter(has_text="Side letter.pdf")).to_contain_text("does not open it", timeout=120_000)
    settle(page)
    page.get_by_label("Password of the file").fill(make_journey.FILE_PASSWORD)
    page.get_by_role("button", name="Open with this password").click()
    expect(headline).not_to_contain_text("password", timeout=120_000)
    settle(page)
    page.get_by_role("button", name="Skip this file").click()
    page.get_by_role("button", name="Skip it").click()
    expect(headline).to_contain_text("1 of 8 pages could not be read", timeout=60_000)
    expect(headline).to_contain_text("2 documents hide text, which is left out")
    expect(headline).not_to_contain_text("documents could")

    # What hides is looked at before anybody lets it in.
    settle(page)
    page.get_by_role("button", name="Look at the hidden text").first.click()
    expect(page.get_by_text("Discount before approval")).to_be_visible(timeout=30_000)
    expect(page.get_by_role("cell", name="19975")).to_be_visible()
    picture(page, "33-formats-sheet")
    page.get_by_role("button", name="All documents").click()

    # A scan: its picture, and how sure its words are.
    open_document(page, "Warehouse lease (scan).pdf")
    expect(page.get_by_text(re.compile(r"Read by OCR, \d+ % sure"))).to_be_visible(timeout=30_000)
    expect(page.locator("img[data-page='1']")).to_be_visible(timeout=60_000)
    _drawn(page, 1)
    picture(page, "34-formats-scan")
    page.get_by_role("button", name="All documents").click()
    open_document(page, "Supply agreement.docx")
    expect(page.locator("ins")).to_have_text("[inserted: forty-five (45)]")
    picture(page, "35-formats-word")

    # One question out of each.
    go(page, "Ask")
    for number, (question, source) in enumerate(_ASKED, 1):
        page.get_by_test_id("stChatInputTextArea").fill(question)
        page.keyboard.press("Enter")
        expect(page.get_by_text(re.compile("^(Supported|Quoted):"))).to_have_count(number, timeout=120_000)
        cited = page.get_by_role("button", name=re.compile(source)).last
        expect(cited).to_be_visible(timeout=30_000)
        if "scan" in source:
            settle(page)
            cited.click()
            image = page.locator("img[data-page='1']")
            expect(image).to_be_visible(timeout=60_000)
            assert has_box(context, server.origin + image.get_attribute("src"))
            _drawn(page, 1)
            picture(page, "36-formats-cited-scan")
            page.get_by_role("button", name="Close", exact=True).click()
    settle(page)
    page.get_by_role("button", name=re.compile("sheet .P&L.")).first.click()
    expect(page.get_by_role("cell").locator("mark").first).to_be_visible(timeout=30_000)
    picture(page, "37-formats-cited-sheet")
    assert make_journey.FILE_PASSWORD not in server.said


def _drawn(page: Page, number: int) -> None:
    """Until the picture of a page has come."""
    page.wait_for_function(
        "n => [...document.querySelectorAll(`img[data-page='${n}']`)].every(one => one.naturalWidth > 0)",
        arg=number,
        timeout=60_000,
    )


def _dark(page: Page, context: BrowserContext, server: Served) -> None:
    """The same in the dark."""
    other = context.new_page()
    other.emulate_media(color_scheme="dark")
    other.goto(f"{server.origin}/library")
    expect(other.locator(".m-report")).to_be_visible(timeout=60_000)
    settle(other)
    other.screenshot(path=PICTURES / "32-formats-problems-dark-1280.png")
    other.close()
