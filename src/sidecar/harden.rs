//! What a daemon denies itself, so that a defect in it is worth less: its memory to swap, dumps and debuggers, and to
//! itself the system calls and files that it does not need any more.
//!
//! In two steps. [`before_threads`] comes before any thread is started, because Landlock holds for a thread and those
//! that it starts. [`after_start`] comes when all memory is taken and all threads run.

use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use landlock::{
    ABI, Access, AccessFs, AccessNet, CompatLevel, Compatible, NetPort, PathBeneath, PathFd,
    Ruleset, RulesetAttr, RulesetCreatedAttr, RulesetStatus, Scope,
};
use rustix::mm::{MlockAllFlags, mlockall};
use rustix::process::{
    DumpableBehavior, Resource, Rlimit, getrlimit, set_dumpable_behavior, setrlimit,
};
use rustix::thread::set_no_new_privs;

use super::config::{Demand, Hardening};
use super::region::{Advised, close_to_others};
use super::seccomp;

/// Files that tell how many processors there are, which workers look at when they start.
const PROCESSORS: [&str; 4] = [
    "/sys/fs/cgroup",
    "/sys/devices/system/cpu",
    "/proc/self/cgroup",
    "/proc/self/mountinfo",
];

/// What one measure came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It holds; with a detail or an empty text.
    Active(String),
    /// The kernel refused it, and why.
    Refused(String),
    /// Not wanted.
    Off,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Active(detail) if detail.is_empty() => f.write_str("active"),
            Self::Active(detail) => write!(f, "active ({detail})"),
            Self::Refused(why) => write!(f, "REFUSED ({why})"),
            Self::Off => f.write_str("off"),
        }
    }
}

/// All measures by name; one line as text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// In the order in which they were taken.
    pub measures: Vec<(&'static str, Outcome)>,
    /// Octets that are locked in memory.
    pub locked_bytes: u64,
}

impl Report {
    /// What this measure came to.
    #[must_use]
    pub fn outcome(&self, name: &str) -> Option<&Outcome> {
        let found = self.measures.iter().find(|(own, _)| *own == name);
        found.map(|(_, outcome)| outcome)
    }

    fn take(
        &mut self,
        name: &'static str,
        demand: Demand,
        measure: impl FnOnce() -> Result<String, String>,
    ) -> Result<(), String> {
        let outcome = match (demand, || measure()) {
            (Demand::Off, _) => Outcome::Off,
            (_, measure) => measure().map_or_else(Outcome::Refused, Outcome::Active),
        };
        if let (Demand::Require, Outcome::Refused(why)) = (demand, &outcome) {
            return Err(format!("hardening: {name} is required: {why}"));
        }
        self.measures.push((name, outcome));
        Ok(())
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, (name, outcome)) in self.measures.iter().enumerate() {
            let comma = if at == 0 { "" } else { ", " };
            write!(f, "{comma}{name} {outcome}")?;
        }
        Ok(())
    }
}

/// What is between the two steps.
#[derive(Debug)]
pub struct Hardened {
    report: Report,
    wanted: Hardening,
    /// Opened early: an undumpable process of an ordinary user does not own its /proc files any more.
    maps: Option<File>,
    status: Option<File>,
    files: bool,
    networks: bool,
}

/// First step. `readable`: the directory that may still be read, for reloading; `ports`: those of TCP that may be
/// connected to, for a store.
///
/// # Errors
/// Which required measure was refused, why, and what helps.
pub fn before_threads(
    wanted: Hardening,
    (readable, ports): (Option<&Path>, &[u16]),
) -> Result<Hardened, String> {
    let mut report = Report::default();
    let [maps, status] =
        ["maps", "status"].map(|name| File::open(format!("/proc/self/{name}")).ok());
    report.take("no_dump", wanted.no_dump, || {
        set_dumpable_behavior(DumpableBehavior::NotDumpable).map_err(|why| why.to_string())?;
        let none = Rlimit {
            current: Some(0),
            maximum: Some(0),
        };
        setrlimit(Resource::Core, none).map_err(|why| why.to_string())?;
        Ok(String::new())
    })?;
    // Seccomp and Landlock need it, and it costs nothing.
    report.take("no_new_privs", Demand::Try, || {
        set_no_new_privs(true).map_err(|why| why.to_string())?;
        Ok(String::new())
    })?;
    report.take("landlock", wanted.landlock, || landlock(readable, ports))?;
    let files = matches!(report.outcome("landlock"), Some(Outcome::Active(_)));
    Ok(Hardened {
        report,
        wanted,
        maps,
        status,
        files,
        networks: !ports.is_empty(),
    })
}

fn landlock(readable: Option<&Path>, ports: &[u16]) -> Result<String, String> {
    let text = |why: landlock::RulesetError| why.to_string();
    // The newest that this build knows; an older kernel enforces what it has.
    let abi = ABI::V6;
    let mut ruleset = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(abi))
        .and_then(|rules| rules.handle_access(AccessNet::from_all(abi)))
        .and_then(|rules| rules.scope(Scope::from_all(abi)))
        .and_then(Ruleset::create)
        .map_err(text)?;
    let places = PROCESSORS.iter().map(Path::new).chain(readable);
    for place in places.filter(|place| place.exists()) {
        let rights = if place.is_dir() {
            AccessFs::ReadFile | AccessFs::ReadDir
        } else {
            AccessFs::ReadFile.into()
        };
        let place = PathFd::new(place).map_err(|why| why.to_string())?;
        let rule = PathBeneath::new(place, rights);
        ruleset = ruleset.add_rule(rule).map_err(text)?;
    }
    for port in ports {
        let rule = NetPort::new(*port, AccessNet::ConnectTcp);
        ruleset = ruleset.add_rule(rule).map_err(text)?;
    }
    let status = ruleset.restrict_self().map_err(text)?.ruleset;
    match status {
        RulesetStatus::FullyEnforced => Ok(String::new()),
        RulesetStatus::PartiallyEnforced => Ok("in part: older kernel".to_owned()),
        RulesetStatus::NotEnforced => Err("this kernel has no Landlock".to_owned()),
    }
}

/// Second step.
///
/// # Errors
/// As [`before_threads`].
pub fn after_start(hardened: Hardened) -> Result<Report, String> {
    let Hardened {
        mut report,
        wanted,
        maps,
        status,
        files,
        networks,
    } = hardened;
    let maps = read(maps);
    report.take("lock_memory", wanted.lock_memory, || {
        mlockall(MlockAllFlags::CURRENT | MlockAllFlags::FUTURE).map_err(|why| unlocked(&why))?;
        Ok(String::new())
    })?;
    if matches!(report.outcome("lock_memory"), Some(Outcome::Active(_))) {
        report.locked_bytes = locked(&read(status)).unwrap_or_default();
    }
    report.take("memory_closed", wanted.no_dump, || {
        let Advised {
            not_dumped,
            wiped_on_fork,
        } = close_to_others(&maps);
        if not_dumped == 0 || wiped_on_fork == 0 {
            return Err("MADV_DONTDUMP or MADV_WIPEONFORK".to_owned());
        }
        Ok(format!("{} KiB", not_dumped / 1024))
    })?;
    // Last: what came before would not be let through.
    report.take("seccomp", wanted.seccomp, || {
        seccomp::apply(files, networks)
    })?;
    Ok(report)
}

fn read(maps: Option<File>) -> String {
    let mut text = String::new();
    if let Some(mut file) = maps {
        // Without it nothing is advised, which the report says.
        let _ = file.read_to_string(&mut text);
    }
    text
}

/// Octets locked in memory, out of /proc/self/status.
fn locked(status: &str) -> Option<u64> {
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmLck:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}

fn unlocked(why: &rustix::io::Errno) -> String {
    let limit = match getrlimit(Resource::Memlock).current {
        Some(octets) => format!("{} KiB", octets / 1024),
        None => "unlimited".to_owned(),
    };
    format!(
        "{why}; RLIMIT_MEMLOCK is {limit}: raise it (LimitMEMLOCK=infinity, ulimit -l), give CAP_IPC_LOCK, or set \
         hardening.lock_memory"
    )
}
