//! Parts of this test that run in processes of their own: the test program again, with a part in its environment.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

const PART: &str = "NASLANE_SIDECAR_PART";
const SOCKET: &str = "NASLANE_SIDECAR_SOCKET";

/// What a part has: the daemon's socket, and lines from and to the test.
pub struct Stage {
    pub socket: std::path::PathBuf,
}

impl Stage {
    pub fn say(&self, line: &str) {
        // The test harness writes lines of its own to the same place.
        let mut out = std::io::stdout();
        writeln!(out, "\n::{line}").unwrap();
        out.flush().unwrap();
    }

    pub fn hear(&self) -> String {
        let mut line = String::new();
        std::io::stdin().read_line(&mut line).unwrap();
        line.trim().to_owned()
    }
}

/// The entry of every part; without one in the environment there is nothing to do.
#[test]
fn part() {
    let Ok(part) = std::env::var(PART) else {
        return;
    };
    let stage = Stage {
        socket: std::env::var_os(SOCKET).unwrap().into(),
    };
    match part.as_str() {
        "idle" => crate::death::idle(&stage),
        "keyless" => crate::secrets::keyless(&stage),
        "hostile" => crate::hostile::attack(&stage),
        "hardened" => crate::hardening::hardened(&stage),
        other => panic!("no part {other}"),
    }
}

/// A part that runs; killed when the test is done with it.
pub struct Actor {
    pub child: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
}

impl Actor {
    pub fn start(part: &str, socket: &Path) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "child::part", "--nocapture", "--test-threads=1"])
            .env(PART, part)
            .env(SOCKET, socket)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        Self {
            to: child.stdin.take().unwrap(),
            from: BufReader::new(child.stdout.take().unwrap()),
            child,
        }
    }

    pub fn say(&mut self, line: &str) {
        writeln!(self.to, "{line}").unwrap();
    }

    /// The next line that the part says.
    pub fn hear(&mut self) -> String {
        let mut line = String::new();
        loop {
            line.clear();
            assert_ne!(self.from.read_line(&mut line).unwrap(), 0, "it ended");
            if let Some(said) = line.trim_end().strip_prefix("::") {
                return said.to_owned();
            }
        }
    }

    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Waits for its own end; true when it passed.
    pub fn passed(mut self) -> bool {
        let mut rest = String::new();
        self.from.read_to_string(&mut rest).unwrap();
        self.child.wait().unwrap().success()
    }
}

impl Drop for Actor {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
