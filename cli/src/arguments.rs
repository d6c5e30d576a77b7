//! The command line: verbs, flags and their help.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use tribunal_model::client::{self, Client};
use tribunal_model::ids::AgentName;
use tribunal_model::plan::Override;
use tribunal_model::units;

use crate::exit;
use crate::settings::{AgentFlags, ClientFlags, CoordinatorFlags, Flags, LogFlags, TlsFlags};

mod examples;
#[cfg(test)]
mod tests;

const ABOUT: &str = "Kafka producer settings on trial: coordinated load tests whose numbers can be believed.";

/// What was typed.
#[derive(Debug, Parser)]
#[command(name = "tribunal", version, about = ABOUT, propagate_version = true, arg_required_else_help = true)]
#[command(after_help = joined(examples::GENERAL, exit::HELP), disable_help_subcommand = true)]
pub(crate) struct Arguments {
    /// Configuration file of the programs (TOML); there is none by default
    #[arg(long, global = true, value_name = "FILE", help_heading = "Every verb")]
    pub(crate) config: Option<PathBuf>,
    /// How log lines on standard error look: text or json
    #[arg(long, global = true, value_name = "FORMAT", help_heading = "Every verb")]
    log_format: Option<String>,
    /// What is logged: error, warn, info, debug, trace, or a filter such as `info,tribunal_agent=debug`
    #[arg(long, global = true, value_name = "LEVEL", help_heading = "Every verb")]
    log_level: Option<String>,
    /// Print every setting with its origin (default, file, environment, flag) and end
    #[arg(long, global = true, help_heading = "Every verb")]
    pub(crate) print_config: bool,
    #[command(subcommand)]
    pub(crate) verb: Option<Verb>,
}

/// What is to be done.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Run a small experiment on a mock broker, all on this host, in under a minute
    #[command(after_help = examples::DEMO)]
    Demo(Demo),
    /// Run a plan and write its report
    #[command(after_help = examples::RUN)]
    Run(Run),
    /// Check a plan, or print one to start from
    #[command(subcommand)]
    Plan(PlanVerb),
    /// Find out what agents manage by themselves, so that trials near it can be told
    #[command(after_help = examples::CALIBRATE)]
    Calibrate(Calibrate),
    /// Run the experiments that show that Tribunal's instruments are right on this host
    #[command(after_help = examples::SELFTEST)]
    Selftest(Selftest),
    /// Look for what on this host hurts measurements
    #[command(after_help = examples::DOCTOR)]
    Doctor(Doctor),
    /// Run the coordinator, which agents and command lines dial
    #[command(after_help = examples::COORDINATOR)]
    Coordinator(Coordinator),
    /// Run an agent, which drives the producers
    #[command(after_help = examples::AGENT)]
    Agent(Agent),
    /// Show the agents that are connected
    #[command(after_help = examples::AGENTS)]
    Agents(Agents),
    /// Show the experiments of the store, or of a coordinator
    #[command(after_help = examples::EXPERIMENTS)]
    Experiments(Experiments),
    /// Attach to an experiment
    #[command(after_help = examples::WATCH)]
    Watch(Watch),
    /// Cancel an experiment; its finished trials are kept
    #[command(after_help = examples::CANCEL)]
    Cancel(Cancel),
    /// Show the results of an experiment, or copy its folder
    #[command(after_help = examples::REPORT)]
    Report(Report),
    /// Hold an experiment, or a cell of it, against another one
    #[command(after_help = examples::COMPARE)]
    Compare(Compare),
    /// Go on with an interrupted experiment
    #[command(after_help = examples::RESUME)]
    Resume(Resume),
    /// Make the certificates of a lab: its own small CA, and what it signs
    #[command(subcommand)]
    Certs(CertsVerb),
    /// Install and check the drivers of other client libraries
    #[command(subcommand)]
    Drivers(DriversVerb),
    /// The load that the self-test stops for a while
    #[command(hide = true)]
    SelftestChild,
    /// librdkafka as a driver, on standard input and output
    #[command(hide = true)]
    Driver,
    /// A mock cluster that makes topics on request
    #[command(hide = true)]
    Mock(Mock),
}

/// What is to be done with a plan.
#[derive(Debug, Subcommand)]
pub(crate) enum PlanVerb {
    /// Show what a plan would do: cells, trials, wall time, bytes, warnings; touches no cluster
    #[command(after_help = examples::CHECK)]
    Check(Check),
    /// Print a commented plan
    #[command(after_help = examples::INIT)]
    Init,
}

/// What is to be done with drivers.
#[derive(Debug, Subcommand)]
pub(crate) enum DriversVerb {
    /// Make the environments of drivers from pinned versions
    #[command(after_help = examples::DRIVERS_INSTALL)]
    Install(DriversInstall),
    /// Run a short trial in each driver, and show what works
    #[command(after_help = examples::DRIVERS_CHECK)]
    Check(DriversCheck),
    /// Print what each client library calls the properties of a plan (Markdown)
    #[command(after_help = examples::DRIVERS_PROPERTIES)]
    Properties,
}

/// Where drivers are.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct DriversKept {
    /// The folder of the drivers of client libraries
    #[arg(long, value_name = "DIR")]
    drivers: Option<PathBuf>,
}

/// Which environments of drivers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Environments {
    /// confluent-kafka and kafka-python.
    Python,
    /// The Java client.
    Java,
    /// franz-go.
    Go,
    /// All of them.
    #[default]
    All,
}

/// `tribunal drivers install`.
#[derive(Debug, Args)]
pub(crate) struct DriversInstall {
    /// Which ones
    #[arg(value_enum, default_value_t)]
    pub(crate) which: Environments,
    #[command(flatten)]
    kept: DriversKept,
}

/// `tribunal drivers check`.
#[derive(Debug, Args)]
pub(crate) struct DriversCheck {
    /// The clients; all that are known by default
    #[arg(value_name = "CLIENT", value_parser = client)]
    pub(crate) clients: Vec<Client>,
    /// The cluster, HOST:PORT,...; the known broker of the self-test by default
    #[arg(long, value_name = "SERVERS")]
    pub(crate) cluster: Option<String>,
    /// A property of the cluster, as [cluster.properties] has it; may be given several times
    #[arg(long = "property", value_name = "NAME=VALUE", value_parser = property)]
    pub(crate) properties: Vec<(String, String)>,
    /// How the findings are printed
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub(crate) format: Format,
    #[command(flatten)]
    kept: DriversKept,
}

/// A client library by its name.
fn client(name: &str) -> Result<Client, String> {
    Client::named(name).ok_or_else(|| client::expected(name))
}

/// `NAME=VALUE`.
fn property(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("expected NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

/// What is to be done with certificates.
#[derive(Debug, Subcommand)]
pub(crate) enum CertsVerb {
    /// Make the CA that signs everybody's certificates
    #[command(after_help = examples::CERTS_INIT)]
    Init(CertsInit),
    /// Make the certificate of an agent, of the coordinator or of a person
    #[command(after_help = examples::CERTS_ISSUE)]
    Issue(CertsIssue),
    /// Show what a certificate says
    #[command(after_help = examples::CERTS_SHOW)]
    Show(CertsShow),
}

/// How data is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people.
    #[default]
    Table,
    /// For programs.
    Json,
    /// For spreadsheets.
    Csv,
}

/// Where the coordinator is.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct Dial {
    /// The coordinator's address, http://HOST:PORT or https://HOST:PORT
    #[arg(long, value_name = "URL")]
    coordinator: Option<String>,
    #[command(flatten)]
    tls: Certified,
}

/// What connections are secured with.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct Certified {
    /// The CA that signs the certificates of all (PEM)
    #[arg(long, value_name = "FILE", help_heading = "TLS")]
    tls_ca: Option<PathBuf>,
    /// The own certificate, signed by that CA (PEM)
    #[arg(long, value_name = "FILE", help_heading = "TLS")]
    tls_certificate: Option<PathBuf>,
    /// The private key of the own certificate (PEM)
    #[arg(long, value_name = "FILE", help_heading = "TLS")]
    tls_key: Option<PathBuf>,
    /// Go without TLS on a network where everybody may read along and start load tests
    #[arg(long, help_heading = "TLS")]
    allow_plaintext_network: bool,
}

/// Where experiments are kept.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct Kept {
    /// The folder that holds the experiments
    #[arg(long, value_name = "DIR")]
    store: Option<PathBuf>,
}

/// What becomes of the results.
#[derive(Clone, Debug, Args)]
pub(crate) struct Results {
    /// Where the experiment's folder is copied to; ./tribunal-NAME-ID by default
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// How the results are printed on standard output
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub(crate) format: Format,
    /// No progress on standard error; errors only
    #[arg(long, short)]
    pub(crate) quiet: bool,
}

/// `tribunal demo`.
#[derive(Debug, Args)]
pub(crate) struct Demo {
    #[command(flatten)]
    pub(crate) results: Results,
}

/// `tribunal run`.
#[derive(Debug, Args)]
pub(crate) struct Run {
    /// The plan; - reads it from standard input
    pub(crate) plan: PathBuf,
    /// Change a value of the plan; may be given several times
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = Override::parse)]
    pub(crate) set: Vec<Override>,
    /// Start a coordinator and N agents on this host for this experiment
    #[arg(long, value_name = "N", conflicts_with = "coordinator", value_parser = clap::value_parser!(u32).range(1..=64))]
    pub(crate) local: Option<u32>,
    #[command(flatten)]
    dial: Dial,
    #[command(flatten)]
    kept: Kept,
    #[command(flatten)]
    pub(crate) results: Results,
    /// Print the experiment's id and leave it to the coordinator
    #[arg(long, conflicts_with_all = ["local", "out"])]
    pub(crate) detach: bool,
    /// Allow more than 10,000 trials
    #[arg(long)]
    pub(crate) allow_large: bool,
}

/// `tribunal calibrate`.
#[derive(Debug, Args)]
pub(crate) struct Calibrate {
    /// The plan whose cells are wanted; - reads it from standard input; common record sizes and codecs without
    pub(crate) plan: Option<PathBuf>,
    /// Change a value of the plan; may be given several times
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = Override::parse)]
    pub(crate) set: Vec<Override>,
    /// Start a coordinator and N agents on this host for this
    #[arg(long, value_name = "N", conflicts_with = "coordinator", value_parser = clap::value_parser!(u32).range(1..=64))]
    pub(crate) local: Option<u32>,
    #[command(flatten)]
    dial: Dial,
    #[command(flatten)]
    kept: Kept,
    /// How the results are printed on standard output
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub(crate) format: Format,
    /// No progress on standard error; errors only
    #[arg(long, short)]
    pub(crate) quiet: bool,
    /// Allow more than 10,000 trials
    #[arg(long)]
    pub(crate) allow_large: bool,
}

/// `tribunal selftest`.
#[derive(Debug, Args)]
pub(crate) struct Selftest {
    /// Only the experiments of these numbers, for example 1,4,18
    #[arg(long, value_name = "NUMBERS", value_delimiter = ',')]
    pub(crate) only: Vec<u32>,
    /// Where the certificate is kept; certificate.json in the store by default
    #[arg(long, value_name = "FILE")]
    pub(crate) keep: Option<PathBuf>,
    #[command(flatten)]
    kept: Kept,
    /// How the certificate is printed on standard output
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub(crate) format: Format,
    /// No progress on standard error; errors only
    #[arg(long, short)]
    pub(crate) quiet: bool,
}

/// `tribunal doctor`.
#[derive(Debug, Args)]
pub(crate) struct Doctor {
    /// How the findings are printed
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub(crate) format: Format,
}

/// `tribunal resume`.
#[derive(Debug, Args)]
pub(crate) struct Resume {
    /// The experiment's id, or a part of it
    pub(crate) id: String,
    /// Start a coordinator and N agents on this host for this experiment
    #[arg(long, value_name = "N", conflicts_with = "coordinator", value_parser = clap::value_parser!(u32).range(1..=64))]
    pub(crate) local: Option<u32>,
    #[command(flatten)]
    dial: Dial,
    #[command(flatten)]
    kept: Kept,
    #[command(flatten)]
    pub(crate) results: Results,
}

/// `tribunal watch`.
#[derive(Debug, Args)]
pub(crate) struct Watch {
    /// The experiment's id, or a part of it
    pub(crate) id: String,
    #[command(flatten)]
    dial: Dial,
    #[command(flatten)]
    pub(crate) results: Results,
}

/// `tribunal cancel`.
#[derive(Debug, Args)]
pub(crate) struct Cancel {
    /// The experiment's id, or a part of it
    pub(crate) id: String,
    #[command(flatten)]
    dial: Dial,
}

/// `tribunal certs init`.
#[derive(Debug, Args)]
pub(crate) struct CertsInit {
    /// The folder of the certificates and keys
    #[arg(long, value_name = "DIR", default_value = "./certs")]
    pub(crate) dir: PathBuf,
}

/// `tribunal certs issue`.
#[derive(Debug, Args)]
pub(crate) struct CertsIssue {
    /// Whose certificate it is; an agent's is for the agent of this name only
    #[arg(value_parser = AgentName::new)]
    pub(crate) name: AgentName,
    /// A name or address under which it is dialled; may be given several times
    #[arg(long = "host", value_name = "HOST")]
    pub(crate) hosts: Vec<String>,
    /// How many days it is valid
    #[arg(long, value_name = "N", default_value_t = 365, value_parser = clap::value_parser!(u32).range(1..=3650))]
    pub(crate) days: u32,
    /// The folder of the CA, where certificate and key go as well
    #[arg(long, value_name = "DIR", default_value = "./certs")]
    pub(crate) dir: PathBuf,
    /// Replace the certificate and key that are there
    #[arg(long)]
    pub(crate) renew: bool,
}

/// `tribunal certs show`.
#[derive(Debug, Args)]
pub(crate) struct CertsShow {
    /// The certificate (PEM)
    pub(crate) file: PathBuf,
}

/// `tribunal plan check`.
#[derive(Debug, Args)]
pub(crate) struct Check {
    /// The plan; - reads it from standard input
    pub(crate) plan: PathBuf,
    /// Change a value of the plan; may be given several times
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = Override::parse)]
    pub(crate) set: Vec<Override>,
    /// How the cells are printed
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub(crate) format: Format,
    /// Allow more than 10,000 trials
    #[arg(long)]
    pub(crate) allow_large: bool,
}

/// `tribunal agents`.
#[derive(Debug, Args)]
pub(crate) struct Agents {
    #[command(flatten)]
    dial: Dial,
    /// How the agents are printed
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub(crate) format: Format,
}

/// `tribunal experiments`.
#[derive(Debug, Args)]
pub(crate) struct Experiments {
    #[command(flatten)]
    dial: Dial,
    #[command(flatten)]
    kept: Kept,
    /// How the experiments are printed
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub(crate) format: Format,
}

/// `tribunal report`.
#[derive(Debug, Args)]
pub(crate) struct Report {
    /// The experiment's id, or a part of it
    pub(crate) id: String,
    #[command(flatten)]
    dial: Dial,
    #[command(flatten)]
    kept: Kept,
    /// Copy the experiment's folder there instead of printing
    #[arg(long, value_name = "DIR", conflicts_with = "format")]
    pub(crate) out: Option<PathBuf>,
    /// How the results are printed; table by default
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub(crate) format: Option<Format>,
}

/// How a comparison is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum ComparedFormat {
    /// For people.
    #[default]
    Table,
    /// For documents.
    Markdown,
    /// A page to forward.
    Html,
    /// For programs.
    Json,
}

/// `tribunal compare`.
#[derive(Debug, Args)]
pub(crate) struct Compare {
    /// What is compared with: an experiment's id or a part of it, or its folder or report.json; :CELL after it for one cell
    pub(crate) baseline: String,
    /// What is compared, likewise
    pub(crate) candidate: String,
    #[command(flatten)]
    dial: Dial,
    #[command(flatten)]
    kept: Kept,
    /// From which difference on a metric has become worse, for example 5%; by default 3% of rates, 5% of p50, 15% of p99 and
    /// p99.9
    #[arg(long, value_name = "SHARE", value_parser = threshold)]
    pub(crate) threshold: Option<f64>,
    /// Compare although cluster, hosts, builds, topics, workload, windows or limits differ
    #[arg(long)]
    pub(crate) despite_differences: bool,
    /// How the comparison is printed
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub(crate) format: ComparedFormat,
}

/// A share in per cent, above nothing.
fn threshold(text: &str) -> Result<f64, String> {
    match units::parse_percent(text) {
        Ok(share) if share > 0.0 => Ok(share),
        Ok(_) => Err("a threshold is above 0%".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

/// What the processes of `--local` are started with.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct Child {
    /// End when standard input does
    #[arg(long, hide = true)]
    pub(crate) while_stdin_open: bool,
}

/// `tribunal coordinator`.
#[derive(Debug, Args)]
pub(crate) struct Coordinator {
    /// Where agents and command lines dial in; port 0 takes a free one
    #[arg(long, value_name = "HOST:PORT")]
    listen: Option<String>,
    /// Where /metrics and /targets are served, or off
    #[arg(long, value_name = "HOST:PORT")]
    http: Option<String>,
    #[command(flatten)]
    kept: Kept,
    #[command(flatten)]
    tls: Certified,
    /// Print listening=HOST:PORT on standard output
    #[arg(long, hide = true)]
    pub(crate) announce: bool,
    #[command(flatten)]
    pub(crate) child: Child,
}

/// `tribunal agent`.
#[derive(Debug, Args)]
pub(crate) struct Agent {
    #[command(flatten)]
    dial: Dial,
    /// The agent's name; the host's name by default
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Where /metrics is served, or off; port 0 takes a free one
    #[arg(long, value_name = "HOST:PORT")]
    metrics: Option<String>,
    /// What it is for: any, producer or consumer
    #[arg(long, value_name = "ROLE")]
    role: Option<String>,
    #[command(flatten)]
    drivers: DriversKept,
    /// The certificate of this host's self-test; certificate.json in the default store by default
    #[arg(long, value_name = "FILE")]
    pub(crate) certificate: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) child: Child,
}

/// `tribunal mock`.
#[derive(Debug, Args)]
pub(crate) struct Mock {
    /// How many brokers.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(i32).range(1..=100))]
    pub(crate) brokers: i32,
    /// How long each response is held back, in milliseconds.
    #[arg(long, default_value_t = 0)]
    pub(crate) round_trip_ms: u64,
}

fn joined(examples: &str, codes: &str) -> String {
    format!("{examples}\n\n{codes}")
}

impl Arguments {
    /// The flags that are settings of the programs.
    pub(crate) fn overrides(&self) -> Flags {
        let text = |path: &Option<PathBuf>| path.as_ref().map(|path| path.to_string_lossy().into_owned());
        let mut flags = Flags {
            log: LogFlags {
                format: self.log_format.clone(),
                level: self.log_level.clone(),
            },
            ..Flags::default()
        };
        let mut tls = None;
        let (dial, kept) = match &self.verb {
            Some(
                Verb::Run(Run { dial, kept, .. })
                | Verb::Calibrate(Calibrate { dial, kept, .. })
                | Verb::Resume(Resume { dial, kept, .. })
                | Verb::Experiments(Experiments { dial, kept, .. })
                | Verb::Report(Report { dial, kept, .. })
                | Verb::Compare(Compare { dial, kept, .. }),
            ) => (Some(dial), Some(kept)),
            Some(Verb::Selftest(Selftest { kept, .. })) => (None, Some(kept)),
            Some(
                Verb::Watch(Watch { dial, .. }) | Verb::Cancel(Cancel { dial, .. }) | Verb::Agents(Agents { dial, .. }),
            ) => (Some(dial), None),
            Some(Verb::Coordinator(Coordinator {
                listen,
                http,
                kept,
                tls: files,
                ..
            })) => {
                tls = Some(files);
                flags.coordinator = CoordinatorFlags {
                    listen: listen.clone(),
                    http: http.clone(),
                    store: None,
                };
                (None, Some(kept))
            }
            Some(Verb::Agent(Agent {
                dial,
                name,
                metrics,
                role,
                drivers,
                ..
            })) => {
                let coordinator = dial.coordinator.clone();
                flags.agent = AgentFlags {
                    coordinator,
                    name: name.clone(),
                    metrics: metrics.clone(),
                    role: role.clone(),
                    drivers: text(&drivers.drivers),
                };
                tls = Some(&dial.tls);
                (None, None)
            }
            Some(Verb::Drivers(
                DriversVerb::Install(DriversInstall { kept, .. }) | DriversVerb::Check(DriversCheck { kept, .. }),
            )) => {
                flags.agent.drivers = text(&kept.drivers);
                (None, None)
            }
            Some(
                Verb::Demo(_)
                | Verb::Plan(_)
                | Verb::Certs(_)
                | Verb::Doctor(_)
                | Verb::Drivers(DriversVerb::Properties)
                | Verb::SelftestChild
                | Verb::Driver
                | Verb::Mock(_),
            )
            | None => (None, None),
        };
        flags.coordinator.store = kept.and_then(|kept| text(&kept.store));
        flags.client = ClientFlags {
            coordinator: dial.and_then(|dial| dial.coordinator.clone()),
        };
        if let Some(tls) = tls.or(dial.map(|dial| &dial.tls)) {
            flags.tls = TlsFlags {
                ca: text(&tls.tls_ca),
                certificate: text(&tls.tls_certificate),
                key: text(&tls.tls_key),
                plaintext_network: tls.allow_plaintext_network.then(|| "allow".to_owned()),
            };
        }
        flags
    }
}
