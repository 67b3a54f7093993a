"""What the journeys do in a browser: start it, go between pages, wait until all is drawn, keep pictures."""

import io
import re
import shutil
from contextlib import contextmanager
from pathlib import Path

from PIL import Image
from playwright.sync_api import BrowserContext, Page, expect, sync_playwright

PICTURES = Path(__file__).parents[2] / "test-output"
PASSWORD = "a-long-passphrase-for-one-test"
_CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
_QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@contextmanager
def browsing():
    """A browser context of its own."""
    assert _CHROMIUM, "the journey needs Chromium: apt-get install chromium"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=_CHROMIUM, args=list(_QUIET))
        yield browser.new_context(
            viewport={"width": 1280, "height": 860}, timezone_id="Europe/London", locale="en-GB"
        )
        browser.close()


def picture(page: Page, name: str) -> None:
    """Keep the page's look, wide and narrow."""
    PICTURES.mkdir(exist_ok=True)
    for width, height in ((800, 1000), (1280, 860)):
        page.set_viewport_size({"width": width, "height": height})
        page.wait_for_load_state("networkidle")
        settle(page)
        page.screenshot(path=PICTURES / f"{name}-{width}.png")


def settle(page: Page) -> None:
    """Until nothing runs and the tables have been drawn."""
    expect(page.get_by_test_id("stStatusWidget")).to_have_count(0, timeout=60_000)
    expect(page.get_by_test_id("stSkeleton")).to_have_count(0, timeout=60_000)
    page.evaluate("() => new Promise(done => setTimeout(done, 600))")


def go(page: Page, name: str) -> None:
    """Go to a page by its link on the left."""
    page.get_by_test_id("stSidebar").get_by_role("link", name=name, exact=True).click()
    expect(page.get_by_role("heading", name=name, exact=True)).to_be_visible(timeout=30_000)


def sign_up(page: Page) -> None:
    """On the welcome link's page, become the first administrator."""
    page.get_by_label("Name").fill("Ada Bergmann")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_label("Password once more").fill(PASSWORD)
    page.get_by_role("button", name="Create the first administrator").click()
    expect(page.get_by_role("button", name="Sign out")).to_be_visible(timeout=60_000)


def open_document(page: Page, name: str) -> None:
    """Open a document by the list under the table of documents."""
    box, option = page.get_by_label("Open a document"), page.get_by_role("option", name=name)
    expect(box).to_be_visible(timeout=30_000)
    settle(page)
    box.click()
    settle(page)
    if not option.count():
        # The list closes when the page scrolls under it.
        box.click()
    option.first.click()
    expect(page.get_by_role("button", name="All documents")).to_be_visible(timeout=30_000)


def has_box(context: BrowserContext, address: str) -> bool:
    """Whether the picture has a box where the same page without a passage has none."""
    pictures = []
    for one in (address, re.sub(r"&(start|end)=\d+", "", address)):
        reply = context.request.get(one)
        assert reply.status == 200
        pictures.append(Image.open(io.BytesIO(reply.body())).convert("RGB"))
    boxed, bare = pictures
    return boxed.size == bare.size and boxed.tobytes() != bare.tobytes()
