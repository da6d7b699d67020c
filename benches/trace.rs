//! `naslane trace` on a capture of 100 MB: its own time beside tshark's, and the most memory that it takes.
//! With `--test` a capture of 1 MB, for the answers alone.
//!
//! Its own time: the whole run again with the text that tshark gave, handed over by `cat` in tshark's place.
#![allow(dead_code, clippy::print_stdout)]

#[path = "../tests/trace/wire.rs"]
mod wire;
#[path = "../tests/trace/world.rs"]
mod world;

use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use world::{SUPI, World, key, keys};

/// Subscribers, each with an identity, a key and connections of its own: two digits tell them apart.
const UES: u8 = 100;

/// Octets of a frame here, with what pcap adds.
const FRAME: usize = 190;

/// Registrations, then messages in turns: what a capture of a busy AMF looks like to one that follows it.
fn capture(octets: usize, path: &Path) -> usize {
    let mut world = World::new();
    let rounds = octets / FRAME / 2 / usize::from(UES);
    let mut ues = Vec::new();
    for number in 1..=UES {
        world.context = world::Context::of(key(number));
        world.ids.amf = u16::from(number);
        world.ids.ran = u16::from(number);
        // Two digits of the SUCI, the first in the low half.
        let digits = number - 1;
        world.tails = [((digits % 10) << 4) | (digits / 10), number];
        world.register();
        ues.push((world.ids, world.context.clone()));
    }
    let mut plain = vec![0x7E, 0, 0x67, 5, 0, 60];
    plain.extend([0x5A; 60]);
    for _ in 0..rounds {
        for (ids, context) in &mut ues {
            world.ids = *ids;
            plain[2] = 0x67;
            let up = context.up(&plain);
            world.uplink(&up);
            plain[2] = 0x68;
            let down = context.down(&plain);
            world.downlink(&down);
        }
    }
    world.wire.save(path);
    // Registration: complete, accept, complete of it; all after the command.
    usize::from(UES) * (4 + 2 * rounds)
}

/// How long a program runs, and the most memory that it holds, in octets.
fn run(command: &mut Command) -> (Duration, u64) {
    let begin = Instant::now();
    let mut child = command.spawn().expect("the program starts");
    let status = format!("/proc/{}/status", child.id());
    let mut most = 0;
    while child.try_wait().expect("the program is ours").is_none() {
        let text = fs::read_to_string(&status).unwrap_or_default();
        let peak = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = peak.and_then(|peak| peak.trim().strip_suffix("kB")?.trim().parse().ok());
        most = most.max(kib.unwrap_or(0) * 1024);
        std::thread::sleep(Duration::from_millis(10));
    }
    let ended = child.wait().expect("the program is ours");
    assert!(ended.success(), "{command:?}: {ended}");
    (begin.elapsed(), most)
}

fn trace(program: &str, paths: [&Path; 3]) -> (Duration, u64) {
    let [capture, keys, out] = paths;
    let mut command = Command::new(env!("CARGO_BIN_EXE_naslane"));
    command.arg("trace").arg(capture).arg("--keys").arg(keys);
    command.args(["--json", "--tshark", program]);
    run(command.stdout(File::create(out).expect("a file")))
}

/// A program that hands `text` out whatever it is asked.
fn player(path: &Path, text: &Path) {
    let line = format!("#!/bin/sh\nexec cat '{}'\n", text.display());
    fs::write(path, line).expect("written");
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("made a program");
}

/// A program that asks tshark and keeps what it says.
fn recorder(path: &Path, text: &Path) {
    let line = format!(
        "#!/bin/sh\ntshark \"$@\" > '{0}' && cat '{0}'\n",
        text.display()
    );
    fs::write(path, line).expect("written");
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("made a program");
}

fn main() {
    let small = std::env::args().any(|arg| arg == "--test");
    let there = Command::new("tshark")
        .arg("-v")
        .stdout(Stdio::null())
        .status();
    if !there.is_ok_and(|status| status.success()) {
        println!("trace: no tshark here");
        return;
    }
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("bench_trace");
    fs::create_dir_all(&directory).expect("a directory");
    let [pcap, toml, out, text, script] =
        ["pcap", "toml", "json", "text", "tshark"].map(|end| directory.join(format!("a.{end}")));
    let octets = if small { 1_000_000 } else { 104_857_600 };
    let expected = capture(octets, &pcap);
    let supi = |number: u8| format!("imsi-9997001234567{:02}", number - 1);
    let keys: String = (1..=UES)
        .map(|number| keys(&[number]).replace(SUPI, &supi(number)))
        .collect();
    fs::write(&toml, keys).expect("written");
    recorder(&script, &text);
    let name = script.to_str().expect("text");
    trace(name, [&pcap, &toml, &out]);

    // Before it is timed: every message verified.
    let told: serde_json::Value =
        serde_json::from_slice(&fs::read(&out).expect("an answer")).expect("JSON");
    let summary = &told["summary"];
    assert_eq!(
        summary["verified"].as_u64(),
        Some(expected as u64),
        "{summary}"
    );
    assert_eq!(summary["unverified"].as_u64(), Some(0), "{summary}");

    let (whole, memory) = trace("tshark", [&pcap, &toml, &out]);
    player(&script, &text);
    let rounds = if small { 1 } else { 3 };
    let own = (0..rounds)
        .map(|_| trace(name, [&pcap, &toml, &out]).0)
        .min();
    println!(
        "trace: {} MB, {} messages: {:.2} s with tshark, {:.2} s of its own; at most {} MiB of memory",
        fs::metadata(&pcap).expect("a file").len() / 1_000_000,
        summary["messages"],
        whole.as_secs_f64(),
        own.unwrap_or_default().as_secs_f64(),
        memory >> 20
    );
    fs::remove_dir_all(directory).expect("removed");
}
