"""The script that Streamlit runs for every person and every click: who is it, and which page."""

from __future__ import annotations

import streamlit as st

from app import frame, state, theme, widgets
from app.views import sign_in


def main() -> None:
    st.set_page_config(page_title="Muniment", layout="wide", initial_sidebar_state="auto")
    st.html(theme.stylesheet(dark=st.context.theme.type == "dark"))
    with widgets.told():
        actor = state.current_actor()
        if actor is None:
            sign_in.page()
        else:
            frame.page(actor)


if __name__ == "__main__":
    main()
