"""Our own rules for dashboards, and which metrics there are.

usage: rules.py [--metrics FILE]… DASHBOARD.json…

Prints what is wrong, one line each; exits with 1 when something is.
"""

import json
import re
import sys
from pathlib import Path

import promql
from conditional import CONDITIONAL
from shared import BROKER_STEP

# Letter for letter: dashboards of the first hour rely on them.
GIVEN_TITLE = "Kafka Producer Tuning"
GIVEN_RANGE = {"from": "now-15m", "to": "now"}
GIVEN = (
    ("Producer Message Rate per Client", 'kafka_producer_message_rate{topic="$topic"}', "{{client_id}}"),
    ("Total Message Rate per Topic", "sum by (topic) (kafka_producer_message_rate)", "{{topic}}"),
    ("Error Rate per Client", 'kafka_producer_error_rate{topic="$topic"}', "{{client_id}}"),
)

# Those in use, of Grafana's categories; what begins with `suffix:` is words behind the number.
UNITS = {"none", "short", "string", "s", "recps", "reqps", "cps", "Bps", "bytes", "percentunit"}
# Prometheus' own, of each target.
OWN = {"up": "gauge", "scrape_duration_seconds": "gauge"}
BUILT_IN = {"__rate_interval", "__range"}
# What makes of a counter something that can be looked at.
OF_COUNTERS = {"rate", "increase"}
# The last one is a subquery, whose step is that of the scrapes of brokers.
WINDOWS = {"$__rate_interval", "$__range", f"$__rate_interval:{BROKER_STEP}"}
PARTS = {"histogram": ("_bucket", "_sum", "_count"), "summary": ("_sum", "_count")}
TYPES = {"counter", "gauge", "histogram", "summary"}

ROW = re.compile(r"^\|\s*`(?P<name>[a-z_:][a-z0-9_:]*)(?:\{[^`]*)?`\s*\|(?P<rest>.*)$", re.MULTILINE)
CATALOGUED = re.compile(r"^\s*\w+: (?P<type>[A-Z]+) \w+ \"(?P<name>\w+)\"", re.MULTILINE)
LEGEND = re.compile(r"\{\{\s*(\w+)\s*\}\}")


def metrics(files):
    """Every metric that the files tell of, with its type: `| `name` | type | …` in Markdown, or the catalogue itself."""
    known = dict(OWN)
    for file in files:
        text = Path(file).read_text(encoding="utf-8")
        if file.endswith(".rs"):
            found = [(row["name"], row["type"].lower()) for row in CATALOGUED.finditer(text)]
        else:
            found = [(row["name"], told_type(row["rest"])) for row in ROW.finditer(text)]
        if not found:
            raise SystemExit(f"{file} tells of no metric")
        for name, kind in found:
            known[name] = kind
            known |= {name + part: "counter" for part in PARTS.get(kind, ())}
    return known


def told_type(cells):
    return next((cell for cell in (cell.strip(" `") for cell in cells.split("|")) if cell in TYPES), "gauge")


class Rules:
    """Everything that is wrong with one dashboard."""

    def __init__(self, dashboard, known):
        self.dashboard = dashboard
        self.known = known
        self.wrong = []
        self.used = set()

    def check(self):
        self.frame()
        panels = [panel for panel in self.dashboard["panels"] if panel["type"] != "row"]
        self.places(self.dashboard["panels"])
        self.given(panels)
        for panel in panels:
            self.panel(panel)
        for annotation in self.dashboard["annotations"]["list"]:
            where = f"annotation {annotation['name']}"
            self.source(where, annotation)
            self.expression(where, annotation["target"]["expr"])
        self.variables()
        self.conditional(panels)
        return [f"{self.dashboard.get('title')}: {line}" for line in self.wrong]

    def demand(self, holds, where, complaint):
        if not holds:
            self.wrong.append(f"{where}: {complaint}")

    def frame(self):
        self.demand(self.dashboard.get("editable") is False, "dashboard", "editable is not false")
        for key in ("title", "uid", "description"):
            self.demand(self.dashboard.get(key), "dashboard", f"has no {key}")

    def places(self, panels):
        taken = {}
        for panel in panels:
            where, place = panel.get("title"), panel["gridPos"]
            self.demand(place["x"] + place["w"] <= 24, where, "reaches over the right edge")
            for x in range(place["x"], place["x"] + place["w"]):
                for y in range(place["y"], place["y"] + place["h"]):
                    other = taken.setdefault((x, y), panel["id"])
                    if other != panel["id"]:
                        self.demand(False, where, f"lies over panel {other}")
                        return
        for what in ("id", "title"):
            told = [panel.get(what) for panel in panels]
            self.demand(len(set(told)) == len(told), "dashboard", f"two panels have the same {what}")

    def given(self, panels):
        if self.dashboard.get("title") != GIVEN_TITLE:
            return
        first = [
            (panel.get("title"), panel["targets"][0]["expr"], panel["targets"][0]["legendFormat"])
            for panel in panels[: len(GIVEN)]
            if len(panel["targets"]) == 1
        ]
        self.demand(tuple(first) == GIVEN, "dashboard", "the three given panels are not the first ones, letter for letter")
        self.demand(self.dashboard.get("time") == GIVEN_RANGE, "dashboard", "does not show the last 15 minutes")

    def panel(self, panel):
        where = panel.get("title") or f"panel {panel.get('id')}"
        self.demand(panel.get("title"), where, "has no title")
        self.demand(len(panel.get("description") or "") > 20, where, "has no description")
        unit = panel["fieldConfig"]["defaults"].get("unit") or ""
        self.demand(unit in UNITS or unit.startswith("suffix: "), where, f"has the unit {unit!r}")
        self.source(where, panel)
        self.demand(panel.get("targets"), where, "asks nothing")
        for target in panel.get("targets", ()):
            place = f"{where}, {target['refId']}"
            self.source(place, target)
            self.expression(place, target["expr"], target["legendFormat"])

    def source(self, where, what):
        self.demand(what.get("datasource") == {"type": "prometheus", "uid": "${datasource}"}, where, "has a fixed data source")

    def expression(self, where, expr, legend=None):
        self.used |= promql.variables(expr)
        try:
            tree = promql.parse(expr)
        except ValueError as error:
            self.demand(False, where, f"does not parse: {error}")
            return
        for window in re.findall(r"\[([^\]]*)\]", expr):
            self.demand(window in WINDOWS, where, f"looks over a fixed [{window}]")
        exempt = any(expr == given for _, given, _ in GIVEN)
        for selector, above in promql.selectors(tree):
            self.selector(where, selector, above, exempt)
        if legend:
            self.legend(where, tree, legend)

    def selector(self, where, selector, above, exempt):
        name, functions = selector.name, promql.functions(above)
        kind = self.known.get(name)
        self.demand(kind, where, f"there is no metric {name}")
        if promql.is_sum(above):
            pass
        elif kind == "counter" or re.search(r"_(total|bucket|sum|count)$", name or ""):
            self.demand(functions & OF_COUNTERS, where, f"{name} is a bare counter")
        elif kind:
            self.demand(not functions & OF_COUNTERS, where, f"{name} is no counter and has no rate")
        if not exempt:
            for label in ("job", "instance"):
                demanded = (label, "Re", f"${label}") in promql.matchers(selector)
                self.demand(demanded, where, f'{name} is without {label}=~"${label}"')

    def legend(self, where, tree, legend):
        """A label that the outermost aggregation drops would be an empty word."""
        outermost = next((node for node, _ in promql.nodes(tree) if promql.kind(node) == "AggregateExpr"), None)
        if outermost is None:
            return
        kept = set(outermost.modifier.labels) if outermost.modifier else set()
        for label in LEGEND.findall(legend):
            self.demand(label in kept, where, f"the legend has {label}, the query drops it")

    def variables(self):
        variables = {variable["name"]: variable for variable in self.dashboard["templating"]["list"]}
        source = variables.get("datasource", {})
        self.demand(
            source.get("type") == "datasource" and source.get("query") == "prometheus", "variables", "no data source to choose"
        )
        self.used.add("datasource")
        for name in ("job", "instance"):
            variable = variables.get(name, {})
            whole = variable.get("multi") and variable.get("includeAll") and variable.get("refresh") == 2
            self.demand(whole, f"variable {name}", "is not there, not for several, or not renewed with the time range")
        for name, variable in variables.items():
            if variable["type"] != "query":
                continue
            where = f"variable {name}"
            self.source(where, variable)
            asked = promql.label_values(variable["query"]["query"])
            self.demand(asked, where, "does not ask for the values of a label")
            if asked and asked[0]:
                self.used |= promql.variables(asked[0])
                for selector, _ in promql.selectors(promql.parse(asked[0])):
                    self.demand(selector.name in self.known, where, f"there is no metric {selector.name}")
        for name in sorted(self.used - BUILT_IN - variables.keys()):
            self.demand(False, "variables", f"${name} is used and not defined")
        for name in sorted(variables.keys() - self.used):
            self.demand(False, "variables", f"${name} is defined and not used")

    def conditional(self, panels):
        titles = {panel.get("title") for panel in panels}
        for title in CONDITIONAL.get(self.dashboard.get("uid"), {}):
            self.demand(title in titles, "conditional", f"there is no panel {title!r}")


def main(arguments):
    files, dashboards = [], []
    while arguments:
        argument = arguments.pop(0)
        if argument == "--metrics":
            files.append(arguments.pop(0))
        else:
            dashboards.append(argument)
    known = metrics(files)
    wrong = []
    for file in dashboards:
        wrong += Rules(json.loads(Path(file).read_text(encoding="utf-8")), known).check()
    for line in wrong:
        print(line)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
