"""The pages as Streamlit runs them, and what they say."""

import threading

from streamlit.testing.v1 import AppTest

PASSWORD = "a-long-passphrase-for-tests"
TIMEOUT_S = 60


def main():
    from app.main import main as run

    run()


def open_page(name):
    """The script of one page inside no frame, since a test cannot follow links."""
    return AppTest.from_string(
        f"from app import widgets\nfrom app.views import {name}\nwith widgets.told():\n    {name}.page()\n",
        default_timeout=TIMEOUT_S,
    ).run()


def words(app):
    """Everything that the page says."""
    said = [one.body for one in app.get("html")]
    for kind in (app.error, app.warning, app.info, app.success, app.markdown):
        said += [one.value for one in kind]
    return "\n".join([*said, *(one.label for one in app.button)])


def calm(app):
    assert not app.exception, app.exception
    return app


def wait_for(done, within_s=60):
    pause = threading.Event()
    for _ in range(within_s * 20):
        if done():
            return
        pause.wait(0.05)
    raise AssertionError("it did not happen in time")
