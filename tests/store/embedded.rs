//! The store in a file.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use naslane::store::embedded::Embedded;
use naslane::store::{Failure, Outcome, Revision, Store};

use super::conformance::{conforms, done, line, one, put, read};

/// A folder that goes with the test.
pub(super) struct Folder(PathBuf);

impl Folder {
    pub(super) fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("naslane-{name}-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        Self(folder)
    }

    pub(super) fn file(&self) -> PathBuf {
        self.0.join("store.redb")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What is left behind is only a file among temporary ones.
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn the_store_in_a_file_conforms() {
    let folder = Folder::new("conforms");
    conforms(&|| Box::new(Embedded::open(&folder.file()).unwrap()), false);
}

#[test]
fn one_process_at_a_time_and_nobody_else_reads_it() {
    let folder = Folder::new("one");
    let store = Embedded::open(&folder.file()).unwrap();
    assert_eq!(Embedded::open(&folder.file()).err(), Some(Failure::Refused));
    let mode = fs::metadata(folder.file()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    drop(store);
    Embedded::open(&folder.file()).unwrap();
}

#[test]
fn what_is_no_store_is_refused() {
    let folder = Folder::new("garbage");
    fs::write(folder.file(), vec![7; 9000]).unwrap();
    let failure = Embedded::open(&folder.file()).err();
    assert!(matches!(failure, Some(Failure::Corrupt | Failure::Refused)));
    let nowhere = Path::new("/nonexistent/store");
    assert_eq!(Embedded::open(nowhere).err(), Some(Failure::Refused));
}

#[test]
fn a_restored_file_gets_another_identity() {
    let folder = Folder::new("identity");
    let mut store = Embedded::open(&folder.file()).unwrap();
    let before = store.incarnation().unwrap();
    store.renew_identity().unwrap();
    assert_ne!(store.incarnation().unwrap(), before);
}

/// The process is killed while it writes, 20 times: whatever it was told to be done is there.
#[test]
fn what_was_acknowledged_survives_a_kill() {
    let folder = Folder::new("kill");
    if let Some(file) = std::env::var_os("NASLANE_STORE_WRITER") {
        return write_until_killed(Path::new(&file));
    }
    let mut told = 0;
    for round in 0..20 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "embedded::what_was_acknowledged_survives_a_kill"])
            .args(["--nocapture", "--test-threads=1"])
            .env("NASLANE_STORE_WRITER", folder.file())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let numbers = lines.map_while(Result::ok).filter_map(|line| {
            let (_, number) = line.split_once("acknowledged ")?;
            number.parse::<u32>().ok()
        });
        for number in numbers.take(3 + round * 5 % 17) {
            told = number;
        }
        child.kill().unwrap();
        child.wait().unwrap();
        let mut store = Embedded::open(&folder.file()).unwrap();
        let entry = read(&mut store, line(1, 1)).unwrap();
        let there = u32::from_be_bytes(entry.value[..].try_into().unwrap());
        assert!(there >= told, "{told} was acknowledged, {there} is there");
    }
    assert!(told > 100);
}

fn write_until_killed(file: &Path) {
    let mut store = Embedded::open(file).unwrap();
    let entry = read(&mut store, line(1, 1));
    let mut number = entry.as_ref().map_or(0, |entry| {
        u32::from_be_bytes(entry.value[..].try_into().unwrap())
    });
    let mut revision = entry.map_or(Revision::ABSENT, |entry| entry.revision);
    loop {
        number += 1;
        let change = put(line(1, 1), revision, &number.to_be_bytes());
        revision = match one(&mut store, change) {
            Outcome::Done(revision) => revision,
            stale @ Outcome::Stale(_) => done(stale),
        };
        let mut out = std::io::stdout().lock();
        if writeln!(out, "\nacknowledged {number}").is_err() {
            return;
        }
    }
}
