"""Page: a recommendation with all that stands behind it, as one HTML file that needs nothing else."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from autometa.evaluation.protocol import CV_V1
from autometa.recommenders.explaining import Explanation, standing_words
from autometa.recommenders.recommendation import Advice, Recommendation
from autometa.reporting.expecting import Expected
from autometa.reporting.figures import draw_expected, draw_interval, draw_landscape, escaped, finite_range
from autometa.reporting.landscape import Landscape
from autometa.reporting.style import STYLE

# Nothing is loaded from anywhere, even if a name were to slip through unescaped.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Report:
    """What a page shows.

    Parameters
    ----------
    heading : tuple of str
        What was inferred about the table, a line a piece.
    recommendation : Recommendation
        The advice.
    explanation : Explanation
        What stands behind each pipeline.
    landscape : Landscape
        Where the task lies among the known ones.
    expected : Expected or str
        The regret to expect, or why nothing is known of it.
    recommender : str
        Name of the recommender.
    """

    heading: tuple[str, ...]
    recommendation: Recommendation = field(repr=False)
    explanation: Explanation = field(repr=False)
    landscape: Landscape = field(repr=False)
    expected: Expected | str = field(repr=False)
    recommender: str


def render(report: Report) -> str:
    """Return the page: well-formed as XML too, without scripts, every text escaped."""
    name = escaped(report.recommendation.task.name)
    body = "".join(
        [
            f"<h1>Pipelines to try on {name}</h1>",
            *(f"<p>{escaped(line)}</p>" for line in report.heading),
            _list(report.recommendation.notes, "soft"),
            _advice(report),
            _expected(report),
            _landscape(report),
            _evidence(report),
        ]
    )
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"/>'
        '<meta name="viewport" content="width=device-width, initial-scale=1"/>'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}"/>'
        f"<title>autometa: {name}</title><style>{STYLE}</style></head><body><main>{body}</main></body></html>\n"
    )


def _advice(report: Report) -> str:
    """Return the table of advice, the intervals drawn as bars on one scale."""
    advice = report.recommendation.advice
    metric = escaped(report.recommendation.metric.name)
    low, high = finite_range([bound for item in advice for bound in (*item.interval, item.predicted_score)])
    rows = "".join(
        f'<tr><td class="number">{item.rank}</td><td>{escaped(item.configuration.algorithm)}</td>'
        f'<td class="number">{_short(item.predicted_score)}</td>'
        f'<td class="bar">{draw_interval(item.predicted_score, item.interval, low, high, _interval(item))}'
        f'<span class="soft">{_interval(item)}</span></td>'
        f'<td class="number">{_short(item.fit_seconds, 2)}</td></tr>'
        for item in advice
    )
    return (
        f'<h2>Advice</h2><div class="card wide"><table><thead><tr><th class="number">#</th><th>pipeline</th>'
        f'<th class="number">{metric}</th><th>80 % interval</th>'
        f'<th class="number">fit, s</th></tr></thead><tbody>{rows}</tbody></table></div>'
        f'<p class="soft">{metric}: cross-validated score to expect; intervals by the errors made on families of '
        f"data sets that were held out, drawn from {_short(low)} to {_short(high)}; fit: predicted CPU seconds on the "
        "whole table.</p>"
    )


def _expected(report: Report) -> str:
    """Return the curves of regret, and their figures in words."""
    expected = report.expected
    head = "<h2>What to expect of following it</h2>"
    if isinstance(expected, str):
        return f'{head}<p class="soft">Not known: {escaped(expected)}.</p>'
    rows = "".join(
        f'<tr><td class="number">{step}</td><td class="number">{a:.3f} ± {ae:.3f}</td>'
        f'<td class="number">{c:.3f} ± {ce:.3f}</td></tr>'
        for step, (a, ae, c, ce) in enumerate(
            zip(expected.advice, expected.advice_error, expected.chance, expected.chance_error, strict=True), start=1
        )
    )
    return (
        f'{head}<figure class="card">{draw_expected(expected)}<figcaption>'
        f"{_key('mark', f'the list of <code>{escaped(report.recommender)}</code>')}{_key('known', 'random order')}"
        f"<br/>Mean regret (0 = the best known result, 1 = a median one) on {expected.n_tasks} known tasks of "
        f"{expected.n_families} families, each hidden in turn while the list was made, all by runs on at most "
        f"{CV_V1.row_limit:,} rows; bands: one standard error."
        '</figcaption><details><summary>figures</summary><div class="wide"><table><thead><tr>'
        '<th class="number">tried</th><th class="number">advice</th><th class="number">random</th></tr></thead>'
        f"<tbody>{rows}</tbody></table></div></details></figure>"
    )


def _landscape(report: Report) -> str:
    """Return the map of tasks and the names of the nearest."""
    landscape, recommendation = report.landscape, report.recommendation
    nearest = "".join(
        f"<li>{escaped(landscape.names[place])} "
        f'<span class="soft">distance {landscape.distances[place]:.2f}</span></li>'
        for place in landscape.nearest
    )
    return (
        f'<h2>Where it lies among known tasks</h2><figure class="card">'
        f"{draw_landscape(landscape, recommendation.task.name)}"
        f"<figcaption>{_key('own', escaped(recommendation.task.name))}{_key('mark', 'the nearest')}"
        f"{_key('known', f'{len(landscape.names)} known tasks of its kind (point at one for its name)')}<br/>The two "
        f"directions in which the meta-features of known tasks vary most; they hold {landscape.share:.0%} of what "
        "varies, so that the nearest ones, by all meta-features, may look far.</figcaption></figure>"
        f"<p>Nearest, by all meta-features; more unusual than {recommendation.novelty:.0%} of the known tasks:</p>"
        f"<ol>{nearest}</ol>"
    )


def _evidence(report: Report) -> str:
    """Return what stands behind each pipeline."""
    trust = report.explanation.trust
    cards = "".join(_card(report, place, item) for place, item in enumerate(report.recommendation))
    return (
        "<h2>Why</h2>"
        f'<p class="soft">{escaped(trust[:1].upper() + trust[1:])}. Signed numbers: what a meta-feature adds to the '
        f"expected regret. Past runs are opened by <code>autometa kb show FINGERPRINT</code>.</p>{cards}"
    )


def _card(report: Report, place: int, item: Advice) -> str:
    """Return what stands behind one pipeline."""
    values = ", ".join(f"{name}={value}" for name, value in item.configuration.values.items())
    runs = "".join(
        f"<li>{escaped(run.task)}: {_short(run.score)}, place {run.rank} of {run.n_tried} "
        f"<code>{escaped(run.fingerprint[:12])}</code></li>"
        for run in item.evidence
    )
    reasons = [*item.reasons, *standing_words(report.explanation.standings[place])]
    moves = _list([move.words for move in report.explanation.moves[place]], "moves")
    return (
        f'<section class="card"><h3>{item.rank}. {escaped(item.configuration.algorithm)}</h3>'
        + (f"<p><code>{escaped(values)}</code></p>" if values else "")
        + _list(reasons, "")
        + (f"<p>Past runs that speak for it:</p><ul>{runs}</ul>" if runs else "")
        + (f"<details><summary>meta-features that decide</summary>{moves}</details>" if moves else "")
        + "</section>"
    )


def _list(texts: Iterable[str], name: str) -> str:
    """Return a list of texts; nothing for none."""
    items = "".join(f"<li>{escaped(text)}</li>" for text in texts)
    return f'<ul class="{name}">{items}</ul>' if items else ""


def _key(colour: str, words: str) -> str:
    """Return an entry of a figure's key: a dot of a colour of the style sheet, and words that are escaped already."""
    return f'<span class="key"><span class="swatch" style="background: var(--{colour})"></span> {words}</span> '


def _interval(item: Advice) -> str:
    """Return an interval in figures."""
    return f"{_short(item.interval[0])} to {_short(item.interval[1])}"


def _short(number: float, digits: int = 4) -> str:
    """Return a number with so many decimals below 10, and so many significant digits above; ? where it is not known.

    What hardly has any digits left in so many decimals has three of its own.
    """
    if not abs(number) < float("inf"):
        return "?"
    if 0.0 < abs(number) < 10.0 ** (1 - digits):
        return f"{number:.3g}"
    return f"{number:.{digits}f}" if abs(number) < 10 else f"{number:,.{max(digits, 4)}g}"
