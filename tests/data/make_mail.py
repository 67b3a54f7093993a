"""Messages for the tests, made when they are needed."""

from email.message import EmailMessage

HEADERS = {"From": "Ann <ann@example.com>", "To": "Bob <bob@example.com>", "Subject": "Lease of 4 Northgate"}

PLAIN_MAIL = (
    "From: Ann <ann@example.com>\r\nTo: Bob <bob@example.com>\r\nSubject: =?utf-8?q?Caf=C3=A9_lease?=\r\n"
    "Date: Mon, 4 Mar 2024 10:00:00 +0000\r\nMIME-Version: 1.0\r\n"
    "Content-Type: text/plain; charset=utf-8\r\n"
    "\r\n"
    "The rent is $10.\r\n"
)
"""A message as it travels, line ends and all."""


def mail(text=None, html=None, *, files=(), headers=None, **more) -> EmailMessage:
    """A message with its text in one or two forms and `files` of (name, bytes)."""
    message = EmailMessage()
    for name, value in {**HEADERS, **(headers or {}), **more}.items():
        message[name] = value
    if text is not None:
        message.set_content(text)
    if html is not None:
        if text is None:
            message.set_content(html, subtype="html")
        else:
            message.add_alternative(html, subtype="html")
    for name, data in files:
        message.add_attachment(data, maintype="application", subtype="octet-stream", filename=name)
    return message
