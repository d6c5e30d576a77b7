"""What Prometheus scrapes, on one host and in the network of compose.yaml, and how Grafana finds it."""

# Of the data source; dashboards choose it until somebody chooses another.
UID = "tribunal-prometheus"
# How far scrapes of agents and coordinator are apart, and those of brokers, in seconds.
SCRAPE = 1
BROKER_SCRAPE = 5

SCRAPES = """\
# {title}
# Made by dashboards/build; change dashboards/tools/prometheus.py.

global:
  # Agents renew what they tell once a second, and a trial lasts tens of seconds: rarer scrapes would show little of it.
  # What a scrape costs is in BENCHMARKS.md.
  scrape_interval: {scrape}s
  scrape_timeout: {scrape}s

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
    scrape_interval: {broker_scrape}s
    scrape_timeout: {broker_scrape}s
    static_configs:
      - targets: [{brokers}]
"""


DATASOURCE = """\
# Made by dashboards/build; change dashboards/tools/prometheus.py.
apiVersion: 1

datasources:
  - name: Prometheus
    uid: {uid}
    type: prometheus
    access: proxy
    url: $__env{{PROMETHEUS_URL}}
    isDefault: true
    editable: false
    jsonData:
      httpMethod: POST
      # What $__rate_interval is made of: rates are taken over four scrapes.
      timeInterval: {scrape}s
"""


def scrapes(title, coordinator, brokers):
    return SCRAPES.format(
        title=title,
        coordinator=coordinator,
        brokers=", ".join(f'"{broker}"' for broker in brokers),
        scrape=SCRAPE,
        broker_scrape=BROKER_SCRAPE,
    )


def loopback():
    title = "Coordinator, agents and the brokers of `dev/kafka up --brokers 3 --jmx`, all on this host."
    return scrapes(title, "127.0.0.1", [f"127.0.0.1:{port}" for port in range(19101, 19104)])


def compose():
    return scrapes("Coordinator, agents and brokers of compose.yaml.", "coordinator", [f"kafka-{i}:9404" for i in (1, 2, 3)])


def datasource():
    return DATASOURCE.format(uid=UID, scrape=SCRAPE)
