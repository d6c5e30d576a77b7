//! The lab that the stories share: what docs/lab.md walks through, command by command.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

use tempfile::TempDir;
use tribunal_report::experiment::ExperimentReport;
use tribunal_report::json;
use tribunal_testkit::lab::Lab;
use tribunal_testkit::process::{Finished, Process};
use tribunal_testkit::script::repository;

/// The binary under test.
const BINARY: &str = env!("CARGO_BIN_EXE_tribunal");

/// Limits that a machine which is coordinator, agents and brokers at once breaks; the clocks' two are for the stories to
/// set.
pub(crate) const LOOSE: &str = "[limits]\nschedule_delay_p99 = \"never\"\nlate_sends = \"never\"\nhiccup = \"never\"\n\
    run_queue = \"never\"\ncpu_quota = \"never\"\ncgroup_throttled = \"never\"\nsteal = \"never\"\n\
    report_lag = \"never\"\nlittles_law = \"never\"\n";
/// What makes a trial with a doubtful clock valid all the same. Goes behind [`LOOSE`].
pub(crate) const ANY_CLOCK: &str = "start_skew = \"never\"\nclock_bound = \"never\"\n";

/// Hosts h1 (the coordinator), h2 and h3 (agents), installed as docs/lab.md says, and three brokers.
#[derive(Debug)]
pub(crate) struct Site {
    pub(crate) lab: Lab,
    /// For plans, results and whatever else a story writes.
    folder: TempDir,
    /// Programs of Ansible.
    tools: String,
    /// The binary without its debug information, which is most of it.
    pub(crate) binary: PathBuf,
    /// What the walk said, command by command.
    pub(crate) walked: Vec<(String, Finished)>,
}

/// The site, for one story at a time, whole again. `None` when stories on several hosts are left out.
pub(crate) fn site() -> Option<MutexGuard<'static, Site>> {
    static SITE: LazyLock<Option<Mutex<Site>>> = LazyLock::new(|| {
        let lab = Lab::new_if_required("story")?;
        Some(Mutex::new(Site::walk(lab)))
    });
    let site = SITE.as_ref()?.lock().unwrap_or_else(PoisonError::into_inner);
    for host in ["h1", "h2", "h3"] {
        site.lab.run(&["heal", host]).unwrap();
    }
    for experiment in site.experiments() {
        if ["running", "queued"].iter().any(|state| experiment["state"] == *state) {
            site.operator(&["cancel", experiment["id"].as_str().unwrap()]).finish();
        }
    }
    Some(site)
}

impl Site {
    /// Does what the first listing of docs/lab.md says, in a lab of this process and with the binary under test.
    fn walk(lab: Lab) -> Self {
        let folder = TempDir::new().unwrap();
        let binary = folder.path().join("tribunal");
        let stripped = Command::new("strip")
            .args(["-o".as_ref(), binary.as_os_str(), BINARY.as_ref()])
            .status();
        assert!(stripped.unwrap().success(), "strip of the binary");
        let mut site = Self {
            lab,
            folder,
            tools: String::new(),
            binary,
            walked: Vec::new(),
        };
        for line in walk_of(&std::fs::read_to_string(repository("docs/lab.md")).unwrap()) {
            site.step(&line);
        }
        site
    }

    fn step(&mut self, line: &str) {
        let owned = format!("lab/lab up --owner {}", std::process::id());
        let binary = self.binary.display().to_string();
        let line = line
            .replace("lab/lab up", &owned)
            .replace(".lab/tribunal/", &format!("{}/", self.lab.state().display()))
            .replace(
                "ansible/site.yml",
                &format!("ansible/site.yml -e tribunal_binary={binary}"),
            )
            .replace("target/release/tribunal", &binary);
        if line == "lab/lab down" {
            // The lab's drop does that.
            return;
        }
        if let Some(tools) = line
            .strip_prefix("PATH=$(")
            .and_then(|line| line.strip_suffix("):$PATH"))
        {
            let out = done(&mut self.shell(tools)).stdout;
            self.tools.push_str(String::from_utf8(out).unwrap().trim());
            return;
        }
        let finished = Process::start(self.shell(&line)).finish();
        assert_eq!(
            finished.code,
            Some(0),
            "{line}: {:#?} {:#?}",
            finished.out,
            finished.err
        );
        self.walked.push((line, finished));
    }

    /// A line of shell in the repository, with the lab's name and Ansible's programs at hand.
    fn shell(&self, line: &str) -> Command {
        let mut command = Command::new("bash");
        command
            .args(["-euo", "pipefail", "-c", line])
            .current_dir(repository(""));
        self.lab.name_in(&mut command);
        self.with_tools(&mut command);
        command
    }

    fn with_tools(&self, command: &mut Command) {
        if !self.tools.is_empty() {
            let path = std::env::var("PATH").unwrap_or_default();
            command.env("PATH", format!("{}:{path}", self.tools));
        }
        command
            .env("ANSIBLE_CONFIG", repository("ansible/ansible.cfg"))
            .env("ANSIBLE_NOCOLOR", "1");
    }

    /// `ansible-playbook` of the site's play with an inventory and more words.
    pub(crate) fn play(&self, inventory: &Path, words: &[&str]) -> Finished {
        self.play_in(&self.lab, inventory, words)
    }

    /// The same from the hub of another lab.
    pub(crate) fn play_in(&self, lab: &Lab, inventory: &Path, words: &[&str]) -> Finished {
        let play = repository("ansible/site.yml");
        let mut command = lab.command(&["hub", "ansible-playbook", "-i"]);
        command
            .arg(inventory)
            .arg(play)
            .args(["-e", &format!("tribunal_binary={}", self.binary.display())])
            .args(words);
        self.with_tools(&mut command);
        Process::start(command).finish()
    }

    /// The inventory that the site was installed with.
    pub(crate) fn inventory(&self) -> PathBuf {
        self.lab.state().join("inventory.yml")
    }

    /// The folder of certificates that the play made.
    pub(crate) fn certificates(&self) -> PathBuf {
        self.lab.state().join("certs")
    }

    /// A file or folder of this story.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The binary under test on the hub, as the operator.
    pub(crate) fn operator(&self, words: &[&str]) -> Process {
        let client = self.certificates().join("client.toml");
        let mut command = self.lab.command(&["hub", self.binary.to_str().unwrap()]);
        command.args(words).arg("--config").arg(client);
        Process::start(command)
    }

    /// `tribunal run` on the site; `name` names the plan and the folder of the results.
    pub(crate) fn run(&self, name: &str, plan: &str) -> Process {
        let path = self.path(&format!("{name}.toml"));
        std::fs::write(&path, plan).unwrap();
        let out = self.path(name);
        self.operator(&["run", path.to_str().unwrap(), "--out", out.to_str().unwrap()])
    }

    /// The experiments that the coordinator has; none while it cannot be reached.
    pub(crate) fn experiments(&self) -> Vec<serde_json::Value> {
        let listed = self.operator(&["experiments", "--format", "json"]).finish();
        serde_json::from_str(&listed.out.concat()).unwrap_or_default()
    }

    /// The report that such a run left.
    pub(crate) fn report(&self, name: &str) -> ExperimentReport {
        let text = std::fs::read_to_string(self.path(name).join("report.json")).expect("a report was written");
        json::read_report(&text).expect("the report can be read")
    }

    /// Runs a command in a host, which has to work, and gives what it wrote.
    pub(crate) fn sh(&self, host: &str, words: &[&str]) -> String {
        let output = self.lab.run(&[&["sh", host], words].concat()).unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// What the agent on a host tells Prometheus.
    pub(crate) fn metrics(&self, host: &str) -> String {
        self.sh(host, &["curl", "--silent", "http://127.0.0.1:7653/metrics"])
    }

    /// Waits until the producers of a host deliver.
    #[track_caller]
    pub(crate) fn until_delivering(&self, host: &str) {
        until("the agent to deliver", || {
            self.metrics(host)
                .lines()
                .any(|line| line.starts_with("kafka_producer_message_rate{") && !line.ends_with(" 0"))
        });
    }

    /// Waits until the coordinator has the agents of h2 and h3.
    #[track_caller]
    pub(crate) fn until_joined(&self) {
        until("agents h2 and h3 to join", || {
            let listed = self.operator(&["agents", "--format", "csv"]).finish();
            ["h2", "h3"]
                .iter()
                .all(|name| listed.out.iter().any(|line| line.starts_with(name)))
        });
    }
}

/// Waits for a fact.
#[track_caller]
pub(crate) fn until(what: &str, condition: impl Fn() -> bool) {
    tribunal_testkit::wait::until(tribunal_testkit::process::PATIENCE, what, || condition().then_some(())).unwrap();
}

/// A plan for the site: what follows `[workload]`, and `more` sections.
pub(crate) fn plan(agents: u32, workload: &str, window: &str, more: &str) -> String {
    format!(
        "[agents]\ncount = {agents}\n[cluster]\nbootstrap = \"kafka:9092\"\n[topic]\npartitions = 6\nreplication = 3\n\
         [workload]\nrecord = {{ size = \"100B\" }}\n{workload}\n[window]\n{window}\n{LOOSE}{more}"
    )
}

/// The commands of the first shell listing, without their comments.
fn walk_of(markdown: &str) -> Vec<String> {
    let listing = markdown
        .split("```sh\n")
        .nth(1)
        .and_then(|rest| rest.split("```").next());
    let commands = listing.expect("docs/lab.md begins with a listing").lines();
    commands
        .map(|line| line.split("  #").next().unwrap_or_default().trim().to_owned())
        .filter(|line| !line.is_empty())
        .collect()
}

/// Tells a figure for docs/lab.md, past the test harness's capture. Nothing is asserted of it.
pub(crate) fn figure(text: &str) {
    std::io::stderr()
        .write_all(format!("\nfigure: {text}\n").as_bytes())
        .unwrap();
}

/// Runs a command to its end, which has to be a good one.
#[track_caller]
pub(crate) fn done(command: &mut Command) -> Output {
    let output = command.output().unwrap();
    assert!(
        output.status.success(),
        "{command:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    output
}
