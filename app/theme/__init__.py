"""How the pages look: Streamlit's own options, and one stylesheet for what Streamlit has no option for.

Ink blue is the one accent; amber warns, brick is an error. Documents and answers are set in a serif, controls
in a sans. Both faces come with Streamlit, so nothing is fetched from anywhere else.
"""

from __future__ import annotations

from importlib import resources
from typing import Any

INK = "#1F3A5F"
AMBER = "#8A5A00"
BRICK = "#9C2F2A"

_LIGHT: dict[str, Any] = {
    "primaryColor": INK,
    "backgroundColor": "#FBFBF9",
    "secondaryBackgroundColor": "#F1F1ED",
    "textColor": "#1C1F24",
    "linkColor": INK,
    "borderColor": "#D9D9D2",
    "redColor": BRICK,
    "orangeColor": AMBER,
}
_DARK: dict[str, Any] = {
    "primaryColor": "#4470AB",
    "backgroundColor": "#15181D",
    "secondaryBackgroundColor": "#1D2127",
    "textColor": "#E6E7E9",
    "linkColor": "#A9C4E8",
    "borderColor": "#373C45",
    "redColor": "#E59088",
    "orangeColor": "#E0B25C",
}
_LIGHT_SIDEBAR = {"backgroundColor": "#F1F1ED", "secondaryBackgroundColor": "#E7E7E1"}
_DARK_SIDEBAR = {"backgroundColor": "#1B1F25", "secondaryBackgroundColor": "#262B33"}

_VARIABLES_LIGHT = {
    "--paper": "#FFFFFF",
    "--ink": INK,
    "--quiet": "#5B616B",
    "--line": "#D9D9D2",
    "--amber": AMBER,
    "--brick": BRICK,
    "--sound": "#2C5E3F",
    "--mark": "#FFF3D1",
    "--shade": "#F4F4F0",
}
_VARIABLES_DARK = {
    "--paper": "#1A1E24",
    "--ink": "#A9C4E8",
    "--quiet": "#A3A9B3",
    "--line": "#373C45",
    "--amber": "#E0B25C",
    "--brick": "#E59088",
    "--sound": "#8CC5A0",
    "--mark": "#4A3F1E",
    "--shade": "#21262D",
}


def streamlit_options() -> dict[str, Any]:
    """Streamlit's theme options, light and dark."""
    options: dict[str, Any] = {
        "theme.font": "sans-serif",
        "theme.baseFontSize": 15,
        "theme.baseRadius": "3px",
        "theme.buttonRadius": "3px",
        "theme.headingFontWeights": [600, 600, 600, 600, 600, 600],
        "theme.headingFontSizes": ["1.6rem", "1.25rem", "1.1rem", "1rem", "1rem", "1rem"],
        "theme.showWidgetBorder": True,
        "theme.showSidebarBorder": True,
    }
    for section, values in (
        ("theme.light", _LIGHT),
        ("theme.dark", _DARK),
        ("theme.light.sidebar", _LIGHT_SIDEBAR),
        ("theme.dark.sidebar", _DARK_SIDEBAR),
    ):
        options |= {f"{section}.{name}": value for name, value in values.items()}
    return options


def stylesheet(*, dark: bool) -> str:
    """The pages' stylesheet as a `<style>` element, with the colours of the theme that is shown."""
    variables = _VARIABLES_DARK if dark else _VARIABLES_LIGHT
    declared = ";".join(f"{name}:{value}" for name, value in variables.items())
    rules = resources.files("app.theme").joinpath("pages.css").read_text(encoding="utf-8")
    return f"<style>:root{{{declared}}}\n{rules}</style>"


ICON = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="3" '
    f'fill="{INK}"/><path d="M8 24V8l8 9 8-9v16" fill="none" stroke="#fff" stroke-width="3"/></svg>'
)
"""The icon in the browser's tab."""
