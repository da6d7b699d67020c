//! The processor: rows, cores, quota, clock.

use naslane::kernel::rooms;

use super::Check;
use super::host::Host;

pub(super) fn checks(host: &Host) -> Vec<Check> {
    let mut out = rows();
    out.extend([
        cores(host),
        quota(host),
        governor(host),
        clock(host),
        steal(host),
    ]);
    out
}

/// The row that each primitive uses.
fn rows() -> Vec<Check> {
    let check = |room: &naslane::kernel::RoomInfo| {
        let row = room.chosen().and_then(|place| room.rows().nth(place));
        let Some(row) = row else {
            return Check::wrong(
                room.name,
                "no backend passes its known answer",
                "this build or processor is not usable: see naslane cpu",
            );
        };
        let lanes = if row.lanes == 1 { "lane" } else { "lanes" };
        let found = format!("{}, {} {lanes}", row.name, row.lanes);
        let portable = !row.name.contains('_') || row.name.ends_with("_crate");
        if std::env::var_os("NASLANE_BACKEND").is_some()
            || std::env::var_os("NASLANE_CPU_DENY").is_some()
        {
            return Check::change(
                room.name,
                found,
                "NASLANE_BACKEND or NASLANE_CPU_DENY is set: unset it, it is for tests",
            );
        }
        if portable {
            return Check::change(
                room.name,
                found,
                "slow, and not in constant time where tables are used: give the machine or guest the processor's features (AES, PCLMULQDQ, AVX2; host-passthrough in a hypervisor)",
            );
        }
        Check::good(room.name, found)
    };
    rooms().iter().map(check).collect()
}

/// Processors of a list such as `0-3,8`.
fn listed(list: &str) -> Option<usize> {
    let count = |part: &str| {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last): (usize, usize) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
        Some(last.checked_sub(first)? + 1)
    };
    list.split(',').map(count).sum()
}

fn cores(host: &Host) -> Check {
    const NAME: &str = "cores";
    let own = host.value("/proc/self/status", "Cpus_allowed_list");
    let (Some(own), online) = (own, host.read("/sys/devices/system/cpu/online")) else {
        return Check::unknown(NAME, "no /proc/self/status");
    };
    let mine = listed(&own).unwrap_or(0);
    let all = online.as_deref().and_then(listed).unwrap_or(mine);
    let found = format!("{mine} of {all} ({own})");
    let isolated = host
        .read("/sys/devices/system/cpu/isolated")
        .unwrap_or_default();
    if mine < 2 {
        return Check::change(
            NAME,
            found,
            "a worker and its client share a core, so every message waits for a wake-up: give the process two cores or more",
        );
    }
    if mine == all && isolated.is_empty() {
        return Check::change(
            NAME,
            found,
            "the process may run anywhere, beside anything: pin it (CPUAffinity= in the unit, [workers] cores, the static CPU manager in Kubernetes)",
        );
    }
    Check::good(NAME, found)
}

fn quota(host: &Host) -> Check {
    const NAME: &str = "cpu quota";
    // "max 100000" or "150000 100000": microseconds of each period.
    let quota = |text: &String| {
        let (quota, period) = text.split_once(' ')?;
        let (quota, period): (f64, f64) = (quota.parse().ok()?, period.parse().ok()?);
        (period > 0.0).then_some(quota / period)
    };
    let tightest = host
        .groups("cpu.max")
        .iter()
        .filter_map(quota)
        .fold(None, |least: Option<f64>, quota| {
            Some(least.map_or(quota, |least| least.min(quota)))
        });
    match tightest {
        None => Check::good(NAME, "none"),
        Some(quota) if quota < 2.0 => Check::change(
            NAME,
            format!("{quota:.2} processors"),
            "below two, workers never spin and are stopped in the middle of a period: give whole processors (requests equal to limits)",
        ),
        Some(quota) => Check::change(
            NAME,
            format!("{quota:.2} processors"),
            "the process is stopped when it used up its share of a period, for up to 100 ms: use cores of its own instead of a quota",
        ),
    }
}

fn governor(host: &Host) -> Check {
    const NAME: &str = "frequency";
    match host.read("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor") {
        None => Check::unknown(NAME, "the host decides (a guest does not see it)"),
        Some(governor) if governor == "performance" => Check::good(NAME, governor),
        Some(governor) => Check::change(
            NAME,
            governor,
            "the first messages after a pause run on a slow clock: cpupower frequency-set -g performance",
        ),
    }
}

fn clock(host: &Host) -> Check {
    const NAME: &str = "time source";
    let path = "/sys/devices/system/clocksource/clocksource0/current_clocksource";
    match host.read(path) {
        None => Check::unknown(NAME, "the kernel does not tell"),
        Some(source)
            if [
                "tsc",
                "kvm-clock",
                "arch_sys_counter",
                "hyperv_clocksource_tsc_page",
            ]
            .contains(&source.as_str()) =>
        {
            Check::good(NAME, source)
        }
        Some(source) => Check::change(
            NAME,
            source,
            "reading the time is a system call or worse, twice for each batch: use tsc (clocksource=tsc), or the guest's own clock",
        ),
    }
}

/// Time that the hypervisor gave to others, since the start.
fn steal(host: &Host) -> Check {
    const NAME: &str = "stolen time";
    let stat = host.read("/proc/stat").unwrap_or_default();
    let fields: Vec<u64> = stat
        .lines()
        .next()
        .unwrap_or_default()
        .split_whitespace()
        .skip(1)
        .filter_map(|field| field.parse().ok())
        .collect();
    let total: u64 = fields.iter().take(8).sum();
    let Some(&stolen) = fields.get(7).filter(|_| total > 0) else {
        return Check::unknown(NAME, "no /proc/stat");
    };
    let share = stolen as f64 * 100.0 / total as f64;
    if share < 1.0 {
        return Check::good(NAME, format!("{share:.2} %"));
    }
    Check::change(
        NAME,
        format!("{share:.2} %"),
        "other guests run on these cores: ask for dedicated ones",
    )
}

#[cfg(test)]
mod tests {
    use super::listed;

    #[test]
    fn lists_of_processors() {
        assert_eq!(listed("0-3,8"), Some(5));
        assert_eq!(listed("1"), Some(1));
        for bad in ["", "3-1", "a", "1-", "1,,2"] {
            assert_eq!(listed(bad), None, "{bad}");
        }
    }
}
