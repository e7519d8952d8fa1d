"""The outcome of a check as JUnit XML, which GitLab, Jenkins and Gitee show: one test case for each group of
checks and for each gate."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from xml.etree import ElementTree

if TYPE_CHECKING:
    from data_cards.check import CheckResult

_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def render(result: CheckResult, name: str) -> str:
    """The XML; equal results give equal text.

    Args:
        name: of the data set, the suite's name.
    """
    cases = [("card", group, "\n".join(problems)) for group, problems in result.checks.items()]
    cases += [("policy", gate.gate, "" if gate.met else gate.why) for gate in result.gates]
    failures = sum(bool(why) for *_, why in cases)
    counts = {"tests": str(len(cases)), "failures": str(failures), "errors": "0", "skipped": "0"}
    root = ElementTree.Element("testsuites", {"name": "govtune card check", **counts})
    suite = ElementTree.SubElement(root, "testsuite", {"name": _plain(name), **counts})
    properties = ElementTree.SubElement(suite, "properties")
    for number, note in enumerate(result.notes, 1):
        ElementTree.SubElement(properties, "property", {"name": f"note.{number}", "value": _plain(note)})
    for kind, title, why in cases:
        place = {"classname": f"govtune.{kind}", "name": _plain(title), "time": "0"}
        case = ElementTree.SubElement(suite, "testcase", place)
        if why:
            first = why.partition("\n")[0]
            failure = ElementTree.SubElement(case, "failure", {"type": kind, "message": _plain(first)})
            failure.text = _plain(why)
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"


def _plain(text: str) -> str:
    """Without the characters that XML cannot hold, escaped or not."""
    return _NOT_XML.sub("�", text)
