"""HTML, made of elements that escape what they hold."""

import re
from xml.etree.ElementTree import Element, tostring

UNSEEN = re.compile("[\0-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")
"""Characters that a page cannot hold."""


def document(head: Element, body: Element) -> str:
    """Write a page."""
    page = element("html", head, body, lang="en")
    return f"<!doctype html>\n{tostring(page, encoding='unicode', method='html')}\n"


def element(tag: str, *content: str | Element, **attributes: str) -> Element:
    """Make an element of text and other elements; ElementTree escapes what it writes.

    Args:
        tag: Its name.
        *content: What stands in it.
        **attributes: As in HTML; ``kind`` is the class.
    """
    if kind := attributes.pop("kind", ""):
        attributes["class"] = kind
    made = Element(tag, {name: clean(value) for name, value in attributes.items()})
    for part in content:
        if isinstance(part, Element):
            made.append(part)
        elif len(made):
            made[-1].tail = (made[-1].tail or "") + clean(part)
        else:
            made.text = (made.text or "") + clean(part)
    return made


def clean(text: str) -> str:
    """Replace what a page cannot hold."""
    return UNSEEN.sub("�", text)


def scrolled(label: str, content: Element) -> Element:
    """Let what may be wide scroll by itself, also by keyboard."""
    return element(
        "div", content, kind="scroll", tabindex="0", role="region", **{"aria-label": label}
    )


def preformatted(text: str) -> Element:
    """Show text as it stands."""
    return element("pre", f"\n{text}")  # HTML drops a first line break
