//! The kernel: memory that stays, calls that are allowed, doors that can be closed.

use landlock::{AccessFs, CompatLevel, Compatible, Ruleset, RulesetAttr};
use rustix::process::{Resource, getrlimit};

use super::Check;
use super::host::Host;

/// Octets that a daemon of the default size locks: 65536 sessions, rings and program.
const LOCKED: u64 = 256 << 20;

pub(super) fn checks(host: &Host) -> Vec<Check> {
    vec![
        memlock(host),
        swap(host),
        dumps(),
        ptrace(host),
        io_uring(host),
        huge_pages(host),
        landlock(),
        seccomp(host),
    ]
}

fn memlock(host: &Host) -> Check {
    const NAME: &str = "locked memory";
    let capable = host
        .value("/proc/self/status", "CapEff")
        .and_then(|mask| u64::from_str_radix(&mask, 16).ok())
        .is_some_and(|mask| mask >> 14 & 1 == 1); // CAP_IPC_LOCK
    if capable {
        return Check::good(NAME, "CAP_IPC_LOCK");
    }
    match getrlimit(Resource::Memlock).current {
        None => Check::good(NAME, "no limit"),
        Some(limit) if limit >= LOCKED => Check::good(NAME, format!("{} MiB", limit >> 20)),
        Some(limit) => Check::change(
            NAME,
            format!("{} KiB", limit >> 10),
            "keys could be written to swap: LimitMEMLOCK=infinity in the unit, the capability IPC_LOCK in the pod",
        ),
    }
}

fn swap(host: &Host) -> Check {
    const NAME: &str = "swap";
    let Some(text) = host.read("/proc/swaps") else {
        return Check::unknown(NAME, "no /proc/swaps");
    };
    match text.lines().skip(1).count() {
        0 => Check::good(NAME, "none"),
        1 => Check::good(NAME, "1 area; locked memory does not go there"),
        areas => Check::good(
            NAME,
            format!("{areas} areas; locked memory does not go there"),
        ),
    }
}

fn dumps() -> Check {
    const NAME: &str = "core dumps";
    match getrlimit(Resource::Core).current {
        Some(0) => Check::good(NAME, "off"),
        _ => Check::change(
            NAME,
            "allowed for this process",
            "an AMF that embeds the library leaves its keys in a dump: LimitCORE=0 (naslane serve denies itself dumps)",
        ),
    }
}

fn ptrace(host: &Host) -> Check {
    const NAME: &str = "debuggers";
    match host.read("/proc/sys/kernel/yama/ptrace_scope").as_deref() {
        None => Check::unknown(NAME, "no Yama in this kernel"),
        Some("0") => Check::change(
            NAME,
            "any process of the same user",
            "another process of the AMF's user reads its keys: sysctl kernel.yama.ptrace_scope=1",
        ),
        Some(scope) => Check::good(NAME, format!("restricted (scope {scope})")),
    }
}

fn io_uring(host: &Host) -> Check {
    const NAME: &str = "io_uring";
    const ADVICE: &str = "the control plane uses epoll instead, a few microseconds more for each session verb; messages never need it: kernel.io_uring_disabled=0, and a seccomp profile of the container that allows it";
    if let Some(value) = host.read("/proc/sys/kernel/io_uring_disabled")
        && value != "0"
    {
        return Check::change(NAME, format!("disabled (sysctl {value})"), ADVICE);
    }
    match io_uring::IoUring::new(2) {
        Ok(_) => Check::good(NAME, "allowed"),
        Err(error) => Check::change(NAME, format!("refused: {error}"), ADVICE),
    }
}

fn huge_pages(host: &Host) -> Check {
    const NAME: &str = "huge pages";
    const ADVICE: &str = "a table of many sessions misses the TLB on every message: echo madvise > /sys/kernel/mm/transparent_hugepage/enabled";
    match host
        .chosen("/sys/kernel/mm/transparent_hugepage/enabled")
        .as_deref()
    {
        Some(choice @ ("always" | "madvise")) => {
            Check::good(NAME, format!("transparent, {choice}"))
        }
        Some(choice) => Check::change(NAME, format!("transparent, {choice}"), ADVICE),
        None => Check::change(NAME, "none in this kernel", ADVICE),
    }
}

fn landlock() -> Check {
    const NAME: &str = "Landlock";
    // Made and thrown away: it restricts nothing.
    let ruleset = Ruleset::default()
        .set_compatibility(CompatLevel::HardRequirement)
        .handle_access(AccessFs::Execute)
        .and_then(Ruleset::create);
    match ruleset {
        Ok(_) => Check::good(NAME, "available"),
        Err(_) => Check::change(
            NAME,
            "not available",
            "the daemon cannot close the file system to itself: a kernel with CONFIG_SECURITY_LANDLOCK, and lsm=landlock,... on its command line",
        ),
    }
}

fn seccomp(host: &Host) -> Check {
    const NAME: &str = "seccomp";
    if host.has("/proc/sys/kernel/seccomp/actions_avail") {
        let mode = host.value("/proc/self/status", "Seccomp");
        let outer = match mode.as_deref() {
            Some("2") => "available; a filter from outside is in force",
            _ => "available",
        };
        return Check::good(NAME, outer);
    }
    Check::change(
        NAME,
        "not available",
        "the daemon cannot give up system calls: a kernel with CONFIG_SECCOMP_FILTER",
    )
}
