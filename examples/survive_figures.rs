//! What it costs that sessions outlive a crash: protecting with and without a journal, restarting with many sessions,
//! octets of a session in the files.
//!
//! `cargo run --release --example survive_figures [SESSIONS]`
#![allow(clippy::print_stdout)]

mod figures;

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use naslane::engine::Engine;
use naslane::engine::job::{Job, op};
use naslane::session::{Folder, Handle};
use naslane::store::KeyRing;

use figures::{BATCH, GPP, config, secured};

const ROUNDS: usize = 15;

fn folder(path: &Path) -> Folder {
    Folder::new(path, KeyRing::single(1, [0x11; 32]))
}

/// Nanoseconds for each message of one walk over all sessions.
fn walk(engine: &Engine, handles: &[Handle]) -> f64 {
    let mut arena = vec![0; BATCH * 128];
    let plain = [[0x7E, 0, 0x68, 1, 0, 57].as_slice(), &[0xAA; 57]].concat();
    let begin = Instant::now();
    for some in handles.chunks_exact(BATCH) {
        let mut jobs = [Job::default(); BATCH];
        for ((job, handle), at) in jobs.iter_mut().zip(some).zip(0..) {
            let place = at as usize * 128;
            arena[place..place + plain.len()].copy_from_slice(&plain);
            *job = Job {
                op: op::PROTECT,
                access: 1,
                session: handle.bits(),
                in_offset: place as u32,
                in_len: plain.len() as u32,
                out_offset: place as u32,
                out_capacity: 128,
                ..Job::default()
            };
        }
        assert_eq!(engine.batch(&mut jobs, &mut arena), BATCH);
    }
    let messages = handles.len() / BATCH * BATCH;
    begin.elapsed().as_nanos() as f64 / messages as f64
}

fn restart(path: &Path, sessions: usize) {
    let begin = Instant::now();
    let engine = Engine::open(&config(sessions), &folder(path)).expect("the directory");
    let opened = begin.elapsed();
    let handle = engine
        .table()
        .handle_of((sessions / 2) as u32)
        .expect("a session");
    let mut out = [0; 64];
    let sent = engine.protect(handle, GPP, &[0x7E, 0, 0x68, 1, 0, 1, 0xAA], &mut out);
    let sent = sent.expect("it comes back");
    let answered = begin.elapsed();
    println!(
        "opened in {:.1} ms, first answer (COUNT {}) after {:.1} ms",
        opened.as_secs_f64() * 1e3,
        sent.count,
        answered.as_secs_f64() * 1e3
    );
    let handles: Vec<_> = engine.table().handles().collect();
    let begin = Instant::now();
    walk(&engine, &handles);
    let each = begin.elapsed().as_secs_f64() * 1e6 / handles.len() as f64;
    println!(
        "all {} sessions: {each:.2} us each to come back",
        handles.len()
    );
    // As a crash leaves it.
    rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL)
        .expect("a signal to oneself");
}

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let sessions: usize = args
        .get(1)
        .map_or(100_000, |text| text.parse().expect("a number"));
    let path = args.get(2).map_or_else(
        || PathBuf::from(format!("/dev/shm/naslane-figures-{}", std::process::id())),
        PathBuf::from,
    );
    if args.len() > 2 {
        return restart(&path, sessions);
    }
    let (plain, kept) = (
        Engine::new(&config(sessions)).expect("an engine"),
        Engine::open(&config(sessions), &folder(&path)).expect("a directory"),
    );
    let ues = Engine::new(&config(64)).expect("an engine");
    let all = |engine| -> Vec<Handle> {
        (0..sessions as u64)
            .map(|number| {
                let (amf, ue) = secured(engine, &ues, number);
                ues.release(ue).expect("it is there");
                amf
            })
            .collect()
    };
    let (first, second) = (all(&plain), all(&kept));
    for (what, handles) in [("all", sessions), ("first 1024", 1024.min(sessions))] {
        let (mut without, mut with) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            without.push(walk(&plain, &first[..handles]));
            with.push(walk(&kept, &second[..handles]));
        }
        without.sort_by(f64::total_cmp);
        with.sort_by(f64::total_cmp);
        println!(
            "protect, {what} sessions: without {:.1} (median {:.1}) ns, with {:.1} ({:.1}) ns: {:.1} % ({:.1} %)",
            without[0],
            without[ROUNDS / 2],
            with[0],
            with[ROUNDS / 2],
            100.0 * without[0] / with[0],
            100.0 * without[ROUNDS / 2] / with[ROUNDS / 2],
        );
    }
    drop((plain, kept));
    for entry in std::fs::read_dir(&path).expect("the directory") {
        let entry = entry.expect("an entry");
        let data = entry.metadata().expect("its size");
        let each = (data.blocks() * 512) as f64 / sessions as f64;
        println!(
            "{:?}: {} octets, {each:.0} taken for a session",
            entry.file_name(),
            data.len()
        );
    }
    for _ in 0..5 {
        let begin = Instant::now();
        let mut child = Command::new(&args[0])
            .args([&args.get(1).cloned().unwrap_or_else(|| "100000".to_owned())])
            .arg(&path)
            .stdout(Stdio::inherit())
            .spawn()
            .expect("this program again");
        child.wait().expect("its end");
        println!(
            "  the whole process: {:.1} ms",
            begin.elapsed().as_secs_f64() * 1e3
        );
    }
    std::fs::remove_dir_all(&path).expect("the directory");
}
