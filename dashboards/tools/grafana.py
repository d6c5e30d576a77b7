"""What our panels, variables and dashboards look like in Grafana's JSON (schema version 42)."""

import prometheus

WIDE = 24
SOURCE = {"type": "prometheus", "uid": "${datasource}"}
# What Grafana calls the choice of everything; `allValue` is what a query gets then.
EVERYTHING = {"selected": True, "text": ["All"], "value": ["$__all"]}
QUIET = {"legend": False, "tooltip": False, "viz": False}
LEGEND = {"calcs": [], "displayMode": "list", "placement": "bottom", "showLegend": True}


def query(expr, legend="", *, step=None, instant=False, shape="time_series"):
    """One query. `step` is the least distance of its points: that of the scrapes, where they are rarer than a second."""
    target = {
        "datasource": SOURCE,
        "editorMode": "code",
        "expr": expr,
        "format": shape,
        "instant": instant,
        "legendFormat": legend,
        "range": not instant,
        "refId": "A",
    }
    if step:
        target["interval"] = step
    return target


def panel(kind, title, description, queries, size, *, options, defaults, overrides=()):
    """A panel of any kind, without its place."""
    for index, target in enumerate(queries):
        target["refId"] = chr(ord("A") + index)
    width, height = size
    return {
        "type": kind,
        "title": title,
        "description": description,
        "datasource": SOURCE,
        "gridPos": {"h": height, "w": width, "x": 0, "y": 0},
        "fieldConfig": {"defaults": defaults, "overrides": list(overrides)},
        "options": options,
        "targets": list(queries),
    }


def steps(limits):
    """Green, from the first limit on yellow, from the second on red; one limit alone is red."""
    colours = ["yellow", "red"][-len(limits) :] if limits else []
    marks = [{"color": "green", "value": None}]
    marks += [{"color": colour, "value": limit} for colour, limit in zip(colours, limits)]
    return {"mode": "absolute", "steps": marks}


def series(title, unit, description, *queries, size=(12, 8), stacked=False, most=None, limits=(), colours=None):
    """Curves over time. `limits` are drawn as dashed lines, `colours` are those of named curves."""
    defaults = {
        "color": {"mode": "palette-classic"},
        "custom": {
            "drawStyle": "line",
            "fillOpacity": 40 if stacked else 8,
            "lineInterpolation": "linear",
            "lineWidth": 1,
            "pointSize": 4,
            "showPoints": "auto",
            "spanNulls": False,
            "stacking": {"group": "A", "mode": "normal" if stacked else "none"},
            "thresholdsStyle": {"mode": "dashed" if limits else "off"},
        },
        "min": 0,
        "thresholds": steps(limits),
        "unit": unit,
    }
    if most is not None:
        defaults["max"] = most
    overrides = [
        {
            "matcher": {"id": "byName", "options": name},
            "properties": [{"id": "color", "value": {"fixedColor": colour, "mode": "fixed"}}],
        }
        for name, colour in (colours or {}).items()
    ]
    options = {"legend": LEGEND, "tooltip": {"hideZeros": False, "mode": "multi", "sort": "desc"}}
    return panel("timeseries", title, description, queries, size, options=options, defaults=defaults, overrides=overrides)


def heatmap(title, unit, description, expr, *, count="short", size=(12, 8)):
    """The buckets of a histogram over time; `unit` is that of the bounds, `count` that of what a cell holds."""
    options = {
        "calculate": False,
        "cellGap": 1,
        "cellValues": {"unit": count},
        "color": {
            "exponent": 0.5,
            "fill": "dark-orange",
            "mode": "scheme",
            "reverse": False,
            "scale": "exponential",
            "scheme": "Oranges",
            "steps": 64,
        },
        "exemplars": {"color": "rgba(255,0,255,0.7)"},
        "filterValues": {"le": 1e-9},
        "legend": {"show": True},
        "rowsFrame": {"layout": "auto"},
        "showValue": "never",
        "tooltip": {"mode": "single", "showColorScale": False, "yHistogram": True},
        "yAxis": {"axisPlacement": "left", "reverse": False, "unit": unit},
    }
    defaults = {"custom": {"hideFrom": QUIET, "scaleDistribution": {"type": "linear"}}, "unit": unit}
    target = query(expr, "{{le}}", shape="heatmap")
    return panel("heatmap", title, description, [target], size, options=options, defaults=defaults)


def stat(title, unit, description, *queries, size=(6, 4), limits=(), graph=True):
    """The last value, large."""
    options = {
        "colorMode": "value",
        "graphMode": "area" if graph else "none",
        "justifyMode": "auto",
        "orientation": "auto",
        "percentChangeColorMode": "standard",
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
        "showPercentChange": False,
        "textMode": "auto",
        "wideLayout": True,
    }
    defaults = {"color": {"mode": "thresholds"}, "decimals": 0, "min": 0, "thresholds": steps(limits), "unit": unit}
    return panel("stat", title, description, queries, size, options=options, defaults=defaults)


def timeline(title, description, target, states, *, size=(12, 8)):
    """Which of the states, numbered from 1 on, each series was in."""
    mapping = {
        str(number): {"color": colour, "index": number - 1, "text": text}
        for number, (text, colour) in enumerate(states, start=1)
    }
    defaults = {
        "color": {"mode": "thresholds"},
        "custom": {"fillOpacity": 80, "hideFrom": QUIET, "lineWidth": 0},
        "mappings": [{"options": mapping, "type": "value"}],
        "thresholds": steps(()),
        "unit": "none",
    }
    options = {
        "alignValue": "left",
        "legend": LEGEND,
        "mergeValues": True,
        "rowHeight": 0.9,
        "showValue": "auto",
        "tooltip": {"mode": "single", "sort": "none"},
    }
    return panel("state-timeline", title, description, [target], size, options=options, defaults=defaults)


def table(title, description, target, columns, *, size=(12, 8)):
    """The labels of the series, one line for each."""
    defaults = {
        "custom": {"align": "left", "cellOptions": {"type": "auto"}, "inspect": False},
        "thresholds": steps(()),
        "unit": "string",
    }
    options = {"cellHeight": "sm", "showHeader": True}
    made = panel("table", title, description, [target], size, options=options, defaults=defaults)
    order = {name: index for index, name in enumerate(columns)}
    hidden = {"Time": True, "Value": True}
    made["transformations"] = [
        {"id": "organize", "options": {"excludeByName": hidden, "indexByName": order, "renameByName": {}}}
    ]
    return made


def row(title):
    """The head of the panels that follow."""
    return {"type": "row", "title": title, "collapsed": False, "panels": [], "gridPos": {"h": 1, "w": WIDE, "x": 0, "y": 0}}


def source():
    """The variable that every query's data source comes from."""
    return {
        "current": {"selected": True, "text": "Prometheus", "value": prometheus.UID},
        "hide": 0,
        "includeAll": False,
        "label": "Data source",
        "multi": False,
        "name": "datasource",
        "options": [],
        "query": "prometheus",
        "refresh": 1,
        "regex": "",
        "type": "datasource",
    }


def values(name, label, description, of, *, single=False, sort=7):
    """A variable: the values of a label, asked for again whenever the time range moves. Sorted as people count; 8 is last first."""
    made = {
        "datasource": SOURCE,
        "description": description,
        "hide": 0,
        "includeAll": not single,
        "label": label,
        "multi": not single,
        "name": name,
        "options": [],
        "query": {"qryType": 1, "query": of, "refId": "PrometheusVariableQueryEditor-VariableQuery"},
        "refresh": 2,
        "regex": "",
        "sort": sort,
        "type": "query",
    }
    if not single:
        made |= {"allValue": ".+", "current": EVERYTHING}
    return made


def annotation(name, colour, expr, title, text):
    """A span of time over all panels: as long as the expression has a value above 0."""
    return {
        "datasource": SOURCE,
        "enable": True,
        "hide": False,
        "iconColor": colour,
        "name": name,
        "target": {"expr": expr, "interval": "1s", "refId": "Anno"},
        "textFormat": text,
        "titleFormat": title,
    }


def placed(parts):
    """Numbers the panels and puts them into lines from left to right; a row begins a new line."""
    x = y = tallest = 0
    for number, part in enumerate(parts, start=1):
        place = part["gridPos"]
        if x + place["w"] > WIDE:
            x, y, tallest = 0, y + tallest, 0
        place["x"], place["y"] = x, y
        x, tallest = x + place["w"], max(tallest, place["h"])
        part["id"] = number
    return parts


def dashboard(uid, title, description, variables, annotations, parts):
    """A whole dashboard."""
    return {
        "annotations": {"list": annotations},
        "description": description,
        "editable": False,
        "fiscalYearStartMonth": 0,
        "graphTooltip": 1,
        "id": None,
        "links": [
            {
                "asDropdown": False,
                "icon": "external link",
                "includeVars": False,
                "keepTime": True,
                "tags": ["tribunal"],
                "targetBlank": False,
                "title": "",
                "tooltip": "",
                "type": "dashboards",
            }
        ],
        "panels": placed(parts),
        "preload": False,
        "refresh": "5s",
        "schemaVersion": 42,
        "tags": ["kafka", "tribunal"],
        "templating": {"list": variables},
        "time": {"from": "now-15m", "to": "now"},
        "timepicker": {},
        "timezone": "browser",
        "title": title,
        "uid": uid,
        "version": 1,
    }
