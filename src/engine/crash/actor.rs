//! The process that is killed, from outside.

use std::io::{Read, Write};
use std::path::Path;
use std::process::{Child, ChildStderr, ChildStdin, Command, Stdio};

use super::child::{FOLDER, ORDER, Order};

/// One call of the engine in the other process.
#[derive(Clone, Debug)]
pub(super) struct Ask {
    pub(super) op: u8,
    pub(super) handle: u64,
    pub(super) access: u8,
    pub(super) octets: Vec<u8>,
}

/// What came of it.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    /// Which of the calls.
    pub(super) number: u16,
    /// Status of the C ABI.
    pub(super) status: i32,
    /// A handle, or a COUNT; for [`op::VERIFY`] the number of the procedure's end in the upper half.
    pub(super) value: u64,
    pub(super) octets: Vec<u8>,
}

pub(super) mod op {
    pub(in super::super) const ESTABLISH: u8 = 1;
    pub(in super::super) const AUTHENTICATED: u8 = 2;
    pub(in super::super) const COMMAND: u8 = 3;
    pub(in super::super) const PROTECT: u8 = 4;
    pub(in super::super) const VERIFY: u8 = 5;
    pub(in super::super) const RELEASE: u8 = 6;
    pub(in super::super) const SESSIONS: u8 = 7;
    /// A run of slice authentication that ends with this status; 0: a revocation.
    pub(in super::super) const SLICE: u8 = 8;
    /// The status of that slice; 9 without a subscription.
    pub(in super::super) const STATUS: u8 = 9;
}

const HEAD: usize = 16;

pub(super) fn write_ask(out: &mut Vec<u8>, ask: &Ask) {
    out.push(ask.op);
    out.push(ask.access);
    out.extend_from_slice(&ask.handle.to_be_bytes());
    out.extend_from_slice(&(ask.octets.len() as u16).to_be_bytes());
    out.extend_from_slice(&ask.octets);
}

/// The next call; `None` at the end.
pub(super) fn read_ask(from: &mut impl Read) -> Option<Ask> {
    let mut head = [0; 12];
    from.read_exact(&mut head).ok()?;
    let mut octets = vec![0; u16::from_be_bytes([head[10], head[11]]).into()];
    from.read_exact(&mut octets).ok()?;
    Some(Ask {
        op: head[0],
        access: head[1],
        handle: u64::from_be_bytes(head[2..10].try_into().unwrap()),
        octets,
    })
}

pub(super) fn write_answer(to: &mut impl Write, answer: &Answer) {
    let mut out = Vec::with_capacity(HEAD + answer.octets.len());
    out.extend_from_slice(&answer.number.to_be_bytes());
    out.extend_from_slice(&answer.status.to_be_bytes());
    out.extend_from_slice(&answer.value.to_be_bytes());
    out.extend_from_slice(&(answer.octets.len() as u16).to_be_bytes());
    out.extend_from_slice(&answer.octets);
    // In one piece, so that an answer is there or not.
    to.write_all(&out).unwrap();
}

/// The other process. It dies with this.
pub(super) struct Actor {
    child: Child,
    to: ChildStdin,
    from: ChildStderr,
}

impl Actor {
    pub(super) fn start(folder: &Path, order: Order) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "engine::crash::child::part", "--nocapture"])
            .arg("--test-threads=1")
            .env(FOLDER, folder)
            .env(
                ORDER,
                if order == Order::Wrong {
                    "wrong"
                } else {
                    "right"
                },
            )
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        Self {
            to: child.stdin.take().unwrap(),
            from: child.stderr.take().unwrap(),
            child,
        }
    }

    pub(super) fn ask(&mut self, asks: &[Ask]) {
        let mut out = Vec::new();
        asks.iter().for_each(|ask| write_ask(&mut out, ask));
        self.to.write_all(&out).unwrap();
    }

    /// The next answer; `None` when the process is gone.
    pub(super) fn hear(&mut self) -> Option<Answer> {
        let mut head = [0; HEAD];
        self.from.read_exact(&mut head).ok()?;
        let mut octets = vec![0; u16::from_be_bytes([head[14], head[15]]).into()];
        let whole = self.from.read_exact(&mut octets);
        let answer = Answer {
            number: u16::from_be_bytes([head[0], head[1]]),
            status: i32::from_be_bytes(head[2..6].try_into().unwrap()),
            value: u64::from_be_bytes(head[6..14].try_into().unwrap()),
            octets,
        };
        if whole.is_err() || answer.number > 10_000 {
            let mut rest = head.to_vec();
            let _ = self.from.read_to_end(&mut rest);
            panic!("it says: {}", String::from_utf8_lossy(&rest));
        }
        Some(answer)
    }

    /// One call and its answer.
    pub(super) fn call(&mut self, ask: Ask) -> Answer {
        self.ask(&[ask]);
        self.hear().expect("it ended by itself")
    }

    pub(super) fn kill(&mut self) {
        self.child.kill().unwrap();
    }
}

impl Drop for Actor {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
