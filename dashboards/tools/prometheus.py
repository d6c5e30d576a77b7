"""What Prometheus scrapes: on one host, and in the network of compose.yaml."""

TEMPLATE = """\
# {title}
# Made by dashboards/build; change dashboards/tools/prometheus.py.

global:
  # Agents renew what they tell once a second, and a trial lasts tens of seconds: rarer scrapes would show little of it.
  # What a scrape costs is in BENCHMARKS.md.
  scrape_interval: 1s
  scrape_timeout: 1s

scrape_configs:
  # Agents come and go: the coordinator knows them, and tells itself too. They bring the labels job and agent.
  - job_name: tribunal
    honor_labels: true
    http_sd_configs:
      - url: http://{coordinator}:7652/targets
        # By default it would be a minute until a new agent is scraped.
        refresh_interval: 5s

  # Brokers by the JMX exporter (docs/brokers.md). A scrape costs a broker processor time that is missing on the produce
  # path, so it is done no more often than its graphs need.
  - job_name: kafka
    scrape_interval: 5s
    scrape_timeout: 4s
    static_configs:
      - targets: [{brokers}]
"""


def make(title, coordinator, brokers):
    return TEMPLATE.format(title=title, coordinator=coordinator, brokers=", ".join(brokers))


def loopback():
    title = "Coordinator, agents and the brokers of `dev/kafka up --brokers 3 --jmx`, all on this host."
    return make(title, "127.0.0.1", [f'"127.0.0.1:{port}"' for port in range(19101, 19104)])


def compose():
    title = "Coordinator, agents and brokers of compose.yaml."
    return make(title, "coordinator", [f'"kafka-{number}:9404"' for number in (1, 2, 3)])
