"""Plants faults into sound dashboards, and demands that the rules find each; writes others for the types to find.

usage: faults.py [--metrics FILE]… --types-into FOLDER DASHBOARD.json…
"""

import copy
import json
import sys
from pathlib import Path

import rules

PRODUCERS, FLEET = "kafka-producer-tuning", "tribunal-fleet"


def panel(dashboard, title):
    return next(panel for panel in dashboard["panels"] if panel.get("title") == title)


def variable(dashboard, name):
    return next(variable for variable in dashboard["templating"]["list"] if variable["name"] == name)


def setting(path, value, title=None):
    """Sets a value, in the dashboard or in one of its panels."""

    def plant(dashboard):
        at = panel(dashboard, title) if title else dashboard
        *above, last = path
        for key in above:
            at = at[key]
        if value is None:
            del at[last]
        else:
            at[last] = value

    return plant


def saying(title, old, new):
    """Changes the first query of a panel."""

    def plant(dashboard):
        target = panel(dashboard, title)["targets"][0]
        assert old in target["expr"], (title, old)
        target["expr"] = target["expr"].replace(old, new)

    return plant


def swapped(dashboard):
    first, second = dashboard["panels"][:2]
    dashboard["panels"][:2] = [second, first]


def without(name):
    return lambda dashboard: dashboard["templating"]["list"].remove(variable(dashboard, name))


IN_FLIGHT = "Records in Flight per Client"
MATCHED = 'job=~"$job",'

# The fault, the dashboard, and what has to be said of it.
OF_RULES = [
    (setting(["editable"], True), FLEET, "editable is not false"),
    (setting(["uid"], ""), FLEET, "has no uid"),
    (setting(["time", "from"], "now-1h"), PRODUCERS, "does not show the last 15 minutes"),
    (swapped, PRODUCERS, "letter for letter"),
    (saying("Producer Message Rate per Client", "$topic", "$Topic"), PRODUCERS, "letter for letter"),
    (setting(["targets", 0, "legendFormat"], "{{client}}", "Error Rate per Client"), PRODUCERS, "letter for letter"),
    (setting(["title"], "Total Message Rate Per Topic", "Total Message Rate per Topic"), PRODUCERS, "letter for letter"),
    (setting(["title"], "", IN_FLIGHT), PRODUCERS, "has no title"),
    (setting(["title"], "Records by Fate", IN_FLIGHT), PRODUCERS, "two panels have the same title"),
    (setting(["id"], 1, IN_FLIGHT), PRODUCERS, "two panels have the same id"),
    (setting(["description"], "", IN_FLIGHT), PRODUCERS, "has no description"),
    (setting(["fieldConfig", "defaults", "unit"], None, IN_FLIGHT), PRODUCERS, "has the unit ''"),
    (setting(["fieldConfig", "defaults", "unit"], "seconds", IN_FLIGHT), PRODUCERS, "has the unit 'seconds'"),
    (setting(["gridPos", "x"], 18, IN_FLIGHT), PRODUCERS, "reaches over the right edge"),
    (setting(["gridPos", "x"], 11, IN_FLIGHT), PRODUCERS, "lies over panel"),
    (setting(["targets"], [], IN_FLIGHT), PRODUCERS, "asks nothing"),
    (setting(["datasource", "uid"], "prometheus", IN_FLIGHT), PRODUCERS, "has a fixed data source"),
    (setting(["targets", 0, "datasource"], None, IN_FLIGHT), PRODUCERS, "has a fixed data source"),
    (saying(IN_FLIGHT, "sum by", "sum of"), PRODUCERS, "does not parse"),
    (saying(IN_FLIGHT, MATCHED, ""), PRODUCERS, 'is without job=~"$job"'),
    (saying(IN_FLIGHT, 'instance=~"$instance"', 'instance="$instance"'), PRODUCERS, 'is without instance=~"$instance"'),
    (saying(IN_FLIGHT, "in_flight", "inflight"), PRODUCERS, "there is no metric tribunal_producer_inflight_records"),
    (saying(IN_FLIGHT, "$client", "$klient"), PRODUCERS, "$klient is used and not defined"),
    (saying("Records by Fate", "$__rate_interval", "1m"), PRODUCERS, "looks over a fixed [1m]"),
    (saying("Records by Fate", "[$__rate_interval]", ""), PRODUCERS, "does not parse"),
    (saying("Records by Fate", "rate(", "avg_over_time("), PRODUCERS, "is a bare counter"),
    (saying("Void Attempts", "round(sum (increase(", "round(sum (max_over_time("), FLEET, "is a bare counter"),
    (saying("Connected Agents", "agents", "trials_total"), FLEET, "is a bare counter"),
    (saying("Mean Response Time, Split", "_sum", "_total"), PRODUCERS, "there is no metric"),
    (saying("Clock Bound", "tribunal_agent_clock_bound_seconds{", "tribunal_agent_cpu_seconds_total{"), FLEET, "is a bare counter"),
    (saying("Processor Time of the Hosts", "host_busy_seconds_total", "clock_bound_seconds"), FLEET, "is no counter"),
    (saying("Records by Fate", "by (fate)", "by (code)"), PRODUCERS, "the legend has fate, the query drops it"),
    (without("topic"), PRODUCERS, "$topic is used and not defined"),
    (without("instance"), FLEET, "variable instance: is not there"),
    (lambda dashboard: variable(dashboard, "job").update(refresh=1), FLEET, "variable job: is not there"),
    (lambda dashboard: variable(dashboard, "datasource").update(query="loki"), FLEET, "no data source to choose"),
    (lambda dashboard: variable(dashboard, "client").update(name="producer"), PRODUCERS, "$producer is defined and not used"),
    (setting(["annotations", "list", 0, "target", "expr"], "tribunal_phase"), PRODUCERS, "there is no metric tribunal_phase"),
    (setting(["title"], "Errors of Brokers", "Errors in Produce Answers"), PRODUCERS, "there is no panel"),
]

# The fault and the dashboard.
OF_TYPES = [
    (setting(["editabel"], False), FLEET),
    (setting(["refresh"], 5), FLEET),
    (setting(["panels", 0, "gridpos"], {}), PRODUCERS),
    (setting(["fieldConfig", "defaults", "custom", "drawStyle"], "lien", IN_FLIGHT), PRODUCERS),
    (setting(["fieldConfig", "defaults", "maximum"], 1, IN_FLIGHT), PRODUCERS),
    (setting(["options", "legend", "place"], "bottom", IN_FLIGHT), PRODUCERS),
    (setting(["options", "yaxis"], {}, "Response Time"), PRODUCERS),
    (setting(["options", "alignValue"], "top", "Phase of Each Agent"), FLEET),
    (setting(["options", "reduceOptions", "calc"], [], "Connected Agents"), FLEET),
    (setting(["options", "cellHeight"], "tiny", "Builds"), FLEET),
    (setting(["targets", 0, "legend"], "x", IN_FLIGHT), PRODUCERS),
    (setting(["collapsed"], "no", "Brokers"), PRODUCERS),
    (setting(["annotations", "list", 0, "titel"], "x"), PRODUCERS),
    (setting(["templating", "list", 1, "definition"], "x"), PRODUCERS),
]


def main(arguments):
    files, sound, folder = [], {}, None
    while arguments:
        argument = arguments.pop(0)
        if argument == "--metrics":
            files.append(arguments.pop(0))
        elif argument == "--types-into":
            folder = Path(arguments.pop(0))
        else:
            dashboard = json.loads(Path(argument).read_text(encoding="utf-8"))
            sound[dashboard["uid"]] = dashboard
    known = rules.metrics(files)
    missed = 0
    for number, (plant, uid, complaint) in enumerate(OF_RULES):
        faulty = copy.deepcopy(sound[uid])
        plant(faulty)
        found = rules.Rules(faulty, known).check()
        if not any(complaint in line for line in found):
            print(f"fault {number} is not found ({complaint!r}); the rules say {found}")
            missed += 1
    for number, (plant, uid) in enumerate(OF_TYPES):
        faulty = copy.deepcopy(sound[uid])
        plant(faulty)
        (folder / f"fault-{number}.json").write_text(json.dumps(faulty), encoding="utf-8")
    print(f"{len(OF_RULES) - missed} of {len(OF_RULES)} found by the rules; {len(OF_TYPES)} are for the types")
    return 1 if missed else 0


sys.exit(main(sys.argv[1:]))
