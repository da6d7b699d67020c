//! A daemon, and subscribers whose AMF half is in it and whose UE half is here.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use naslane::base::AccessType;
use naslane::engine::job::{Job, SmcJob, op};
use naslane::engine::{Engine, Queue};
use naslane::procedure::smc::{Activation, Answer, Request};
use naslane::security::Role;
use naslane::session::Handle;
use naslane::sidecar::{Client, connect};
use rustix::process::{Pid, Signal, kill_process};

use crate::common::{DOWNLINK, GPP, UPLINK, capability, identity};

/// Longer than anything here takes on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Octets of a queue's arena that each job of a test gets.
pub const STRETCH: u32 = 1024;

/// Sections that a test may replace; memory is locked only where a test says so, because ordinary users may not.
const CALM: &str =
    "[workers]\ncount = 2\npinned = false\nwait = \"block\"\n[engine]\nsessions = 512\n";

pub struct Daemon {
    child: Child,
    pub directory: PathBuf,
    pub socket: PathBuf,
}

/// A directory of this test with a short name: the path of a socket has 107 octets at most.
pub fn directory(name: &str) -> PathBuf {
    let path = std::env::temp_dir().join(format!("naslane-{}-{name}", std::process::id()));
    let _ = fs::remove_dir_all(&path);
    fs::create_dir_all(&path).unwrap();
    path
}

pub fn program(config: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_naslane"));
    command.args(["serve", "--config"]).arg(config);
    command
}

impl Daemon {
    /// A daemon with two workers that sleep when idle.
    pub fn start(name: &str, more: &str) -> Self {
        Self::with(name, &format!("{CALM}{more}"))
    }

    /// A daemon with these sections.
    pub fn with(name: &str, sections: &str) -> Self {
        let directory = directory(name);
        let socket = directory.join("s");
        let mut daemon = Self {
            child: Command::new("true").spawn().unwrap(),
            directory,
            socket,
        };
        let _ = daemon.child.wait();
        daemon.configure(sections);
        daemon.launch();
        daemon
    }

    /// Writes the settings.
    pub fn configure(&self, sections: &str) {
        let hardening = if sections.contains("[hardening]") {
            ""
        } else {
            "[hardening]\nlock_memory = \"try\"\n"
        };
        let head = if sections.starts_with("io") { "" } else { "\n" };
        // Daemons of several tests run at a time: the default port would be one for all.
        let http = if sections.contains("[http]") {
            ""
        } else {
            "[http]\nlisten = \"\"\n"
        };
        let text = format!(
            "socket = {:?}\n{head}{sections}\n{hardening}{http}",
            self.socket.to_str().unwrap()
        );
        // In one piece: a daemon that reads meanwhile sees the old or the new one.
        let new = self.directory.join("new");
        fs::write(&new, text).unwrap();
        fs::rename(new, self.config()).unwrap();
    }

    pub fn config(&self) -> PathBuf {
        self.directory.join("naslane.toml")
    }

    /// Starts the program again on the same socket.
    pub fn launch(&mut self) {
        let before = self.log().len();
        let log = File::options()
            .create(true)
            .append(true)
            .open(self.directory.join("log"))
            .unwrap();
        self.child = program(&self.config())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        let begin = Instant::now();
        while !self.log()[before..].contains("serving at") {
            let ended = self.child.try_wait().unwrap();
            assert!(ended.is_none(), "{ended:?}: {}", self.log());
            assert!(begin.elapsed() < PATIENCE, "not up: {}", self.log());
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    pub fn log(&self) -> String {
        fs::read_to_string(self.directory.join("log")).unwrap_or_default()
    }

    /// Waits until the log has this line.
    pub fn says(&self, what: &str) {
        let begin = Instant::now();
        while !self.log().contains(what) {
            assert!(
                begin.elapsed() < PATIENCE,
                "no \"{what}\" in: {}",
                self.log()
            );
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    pub fn connect(&self, name: &str) -> Client {
        connect(&self.socket, name).unwrap()
    }

    pub fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(self.child.id() as i32).unwrap();
        kill_process(pid, signal).unwrap();
    }

    /// Exit code, or minus the signal.
    pub fn end(&mut self) -> i32 {
        let begin = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code().unwrap_or_else(|| -status.signal().unwrap());
            }
            assert!(begin.elapsed() < PATIENCE, "does not end: {}", self.log());
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// It lives and answers.
    pub fn is_well(&mut self) {
        assert_eq!(self.child.try_wait().unwrap(), None, "{}", self.log());
        self.connect("").ping().unwrap();
        assert!(!self.log().contains("panicked"), "{}", self.log());
    }

    /// What its HTTP server, of the last launch, answers.
    pub fn get(&self, path: &str) -> String {
        let log = self.log();
        let address = log.rsplit("metrics at http://").next().unwrap();
        let address = address.lines().next().unwrap().trim();
        let mut stream = TcpStream::connect(address).unwrap();
        write!(
            stream,
            "GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.directory);
    }
}

/// Runs jobs through a queue, each with its stretch of the arena, and gives them back in their order.
pub fn run(queue: &mut Queue, jobs: &mut [(Job, Vec<u8>)]) {
    let mut orders: Vec<Job> = Vec::new();
    for (index, (job, octets)) in jobs.iter().enumerate() {
        let start = index as u32 * STRETCH;
        queue.write(start, octets).unwrap();
        let apart = start + STRETCH / 2;
        let in_place = matches!(job.op, op::PROTECT | op::VERIFY);
        orders.push(Job {
            user_data: index as u64,
            in_offset: start,
            in_len: octets.len() as u32,
            out_offset: if in_place { start } else { apart },
            out_capacity: if in_place { STRETCH } else { STRETCH / 2 },
            ..*job
        });
    }
    let (mut sent, mut back) = (0, 0);
    let begin = Instant::now();
    let mut seen = vec![false; jobs.len()];
    while back < jobs.len() {
        sent += queue.submit(&orders[sent..]);
        let mut done = [Job::default(); 64];
        let count = queue.reap(&mut done);
        for job in &done[..count] {
            let index = job.user_data as usize;
            assert!(!std::mem::replace(&mut seen[index], true), "twice: {index}");
            jobs[index].0 = *job;
            jobs[index].1 = vec![0; job.out_len as usize];
            queue.read(job.out_offset, &mut jobs[index].1).unwrap();
        }
        back += count;
        if count == 0 {
            assert!(
                begin.elapsed() < PATIENCE,
                "{back} of {} came back",
                jobs.len()
            );
            queue.wait(Some(Duration::from_millis(100))).unwrap();
        }
    }
}

/// One job.
pub fn one(queue: &mut Queue, job: Job, octets: &[u8]) -> (Job, Vec<u8>) {
    let mut jobs = [(job, octets.to_vec())];
    run(queue, &mut jobs);
    let [done] = jobs;
    done
}

pub fn job(op: u8, session: Handle) -> Job {
    Job {
        op,
        access: 1,
        session: session.bits(),
        ..Job::default()
    }
}

/// One UE: its AMF half in the daemon, its own half in `engine`.
pub struct Subscriber {
    pub amf: Handle,
    pub ue: Handle,
}

impl Subscriber {
    /// Both halves with the same K_AMF.
    pub fn authenticated(client: &Client, engine: &Engine, number: u64) -> Self {
        let amf = client.establish(Role::Amf, number).unwrap();
        client.authenticated(amf, &identity(number, 0)).unwrap();
        let ue = engine.establish(Role::Ue).unwrap();
        engine.authenticated(ue, identity(number, 0)).unwrap();
        Self { amf, ue }
    }

    /// The security mode procedure.
    pub fn secure(&self, queue: &mut Queue, engine: &Engine) {
        let (done, command) = one(
            queue,
            job(op::SMC_COMMAND, self.amf),
            &SmcJob::default().write(),
        );
        assert_eq!(done.status, 0);
        self.complete(queue, engine, &command);
    }

    /// The whole security mode procedure, the command from a job.
    pub fn secured(client: &Client, queue: &mut Queue, engine: &Engine, number: u64) -> Self {
        let own = Self::authenticated(client, engine, number);
        own.secure(queue, engine);
        own
    }

    /// The same, the command from the control plane.
    pub fn secured_by_verb(
        client: &Client,
        queue: &mut Queue,
        engine: &Engine,
        number: u64,
    ) -> Self {
        let own = Self::authenticated(client, engine, number);
        let mut out = [0; 400];
        let request = Request::new(GPP, Activation::Partial);
        let sent = client.smc_command(own.amf, &request, &mut out).unwrap();
        own.complete(queue, engine, &out[..sent.len]);
        own
    }

    fn complete(&self, queue: &mut Queue, engine: &Engine, command: &[u8]) {
        let complete = self.answer(engine, command);
        let (done, _) = one(queue, job(op::VERIFY, self.amf), &complete);
        assert_eq!(
            (done.status, done.event),
            (0, naslane::engine::job::event::COMPLETED)
        );
    }

    /// The UE's SECURITY MODE COMPLETE.
    pub fn answer(&self, engine: &Engine, command: &[u8]) -> Vec<u8> {
        let mut out = vec![0; 512];
        let initial = [0x7E, 0, 0x41, 0x79, 0, 1, 0x2E, 2, 0xF0, 0x70];
        let mut env = engine.ue_env(capability());
        env.whole_initial = Some(&initial);
        let answer = engine
            .ue_command(self.ue, (AccessType::ThreeGpp, command), &env, &mut out)
            .unwrap();
        let Answer::Complete(sent) = answer else {
            panic!("{answer:?}")
        };
        out.truncate(sent.len);
        out
    }

    pub fn uplink(&self, engine: &Engine) -> Vec<u8> {
        crate::common::protect(engine, self.ue, GPP, UPLINK)
    }

    /// One message each way.
    pub fn talk(&self, queue: &mut Queue, engine: &Engine) {
        let (up, plain) = one(queue, job(op::VERIFY, self.amf), &self.uplink(engine));
        assert_eq!((up.status, plain.as_slice()), (0, UPLINK));
        let (down, pdu) = one(queue, job(op::PROTECT, self.amf), DOWNLINK);
        assert_eq!(down.status, 0);
        let heard = crate::common::verify(engine, self.ue, GPP, &pdu);
        assert_eq!(heard, Ok(DOWNLINK.to_vec()));
    }
}
