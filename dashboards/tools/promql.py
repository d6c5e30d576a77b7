"""Expressions with Grafana's variables in them: filling these, and walking what the parser makes of the rest."""

import re

VARIABLE = re.compile(r"\$\{(\w+)(?::\w+)?\}|\$(\w+)")
CHILDREN = ("lhs", "rhs", "expr", "param", "vector_selector")
LABEL_VALUES = re.compile(r"^label_values\((?:(?P<selector>.+),\s*)?(?P<label>\w+)\)$", re.DOTALL)


def variables(text):
    """The names of the variables in a text."""
    return {braced or plain for braced, plain in VARIABLE.findall(text)}


def fill(text, filling):
    """Puts values in the place of variables; one that is not known is an error."""
    return VARIABLE.sub(lambda found: filling[found[1] or found[2]], text)


def parse(expr):
    """The tree of an expression of which only durations are filled; raises ValueError."""
    # Only here: whoever asks a Prometheus needs no parser.
    import promql_parser

    return promql_parser.parse(fill(expr, {name: DURATIONS.get(name, f"${name}") for name in variables(expr)}))


DURATIONS = {"__rate_interval": "4s", "__range": "900s"}


def nodes(node, above=()):
    """Every node of a tree, each with those above it."""
    yield node, above
    below = (*above, node)
    for name in CHILDREN:
        child = getattr(node, name, None)
        if child is not None:
            yield from nodes(child, below)
    for child in getattr(node, "args", None) or ():
        yield from nodes(child, below)


def kind(node):
    return type(node).__name__


def selectors(tree):
    """Every selector of series, with what is above it."""
    return [(node, above) for node, above in nodes(tree) if kind(node) == "VectorSelector"]


def matchers(selector):
    return {(matcher.name, str(matcher.op).removeprefix("MatchOp."), matcher.value) for matcher in selector.matchers.matchers}


def functions(above):
    return {node.func.name for node in above if kind(node) == "Call"}


def is_sum(above):
    """Whether a selector is a factor of a product that `delta` is taken of: a mean since the start times its count."""
    return any(kind(node) == "BinaryExpr" and str(node.op) == "*" for node in above) and "delta" in functions(above)


def label_values(text):
    """The selector and the label that a variable asks for, or None."""
    found = LABEL_VALUES.match(text)
    return found and (found["selector"], found["label"])
