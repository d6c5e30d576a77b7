"""The dashboard of somebody who looks after coordinator and agents."""

from grafana import dashboard, heatmap, query, row, series, source, stat, table
from shared import (
    ANY,
    agents,
    phases,
    targets_variables,
)


def counted(name, by=""):
    """How often something happened in the time shown."""
    return f"round(sum{f' by ({by})' if by else ''} (increase({name}{{{ANY}}}[$__range])))"


def glance():
    return [
        stat(
            "Connected Agents",
            "none",
            "Agents that have a session to the coordinator now.",
            query(f"sum(tribunal_coordinator_agents{{{ANY}}})", "agents"),
            size=(4, 5),
        ),
        stat(
            "Experiments by State",
            "none",
            "Experiments in the coordinator's store.",
            query(f"sum by (state) (tribunal_coordinator_experiments{{{ANY}}})", "{{state}}"),
            size=(7, 5),
            graph=False,
        ),
        stat(
            "Finished Trials by Verdict",
            "none",
            "Trials that got a verdict in the time shown. An invalid one is no error of the settings on trial: its own "
            "measurement is in doubt, and the report says why.",
            query(counted("tribunal_coordinator_trials_total", "verdict"), "{{verdict}}", instant=True),
            size=(7, 5),
            graph=False,
        ),
        stat(
            "Void Attempts",
            "none",
            "Attempts of the time shown that lost an agent or did not begin together. Each is kept and made again.",
            query(counted("tribunal_coordinator_void_attempts_total"), "void attempts", instant=True),
            size=(3, 5),
            limits=(1,),
            graph=False,
        ),
        stat(
            "Dropped Samples",
            "none",
            "One-second samples of the time shown that did not reach a coordinator that was behind. Totals and histograms do "
            "not depend on them; graphs and progress have gaps.",
            query(counted("tribunal_agent_dropped_samples_total"), "samples", instant=True),
            size=(3, 5),
            limits=(1,),
            graph=False,
        ),
        phases((24, 8)),
    ]


def coordinator():
    return [
        row("Coordinator"),
        heatmap(
            "Start Skew",
            "s",
            "How far apart the agents of each attempt began, the bounds of their clocks included: a mark is an attempt. A "
            "trial gets a caveat above 5 ms and is void above 10 ms, unless its plan says otherwise.",
            f"sum by (le) (increase(tribunal_coordinator_start_skew_seconds_bucket{{{ANY}}}[$__rate_interval]))",
        ),
        heatmap(
            "Journal Sync",
            "s",
            "How long it took until entries of the journal were on disk. Nothing goes on before they are: a slow disk stretches "
            "the time between trials, never their windows.",
            f"sum by (le) (increase(tribunal_coordinator_journal_sync_seconds_bucket{{{ANY}}}[$__rate_interval]))",
        ),
    ]


def observation():
    return [
        row("Observation"),
        series(
            "Targets That Answer",
            "none",
            "1 while Prometheus gets an answer from a target that it knows. Agents come and go with their sessions to the "
            "coordinator: one that is gone has no curve.",
            query(f"min by (job, instance) (up{{{ANY}}})", "{{job}} {{instance}}"),
            size=(8, 8),
            most=1,
        ),
        series(
            "Scrape Duration",
            "s",
            "What observing costs: how long each answer takes. Agents and coordinator are asked once a second, brokers once in "
            "five.",
            query(f"max by (job, instance) (scrape_duration_seconds{{{ANY}}})", "{{job}} {{instance}}"),
            size=(8, 8),
            limits=(0.1,),
        ),
        table(
            "Builds",
            "Versions of all programs of ours. Agents and coordinator that do not fit together refuse each other; agents with "
            "different librdkafka measure different clients.",
            query(
                f"max by (job, agent, instance, version, librdkafka) (tribunal_build_info{{{ANY}}})",
                instant=True,
                shape="table",
            ),
            ["job", "agent", "instance", "version", "librdkafka"],
            size=(8, 8),
        ),
    ]


def make():
    return dashboard(
        "tribunal-fleet",
        "Tribunal Fleet",
        "Coordinator and agents: who is there, what they do, and whether they are fit to measure.",
        [source(), *targets_variables()],
        [],
        [*glance(), *coordinator(), *agents(), *observation()],
    )
