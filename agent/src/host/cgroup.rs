//! The control groups that this process is in: what they allow, and what they count.
//!
//! Version 2 has one tree, version 1 one for each controller; a host may have both, the controller in one of them. A
//! group is held by the limits of all groups above it, so all from the process's own up to the top of the mount are read.

use std::path::{Path, PathBuf};

/// The text of a file, where it can be read.
pub(super) type Read<'a> = &'a dyn Fn(&Path) -> Option<String>;

/// A control group, by its folders.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Group {
    files: Files,
    /// The top of its mount: the root of the host, or of a container.
    top: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Files {
    /// Version 2.
    Unified(PathBuf),
    /// Version 1: the folders of the controllers `cpu` and `cpuacct`.
    Split { cpu: PathBuf, account: Option<PathBuf> },
}

/// What a group allows, and what it has counted so far.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Account {
    /// Processors that it may use; `None` without a quota.
    pub(super) quota_cores: Option<f64>,
    /// Processor time used, in nanoseconds; `None` where it is not told, and for the root of a host, which is everything.
    pub(super) used_ns: Option<u64>,
    /// Enforcement periods.
    pub(super) periods: u64,
    /// Those in which it was throttled.
    pub(super) throttled: u64,
    /// Time for which it was throttled, in nanoseconds.
    pub(super) throttled_ns: u64,
}

/// The groups of this process, its own first.
pub(super) fn groups(read: Read<'_>) -> Vec<Group> {
    let text = |path: &str| read(Path::new(path)).unwrap_or_default();
    let (memberships, mounts) = (text("/proc/self/cgroup"), text("/proc/self/mountinfo"));
    if let Some(own) = membership(&memberships, "cpu") {
        let Some((root, point)) = mount(&mounts, "cpu") else {
            return Vec::new();
        };
        // In practice both controllers are one folder, or two with the same groups in them.
        let account = membership(&memberships, "cpuacct").zip(mount(&mounts, "cpuacct"));
        let accounts = account
            .map(|(own, (root, point))| upwards(own, root, point))
            .unwrap_or_default();
        let folders = upwards(own, root, point);
        let alike = accounts.len() == folders.len();
        folders
            .into_iter()
            .enumerate()
            .map(|(at, cpu)| Group {
                top: cpu == Path::new(point),
                files: Files::Split {
                    cpu,
                    account: accounts.get(at).filter(|_| alike).cloned(),
                },
            })
            .collect()
    } else if let (Some(own), Some((root, point))) = (membership(&memberships, ""), mount(&mounts, "")) {
        upwards(own, root, point)
            .into_iter()
            .map(|folder| Group {
                top: folder == Path::new(point),
                files: Files::Unified(folder),
            })
            .collect()
    } else {
        Vec::new()
    }
}

impl Group {
    /// What it says now.
    pub(super) fn account(&self, read: Read<'_>) -> Account {
        let mut account = match &self.files {
            Files::Unified(folder) => {
                let stat = read(&folder.join("cpu.stat")).unwrap_or_default();
                let micro = |name| figure(&stat, name).map(|us| us * 1000);
                Account {
                    quota_cores: read(&folder.join("cpu.max")).and_then(|text| quota(&text)),
                    used_ns: micro("usage_usec"),
                    periods: figure(&stat, "nr_periods").unwrap_or(0),
                    throttled: figure(&stat, "nr_throttled").unwrap_or(0),
                    throttled_ns: micro("throttled_usec").unwrap_or(0),
                }
            }
            Files::Split { cpu, account } => {
                let stat = read(&cpu.join("cpu.stat")).unwrap_or_default();
                let part = |name| read(&cpu.join(name)).unwrap_or_default();
                let text = format!("{} {}", part("cpu.cfs_quota_us"), part("cpu.cfs_period_us"));
                let used = account.as_ref().and_then(|folder| read(&folder.join("cpuacct.usage")));
                Account {
                    quota_cores: quota(&text),
                    used_ns: used.and_then(|text| text.trim().parse().ok()),
                    periods: figure(&stat, "nr_periods").unwrap_or(0),
                    throttled: figure(&stat, "nr_throttled").unwrap_or(0),
                    throttled_ns: figure(&stat, "throttled_time").unwrap_or(0),
                }
            }
        };
        if self.top && account.quota_cores.is_none() {
            account.used_ns = None;
        }
        account
    }
}

/// The group in the tree of a controller of version 1, or with an empty name in that of version 2, of `/proc/self/cgroup`.
fn membership<'a>(memberships: &'a str, controller: &str) -> Option<&'a str> {
    memberships.lines().find_map(|line| {
        let mut fields = line.splitn(3, ':').skip(1);
        let (controllers, group) = (fields.next()?, fields.next()?);
        controllers.split(',').any(|name| name == controller).then_some(group)
    })
}

/// What of the controller's tree is mounted, and where, by `/proc/self/mountinfo`; version 2 with an empty name.
fn mount<'a>(mounts: &'a str, controller: &str) -> Option<(&'a str, &'a str)> {
    mounts.lines().find_map(|line| {
        let (mount, system) = line.split_once(" - ")?;
        let mut mount = mount.split_whitespace().skip(3);
        let (root, point) = (mount.next()?, mount.next()?);
        let mut system = system.split_whitespace();
        let (kind, options) = (system.next()?, system.nth(1)?);
        let found = match controller {
            "" => kind == "cgroup2",
            name => kind == "cgroup" && options.split(',').any(|option| option == name),
        };
        found.then_some((root, point))
    })
}

/// The folders from a group up to the mount point. A container may see its group by the host's name of it, or from
/// outside its own root; then the mount point stands for it.
fn upwards(group: &str, root: &str, point: &str) -> Vec<PathBuf> {
    let inside = Path::new(group)
        .strip_prefix(root)
        .ok()
        .filter(|path| !path.starts_with(".."))
        .unwrap_or(Path::new(""));
    let point = Path::new(point);
    // An empty path joined would leave a slash behind.
    let own = if inside.as_os_str().is_empty() {
        point.to_owned()
    } else {
        point.join(inside)
    };
    own.ancestors()
        .take_while(|folder| folder.starts_with(point))
        .map(Path::to_owned)
        .collect()
}

/// Processors by a quota and a period in microseconds; without a quota the first is `max` or -1.
fn quota(text: &str) -> Option<f64> {
    let mut words = text.split_whitespace();
    let quota: i64 = words.next()?.parse().ok()?;
    let period: i64 = words.next()?.parse().ok()?;
    (quota > 0 && period > 0).then(|| quota as f64 / period as f64)
}

/// A figure of `cpu.stat`.
fn figure(stat: &str, name: &str) -> Option<u64> {
    stat.lines().find_map(|line| {
        let (known, figure) = line.split_once(' ')?;
        (known == name).then(|| figure.trim().parse().ok()).flatten()
    })
}

#[cfg(test)]
pub(super) mod tests {
    use std::collections::HashMap;

    use super::*;

    /// Files by path.
    pub(crate) fn files(files: &[(&str, &str)]) -> impl Fn(&Path) -> Option<String> {
        let files: HashMap<PathBuf, String> = files
            .iter()
            .map(|(path, text)| (PathBuf::from(path), (*text).to_owned()))
            .collect();
        move |path| files.get(path).cloned()
    }

    fn accounts(read: Read<'_>) -> Vec<Account> {
        groups(read).iter().map(|group| group.account(read)).collect()
    }

    /// A systemd host: a service with 1.5 processors in a slice with 4.
    #[test]
    fn version_2_is_read_from_the_own_group_to_the_top() {
        let read = files(&[
            ("/proc/self/cgroup", "0::/system.slice/tribunal.service\n"),
            (
                "/proc/self/mountinfo",
                "24 30 0:22 / /proc rw,nosuid - proc proc rw\n\
                 35 25 0:30 / /sys/fs/cgroup rw,nosuid,nodev shared:9 - cgroup2 cgroup2 rw,nsdelegate\n",
            ),
            (
                "/sys/fs/cgroup/system.slice/tribunal.service/cpu.max",
                "150000 100000\n",
            ),
            (
                "/sys/fs/cgroup/system.slice/tribunal.service/cpu.stat",
                "usage_usec 1234567\nuser_usec 1000000\nsystem_usec 234567\ncore_sched.force_idle_usec 0\n\
                 nr_periods 90\nnr_throttled 7\nthrottled_usec 81234\nnr_bursts 0\nburst_usec 0\n",
            ),
            ("/sys/fs/cgroup/system.slice/cpu.max", "400000 100000\n"),
            (
                "/sys/fs/cgroup/system.slice/cpu.stat",
                "usage_usec 9000000\nnr_periods 100\nnr_throttled 0\nthrottled_usec 0\n",
            ),
            // The root has no quota and no periods.
            (
                "/sys/fs/cgroup/cpu.stat",
                "usage_usec 88000000\nuser_usec 1\nsystem_usec 1\n",
            ),
        ]);
        let accounts = accounts(&read);
        let quotas: Vec<_> = accounts.iter().map(|account| account.quota_cores).collect();
        assert_eq!(quotas, [Some(1.5), Some(4.0), None]);
        let own = Account {
            quota_cores: Some(1.5),
            used_ns: Some(1_234_567_000),
            periods: 90,
            throttled: 7,
            throttled_ns: 81_234_000,
        };
        assert_eq!(accounts[0], own);
        assert_eq!(accounts[2], Account::default(), "the root of a host is everything");
    }

    /// A container with a name space of its own: its root has the limits.
    #[test]
    fn a_container_finds_its_limits_at_its_root() {
        let read = files(&[
            ("/proc/self/cgroup", "0::/\n"),
            (
                "/proc/self/mountinfo",
                "600 599 0:27 / /sys/fs/cgroup ro - cgroup2 cgroup rw\n",
            ),
            ("/sys/fs/cgroup/cpu.max", "200000 100000\n"),
            (
                "/sys/fs/cgroup/cpu.stat",
                "usage_usec 5\nnr_periods 1\nnr_throttled 1\nthrottled_usec 3\n",
            ),
        ]);
        let [account] = accounts(&read)[..] else { panic!() };
        assert_eq!(
            (account.quota_cores, account.used_ns, account.throttled_ns),
            (Some(2.0), Some(5000), 3000)
        );
    }

    /// Docker on a host with version 1: the container sees the host's name of its group, and only that folder.
    #[test]
    fn version_1_is_read_where_the_container_mounts_it() {
        let read = files(&[
            (
                "/proc/self/cgroup",
                "12:memory:/docker/4f5e\n4:cpu,cpuacct:/docker/4f5e\n1:name=systemd:/docker/4f5e\n0::/system.slice\n",
            ),
            (
                "/proc/self/mountinfo",
                "818 813 0:26 /docker/4f5e /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n\
                 815 813 0:24 /docker/4f5e /sys/fs/cgroup/cpu,cpuacct ro,nosuid master:11 - cgroup cgroup rw,cpu,cpuacct\n",
            ),
            ("/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "50000\n"),
            ("/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us", "100000\n"),
            (
                "/sys/fs/cgroup/cpu,cpuacct/cpu.stat",
                "nr_periods 2313\nnr_throttled 120\nthrottled_time 8182393322\n",
            ),
            ("/sys/fs/cgroup/cpu,cpuacct/cpuacct.usage", "115000000000\n"),
        ]);
        let account = Account {
            quota_cores: Some(0.5),
            used_ns: Some(115_000_000_000),
            periods: 2313,
            throttled: 120,
            throttled_ns: 8_182_393_322,
        };
        assert_eq!(accounts(&read), [account]);
    }

    /// As captured on a build host: both versions, the controller in version 1, everybody in the root.
    #[test]
    fn a_host_with_both_versions_and_no_limit_says_nothing_of_its_root() {
        let read = files(&[
            (
                "/proc/self/cgroup",
                "9:name=systemd:/\n4:memory:/process_api/2b13\n2:cpuacct:/\n1:cpu:/\n0::/\n",
            ),
            (
                "/proc/self/mountinfo",
                "32 31 0:29 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu\n\
                 33 31 0:30 / /sys/fs/cgroup/cpuacct rw,relatime - cgroup cgroup rw,cpuacct\n\
                 41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw\n",
            ),
            ("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "-1\n"),
            ("/sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n"),
            (
                "/sys/fs/cgroup/cpu/cpu.stat",
                "nr_periods 0\nnr_throttled 0\nthrottled_time 0\n",
            ),
            ("/sys/fs/cgroup/cpuacct/cpuacct.usage", "99\n"),
        ]);
        assert_eq!(accounts(&read), [Account::default()]);
    }

    #[test]
    fn a_group_outside_the_own_root_is_taken_for_the_mount_point() {
        assert_eq!(upwards("/../other", "/", "/c"), [PathBuf::from("/c")]);
        assert_eq!(upwards("/a/b", "/x", "/c"), [PathBuf::from("/c")]);
        let folders = ["/c/a/b", "/c/a", "/c"].map(PathBuf::from);
        assert_eq!(upwards("/a/b", "/", "/c"), folders);
    }

    #[test]
    fn without_control_groups_there_is_nothing() {
        assert!(groups(&files(&[])).is_empty());
        let read = files(&[
            ("/proc/self/cgroup", "1:cpu:/\n"),
            ("/proc/self/mountinfo", "nonsense\n"),
        ]);
        assert!(groups(&read).is_empty());
        assert_eq!(quota("max 100000\n"), None);
        assert_eq!(quota("100000\n"), None);
    }
}
