//! The examples in the help of the verbs.

pub(super) const GENERAL: &str = "\
Examples:
  tribunal demo                       a whole experiment on a mock broker, on this host
  tribunal plan init > plan.toml      a commented plan to start from
  tribunal plan check plan.toml       what it would do; touches no cluster
  tribunal run plan.toml --local 2    run it with two agents on this host

On many hosts, each with a certificate from `tribunal certs` and told of it by TRIBUNAL_TLS__CA, \
TRIBUNAL_TLS__CERTIFICATE and TRIBUNAL_TLS__KEY: one coordinator, agents that dial it, a command line from anywhere:
  tribunal coordinator --listen 10.0.0.5:7651
  tribunal agent --coordinator https://10.0.0.5:7651
  tribunal run plan.toml --coordinator https://10.0.0.5:7651";

pub(super) const DEMO: &str = "\
Examples:
  tribunal demo
  tribunal demo --out /tmp/my-first-report";

pub(super) const RUN: &str = "\
Examples:
  tribunal run plan.toml --local 2
  tribunal run plan.toml --coordinator https://10.0.0.5:7651
  tribunal run plan.toml --local 2 --set workload.rate=20k/s --set window.measure=10s
  tribunal run plan.toml --local 1 --format csv > results.csv
  tribunal run plan.toml --coordinator https://10.0.0.5:7651 --detach

Ctrl-C cancels the experiment and keeps its finished trials; a second Ctrl-C leaves at once. When the \
connection to the coordinator is lost the experiment goes on, and `tribunal watch ID` attaches again.";

pub(super) const CALIBRATE: &str = "\
Examples:
  tribunal calibrate plan.toml --local 2
  tribunal calibrate plan.toml --coordinator https://10.0.0.5:7651
  tribunal calibrate --local 1                        common record sizes and codecs

Each agent drives the plan's producers against a null sink on its own host, about 12 s for each kind of cell: first in \
a closed loop, which gives its ceiling, then paced at 70 % of that. Trials of the plan above 70 % of a ceiling are \
flagged before they run. No record goes to the plan's cluster.";

pub(super) const SELFTEST: &str = "\
Examples:
  tribunal selftest
  tribunal selftest --only 1,4,18

Runs known experiments on this host in under three minutes, against a scripted broker inside this program, and prints a \
certificate with measured against expected. It is kept where agents of this host find it, and reports carry it. Each \
experiment holds, fails, or finds the host too noisy to judge. Ends with 0 when all hold, 1 when one fails, 3 when the \
host is too noisy for one and none fails.";

pub(super) const COORDINATOR: &str = "\
Examples:
  tribunal coordinator
  tribunal coordinator --listen 0.0.0.0:7651 --http 0.0.0.0:7652 --store /var/lib/tribunal

Without TLS it listens on loopback only. With --tls-ca, --tls-certificate and --tls-key (`tribunal certs` makes them) \
it lets in who has a certificate of the same CA; each of them may start load tests. HTTP needs one as well, but on \
loopback.";

pub(super) const AGENT: &str = "\
Examples:
  tribunal agent --coordinator https://10.0.0.5:7651
  tribunal agent --coordinator https://10.0.0.5:7651 --name rack1-a --metrics 0.0.0.0:7653";

pub(super) const CERTS_INIT: &str = "\
Examples:
  tribunal certs init
  tribunal certs init --dir /root/tribunal-certs

Writes ca.pem, which goes to every host, and ca.key, which stays where certificates are issued: who has it can make \
certificates for everybody. The CA lasts ten years.";

pub(super) const CERTS_ISSUE: &str = "\
Examples:
  tribunal certs issue coordinator --host 10.0.0.5 --host tribunal.lab
  tribunal certs issue rack1-a
  tribunal certs issue kim --days 30
  tribunal certs issue rack1-a --renew

Writes NAME.pem and NAME.key, signed by the CA in the folder. The host that uses them needs both and ca.pem. A \
coordinator is dialled under a name that its certificate is for: NAME, where that is a DNS name, or one of --host. An \
agent's certificate lets in the agent of its NAME and no other.";

pub(super) const CERTS_SHOW: &str = "\
Example:
  tribunal certs show certs/rack1-a.pem";

pub(super) const CHECK: &str = "\
Examples:
  tribunal plan check plan.toml
  tribunal plan check plan.toml --set 'factors.linger.ms=[0, 5, 50]'
  tribunal plan check plan.toml --format csv";

pub(super) const INIT: &str = "\
Example:
  tribunal plan init > plan.toml";

pub(super) const DOCTOR: &str = "\
Examples:
  tribunal doctor
  tribunal doctor --format json

Nothing is changed. Sleeps, the clock and the load of the host are measured for about a second.";

pub(super) const DRIVERS_INSTALL: &str = "\
Examples:
  tribunal drivers install
  tribunal drivers install python
  tribunal drivers install java --drivers /opt/tribunal/drivers

python needs Python 3.9 or newer with venv and headers and a C compiler, java a JDK 17 or newer and Maven, go Go 1.24 or newer; each its registry.";

pub(super) const DRIVERS_CHECK: &str = "\
Examples:
  tribunal drivers check
  tribunal drivers check --cluster 127.0.0.1:19092
  tribunal drivers check java franz-go --cluster b1:9093 --property security.protocol=ssl --property ssl.ca.location=ca.pem

Each client sends 500 records a second for three seconds: without --cluster to the known broker of the self-test, which is
no Kafka. librdkafka's mock cluster is too old for kafka-python, the Java client and franz-go.";

pub(super) const DRIVERS_PROPERTIES: &str = "\
Example:
  tribunal drivers properties";

pub(super) const AGENTS: &str = "\
Examples:
  tribunal agents
  tribunal agents --coordinator https://10.0.0.5:7651 --format json";

pub(super) const EXPERIMENTS: &str = "\
Examples:
  tribunal experiments
  tribunal experiments --coordinator https://10.0.0.5:7651 --format csv";

pub(super) const WATCH: &str = "\
Examples:
  tribunal watch 3f9a01bc
  tribunal watch 3f9a01bc --coordinator https://10.0.0.5:7651 --out ./results

ID is an experiment's id or a part of it of at least four characters. As in `tribunal run`, \
Ctrl-C cancels the experiment; a second Ctrl-C leaves at once.";

pub(super) const CANCEL: &str = "\
Example:
  tribunal cancel 3f9a01bc --coordinator https://10.0.0.5:7651";

pub(super) const REPORT: &str = "\
Examples:
  tribunal report 3f9a01bc
  tribunal report 3f9a01bc --format csv > results.csv
  tribunal report 3f9a01bc --coordinator https://10.0.0.5:7651 --out ./results";

pub(super) const COMPARE: &str = "\
Examples:
  tribunal compare 3f9a01bc 7be2c410
  tribunal compare ./results/before ./results/after/report.json --threshold 5%
  tribunal compare 3f9a01bc:1 3f9a01bc:4                          two cells of one experiment
  tribunal compare 3f9a01bc:linger.ms=5,acks=all 7be2c410         a cell and its like
  tribunal compare 3f9a01bc 7be2c410 --format markdown > comparison.md

CELL is the cell's number, as report.csv has it, or levels that only one cell has. Two experiments share no blocks: what \
the platform did between them is in the ratios and in no interval; the canaries of both tell of it. Ends with 0 when \
nothing is worse by the threshold, 1 when something is, 3 when that cannot be told, and 2 when the two were not measured \
alike, unless --despite-differences is given.";

pub(super) const RESUME: &str = "\
Examples:
  tribunal resume 3f9a01bc --local 2
  tribunal resume 3f9a01bc --coordinator https://10.0.0.5:7651

The experiment goes on after its last finished trial; topics that interrupted attempts left are removed.";
