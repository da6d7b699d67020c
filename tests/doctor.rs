//! `naslane doctor` on this host, and on hosts made of files.
#![cfg(all(feature = "cli", target_os = "linux"))]

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

fn doctor(args: &[&str]) -> (i32, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_naslane"))
        .arg("doctor")
        .args(args)
        .env_remove("NASLANE_BACKEND")
        .env_remove("NASLANE_CPU_DENY")
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    let out = String::from_utf8(output.stdout).unwrap();
    (output.status.code().unwrap(), out)
}

/// A host of these files.
fn host(name: &str, files: &[(&str, &str)]) -> PathBuf {
    let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("doctor_{name}"));
    let _ = std::fs::remove_dir_all(&root);
    for (path, text) in files {
        let path = root.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, format!("{text}\n")).unwrap();
    }
    std::fs::create_dir_all(&root).unwrap();
    root
}

/// State and finding of a check.
fn states(root: &Path) -> impl Fn(&str) -> (String, String, bool) + use<> {
    let (_, out) = doctor(&["--json", "--root", root.to_str().unwrap()]);
    let told: Value = serde_json::from_str(&out).unwrap();
    move |name| {
        let checks = told["checks"].as_array().unwrap();
        let check = checks.iter().find(|check| check["check"] == name).unwrap();
        let text = |key: &str| check[key].as_str().unwrap().to_owned();
        (text("state"), text("found"), check["advice"].is_string())
    }
}

#[test]
fn this_host() {
    let (code, text) = doctor(&[]);
    let (same, json) = doctor(&["--json"]);
    assert!(code <= 1 && same == code);
    let told: Value = serde_json::from_str(&json).unwrap();
    let checks = told["checks"].as_array().unwrap();
    for name in [
        "aes128_ctr",
        "cores",
        "cpu quota",
        "locked memory",
        "io_uring",
        "huge pages",
        "time source",
        "Landlock",
        "seccomp",
    ] {
        assert!(text.contains(name), "{name}\n{text}");
        assert!(checks.iter().any(|check| check["check"] == name), "{name}");
    }
    for check in checks {
        let asks = matches!(check["state"].as_str(), Some("change" | "wrong"));
        assert_eq!(check["advice"].is_string(), asks, "{check}");
    }
    let asks = checks.iter().any(|check| check["advice"].is_string());
    assert_eq!(code == 1, asks);
}

#[test]
fn a_host_in_order() {
    let root = host(
        "good",
        &[
            (
                "proc/self/status",
                "CapEff:\t0000000000004000\nSeccomp:\t2\nCpus_allowed_list:\t2-5",
            ),
            ("proc/self/cgroup", "0::/amf.slice/naslane.service"),
            ("proc/stat", "cpu  100 0 100 800 0 0 0 0 0 0\ncpu0 1"),
            ("proc/swaps", "Filename Type Size Used Priority"),
            ("proc/sys/kernel/io_uring_disabled", "0"),
            ("proc/sys/kernel/yama/ptrace_scope", "1"),
            (
                "proc/sys/kernel/seccomp/actions_avail",
                "kill_process allow",
            ),
            ("sys/devices/system/cpu/online", "0-7"),
            (
                "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor",
                "performance",
            ),
            (
                "sys/devices/system/clocksource/clocksource0/current_clocksource",
                "tsc",
            ),
            (
                "sys/fs/cgroup/amf.slice/naslane.service/cpu.max",
                "max 100000",
            ),
            (
                "sys/kernel/mm/transparent_hugepage/enabled",
                "always [madvise] never",
            ),
        ],
    );
    let state = states(&root);
    for name in [
        "cores",
        "cpu quota",
        "frequency",
        "time source",
        "stolen time",
        "locked memory",
        "swap",
        "debuggers",
        "huge pages",
        "seccomp",
    ] {
        let (state, found, advised) = state(name);
        assert_eq!(
            (state.as_str(), advised),
            ("good", false),
            "{name}: {found}"
        );
    }
}

#[test]
fn a_host_with_everything_wrong() {
    let root = host(
        "bad",
        &[
            (
                "proc/self/status",
                "CapEff:\t0000000000000000\nCpus_allowed_list:\t0",
            ),
            ("proc/self/cgroup", "0::/pod/naslane"),
            ("proc/stat", "cpu  100 0 100 700 0 0 0 100 0 0"),
            ("proc/sys/kernel/io_uring_disabled", "2"),
            ("proc/sys/kernel/yama/ptrace_scope", "0"),
            ("sys/devices/system/cpu/online", "0-7"),
            (
                "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor",
                "powersave",
            ),
            (
                "sys/devices/system/clocksource/clocksource0/current_clocksource",
                "hpet",
            ),
            ("sys/fs/cgroup/pod/cpu.max", "150000 100000"),
            ("sys/fs/cgroup/pod/naslane/cpu.max", "400000 100000"),
            (
                "sys/kernel/mm/transparent_hugepage/enabled",
                "always madvise [never]",
            ),
        ],
    );
    let state = states(&root);
    for (name, words) in [
        ("cores", "1 of 8"),
        ("cpu quota", "1.50"),
        ("frequency", "powersave"),
        ("time source", "hpet"),
        ("stolen time", "10.00 %"),
        ("debuggers", "same user"),
        ("io_uring", "disabled"),
        ("huge pages", "never"),
        ("seccomp", "not available"),
    ] {
        let (state, found, advised) = state(name);
        assert_eq!((state.as_str(), advised), ("change", true), "{name}");
        assert!(found.contains(words), "{name}: {found}");
    }
}

#[test]
fn a_host_that_tells_nothing() {
    let state = states(&host("silent", &[]));
    for name in [
        "cores",
        "frequency",
        "time source",
        "stolen time",
        "swap",
        "debuggers",
    ] {
        assert_eq!(state(name).0, "unknown", "{name}");
    }
}
