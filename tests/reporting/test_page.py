"""A page is well-formed, needs nothing else, and escapes what it is given."""

import dataclasses
import math
import re
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from autometa.advisor import Advisor
from autometa.knowledge.frames import Experience
from autometa.knowledge.shipped import open_knowledge
from autometa.reading import read_task
from autometa.recommender_names import RECOMMENDERS
from autometa.recommenders.explaining import explain
from autometa.recommenders.recommendation import KnownTask, Recommendation
from autometa.reporting.expecting import Expected, expect
from autometa.reporting.figures import draw_expected, draw_interval, escaped, finite_range
from autometa.reporting.landscape import survey
from autometa.reporting.page import Report, render
from autometa.wish import Wish

HOSTILE = "</title></style><script>alert('1')</script>\"><img src=x onerror=alert(1)> & \x00 \ud800 é"
ELEMENTS = """html head meta title style body main h1 h2 h3 p ul ol li table thead tbody tr th td div span
section figure figcaption details summary code br svg circle path text line polygon polyline"""
ALLOWED = frozenset(re.findall(r"\w+", ELEMENTS))


def make_report(base_path: Path, table: Path, recommender: str = "portfolio") -> tuple[Report, Experience]:
    """Return the report on a table, and the experience behind it."""
    with open_knowledge(base_path) as base:
        advisor = Advisor(base, recommender=recommender)
        recommendation = advisor.recommend(read_task(table), Wish(k=4))
        experience = advisor.experience(recommendation)
    return report_of(recommendation, experience, expect(experience, RECOMMENDERS[recommender])), experience


def report_of(recommendation: Recommendation, experience: Experience, expected: Expected | str) -> Report:
    return Report(
        heading=("a line", "another"),
        recommendation=recommendation,
        explanation=explain(experience, recommendation),
        landscape=survey(experience, recommendation),
        expected=expected,
        recommender="portfolio",
    )


def check(page: str) -> ElementTree.Element:
    """Return the parsed page; it holds no element, attribute or address that could load or run anything."""
    root = ElementTree.fromstring(page)
    for element in root.iter():
        assert element.tag in ALLOWED, element.tag
        for name, value in element.attrib.items():
            assert not name.startswith("on"), name
            assert name not in {"src", "href", "srcset", "data", "action"}
            assert "url(" not in value
            assert "javascript:" not in value
    style = root.find("head/style")
    assert style is not None
    assert style.text is not None
    assert not re.search(r"url\(|@import|//", style.text)
    assert re.findall(r"https?://", page) == []
    return root


@pytest.mark.parametrize(
    ("name", "recommender"), [("breast_cancer", "portfolio"), ("wine", "nearest"), ("diabetes", "proximity")]
)
def test_the_page_of_every_kind_is_whole(one_shard_base: Path, examples: Path, name: str, recommender: str) -> None:
    report, experience = make_report(one_shard_base, examples / f"{name}.csv", recommender)
    root = check(render(report))
    text = " ".join(root.itertext())
    for advice in report.recommendation:
        assert advice.configuration.algorithm in text
        for run in advice.evidence:
            assert run.task in text
            assert run.fingerprint[:12] in text
        for reason in advice.reasons:
            assert reason in text
    for note in report.recommendation.notes:
        assert note in text
    titles = {title.text.split(" (")[0] for title in root.iter("title") if title.text}
    assert {known.name for known in experience.descriptions} <= titles, "every known task is on the map"
    bars = [svg for svg in root.iter("svg") if svg.find("line[@class='range']") is not None]
    assert len(bars) == len(report.recommendation)
    assert isinstance(report.expected, Expected)
    assert f"{report.expected.advice[0]:.3f} ± {report.expected.advice_error[0]:.3f}" in text


def test_hostile_names_are_text_and_nothing_else(one_shard_base: Path, examples: Path) -> None:
    report, experience = make_report(one_shard_base, examples / "wine.csv")
    before = [element.tag for element in check(render(report)).iter()]
    old = report.recommendation
    named = dataclasses.replace(
        experience, descriptions=tuple(dataclasses.replace(d, name=HOSTILE) for d in experience.descriptions)
    )
    advice = tuple(
        dataclasses.replace(
            item,
            reasons=tuple(HOSTILE for _ in item.reasons),
            evidence=tuple(dataclasses.replace(run, task=HOSTILE, fingerprint=HOSTILE) for run in item.evidence),
        )
        for item in old
    )
    hostile = dataclasses.replace(
        old,
        task=dataclasses.replace(old.task, name=HOSTILE),
        target=HOSTILE,
        known_tasks=tuple(
            KnownTask(name=HOSTILE, distance=k.distance, fingerprint=k.fingerprint) for k in old.known_tasks
        ),
        advice=advice,
        notes=tuple(HOSTILE for _ in old.notes),
    )
    changed = dataclasses.replace(
        report_of(hostile, named, report.expected), heading=(HOSTILE, HOSTILE), recommender=HOSTILE
    )
    page = render(changed)
    root = check(page)
    assert [element.tag for element in root.iter()] == before, "no name makes an element"
    assert HOSTILE.replace("\x00", "\ufffd").replace("\ud800", "\ufffd") in "".join(root.itertext())
    page.encode("utf-8")
    reason = render(dataclasses.replace(changed, expected=HOSTILE))
    assert "Not known: " in "".join(check(reason).itertext())


@pytest.mark.parametrize(
    "text", ["\x00\x08\x0b\x1f\x7f\x85", "\ud800\udfff", "\ufffe\uffff", "\U0001f600 é \t", "<&>\"'"]
)
def test_whatever_the_text_xml_can_hold_it(text: str) -> None:
    held = ElementTree.fromstring(f'<a b="{escaped(text)}">{escaped(text)}</a>')
    assert held.text is not None
    assert len(held.text) == len(text)
    assert escaped(text).encode("utf-8")


def test_an_interval_lies_where_its_scale_says() -> None:
    def places(score: float, interval: tuple[float, float]) -> tuple[float, ...]:
        svg = ElementTree.fromstring(draw_interval(score, interval, 0.0, 1.0, "words"))
        line, dot = svg.find("line"), svg.find("circle")
        assert line is not None
        assert dot is not None
        return tuple(float(each) for each in (line.attrib["x1"], dot.attrib["cx"], line.attrib["x2"]))

    assert places(0.5, (0.0, 1.0)) == (6.0, 100.0, 194.0)
    assert places(0.5, (0.25, 0.75)) == (53.0, 100.0, 147.0)
    assert places(0.5, (-math.inf, math.inf)) == (0.0, 100.0, 200.0), "what is not known runs to the edge"
    assert finite_range([math.nan, 3.0, math.inf, -1.0]) == (-1.0, 3.0)
    assert finite_range([math.inf]) == (0.0, 1.0)


def test_the_curves_go_through_the_regrets() -> None:
    advice, chance = np.array([0.5, 0.25, 0.0]), np.array([0.8, 0.6, 0.4])
    expected = Expected(
        advice=advice,
        advice_error=np.full(3, 0.0),
        chance=chance,
        chance_error=np.full(3, 0.0),
        n_tasks=9,
        n_families=7,
    )
    svg = ElementTree.fromstring(draw_expected(expected))
    labels = {float(each.attrib["y"]) - 4: each.text for each in svg.iter("text") if each.get("text-anchor") == "end"}
    level_of = {round(y, 1): float(text or "nan") for y, text in labels.items()}
    assert set(level_of.values()) == {0.0, 0.2, 0.4, 0.6, 0.8}
    (y_zero,) = [y for y, level in level_of.items() if level == 0.0]
    (y_top,) = [y for y, level in level_of.items() if level == 0.8]
    for name, values in (("advice", advice), ("chance", chance)):
        line = svg.find(f"polyline[@class='{name}']")
        assert line is not None
        ys = [float(point.split(",")[1]) for point in line.attrib["points"].split()]
        assert [(y_zero - y) / (y_zero - y_top) * 0.8 for y in ys] == pytest.approx(values.tolist(), abs=2e-3)
