//! What the rows share: processors, times, subscribers and their messages.

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use naslane::algorithm::{Nea, Nia};
use naslane::base::{AccessType, NgKsi};
use naslane::door::{Door, Queue};
use naslane::engine::job::{Job, op};
use naslane::engine::worker::{Cores, Wait};
use naslane::engine::{Config, Engine, QueueConfig, WorkersConfig};
use naslane::kdf::KAmf;
use naslane::nas::UeSecurityCapability;
use naslane::procedure::smc::{Activation, Answer, Request};
use naslane::security::{Algorithms, Identity, Role};
use naslane::session::Handle;
use rustix::thread::{CpuSet, sched_setaffinity};

pub(crate) const GPP: AccessType = AccessType::ThreeGpp;
pub(crate) const PLAIN: usize = 64;
/// Octets of the arena that a subscriber has: a plain message, its PDU, a PDU of the UE, its plain message.
const PLACE: usize = 512;
const PROTECTED: usize = 128;
const UPLINK: usize = 256;
const VERIFIED: usize = 384;

pub(crate) struct Run {
    pub(crate) rounds: usize,
    pub(crate) trips: u64,
    pub(crate) passes: usize,
    /// Client's and worker's processor.
    pub(crate) cores: [usize; 2],
    pub(crate) two: bool,
}

pub(crate) fn pin(cores: &[usize]) {
    let mut set = CpuSet::new();
    cores.iter().for_each(|core| set.set(*core));
    sched_setaffinity(None, &set).expect("processors of this process");
}

pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Prints minimum and median of the rounds; returns the median.
pub(crate) fn print(name: &str, values: &[f64]) -> f64 {
    let least = values.iter().copied().fold(f64::INFINITY, f64::min);
    let median = median(values.to_vec());
    println!("   {name:52} minimum {least:9.1} ns, median {median:9.1} ns");
    median
}

/// The target of a ratio.
#[derive(Clone, Copy)]
pub(crate) enum Target {
    AtMost(f64),
    AtLeast(f64),
}

/// Prints a row of the table: `a` over `b`, round by round.
pub(crate) fn row(name: &str, (a, b): (&[f64], &[f64]), target: Target) {
    let each = a.iter().zip(b).map(|(a, b)| a / b).collect();
    let least = |times: &[f64]| times.iter().copied().fold(f64::INFINITY, f64::min);
    verdict(name, median(each), least(a) / least(b), target);
}

/// Prints a row of the table: the median of the rounds' ratios, which decides, and the ratio of the minima.
pub(crate) fn verdict(name: &str, ratio: f64, minima: f64, target: Target) {
    let (words, met) = match target {
        Target::AtMost(most) => (format!("<= {most}"), ratio <= most),
        Target::AtLeast(least) => (format!(">= {least}"), ratio >= least),
    };
    let answer = if met { "yes" } else { "NO" };
    println!("## {name}: {ratio:.2} (of the minima {minima:.2}), target {words}: {answer}");
}

/// Waits as both sides of a round trip do.
pub(crate) fn until(run: &Run, mut ready: impl FnMut() -> bool) {
    while !ready() {
        if run.two {
            std::hint::spin_loop();
        } else {
            std::thread::yield_now();
        }
    }
}

pub(crate) type Mix = (&'static str, &'static [(Nea, Nia)]);

const AES: (Nea, Nia) = (Nea::Nea2, Nia::Nia2);
const SNOW: (Nea, Nia) = (Nea::Nea1, Nia::Nia1);
const ZUC: (Nea, Nia) = (Nea::Nea3, Nia::Nia3);
/// The last one is "the NAS mix" of the table.
pub(crate) const MIXES: [Mix; 4] = [
    ("AES", &[AES]),
    ("SNOW 3G", &[SNOW]),
    ("ZUC", &[ZUC]),
    (
        "NAS mix: half AES, a quarter SNOW 3G, a quarter ZUC",
        &[AES, SNOW, AES, ZUC],
    ),
];
pub(crate) const NAS_MIX: Mix = MIXES[3];

pub(crate) fn plain() -> [u8; PLAIN] {
    let mut plain = [0xA5; PLAIN];
    plain[..3].copy_from_slice(&[0x7E, 0, 0x67]);
    plain
}

fn identity(number: u64) -> Identity {
    let mut k_amf = [0x5A; 32];
    k_amf[..8].copy_from_slice(&number.to_be_bytes());
    Identity {
        k_amf: KAmf::new(k_amf),
        ng_ksi: NgKsi::native(0).expect("0 is native"),
        ue_sec_cap: UeSecurityCapability::from_value(&[0xF0, 0x70]).expect("two octets"),
        emergency: false,
    }
}

/// Subscribers behind a door: the AMF half there, the UE half here.
pub(crate) struct World {
    pub(crate) door: Door,
    pub(crate) handles: Vec<Handle>,
    ue: Engine,
    ues: Vec<Handle>,
    cores: Vec<usize>,
    /// A PDU of each UE, to be verified again and again without a commit.
    uplinks: Vec<Vec<u8>>,
    // After the door.
    _daemon: Option<Daemon>,
}

impl World {
    fn new(run: &Run, (door, daemon): (Door, Option<Daemon>), (mix, count): (Mix, usize)) -> Self {
        let ue = Engine::new(&Config::for_sessions(2 * count)).expect("starts");
        let mut world = Self {
            door,
            handles: Vec::new(),
            ue,
            ues: Vec::new(),
            cores: run.cores.to_vec(),
            uplinks: Vec::new(),
            _daemon: daemon,
        };
        for number in 0..count {
            world.admit(number as u64, mix.1[number % mix.1.len()]);
        }
        world
    }

    /// One worker of this process, on the second processor.
    pub(crate) fn workers(run: &Run, wait: Wait, of: (Mix, usize)) -> Self {
        let mut config = WorkersConfig {
            engine: Config::for_sessions(2 * of.1),
            workers: 1,
            wait,
            ..WorkersConfig::default()
        };
        if run.two {
            config.cores = Cores::List(vec![run.cores[1]]);
        }
        // A plan is made from what the calling thread may use.
        pin(&run.cores);
        let door = Door::workers(&config).expect("starts");
        pin(&run.cores[..1]);
        Self::new(run, (door, None), of)
    }

    /// No worker: what is submitted runs on this thread when completions are asked for.
    pub(crate) fn inline(run: &Run, of: (Mix, usize)) -> Self {
        let door = Door::inline(&Config::for_sessions(2 * of.1)).expect("starts");
        Self::new(run, (door, None), of)
    }

    /// A sidecar with one worker on the second processor.
    pub(crate) fn sidecar(run: &Run, of: (Mix, usize)) -> Self {
        pin(&run.cores);
        let daemon = Daemon::start(run, of.1);
        pin(&run.cores[..1]);
        let door = Door::connect(daemon.directory.join("s"), "").expect("serves");
        Self::new(run, (door, Some(daemon)), of)
    }

    fn admit(&mut self, number: u64, (nea, nia): (Nea, Nia)) {
        let (door, ue) = (&self.door, &self.ue);
        let amf = door.establish(Role::Amf).expect("room");
        let own = ue.establish(Role::Ue).expect("room");
        door.authenticated(amf, identity(number)).expect("fresh");
        ue.authenticated(own, identity(number)).expect("fresh");
        let (mut command, mut answer) = ([0; 256], [0; 256]);
        let mut request = Request::new(GPP, Activation::Partial);
        request.algorithms = Some(Algorithms { nea, nia });
        let sent = door.smc_command(amf, &request, &mut command);
        let sent = sent.expect("command");
        let env = ue.ue_env(identity(number).ue_sec_cap);
        let complete = ue.ue_command(own, (GPP, &command[..sent.len]), &env, &mut answer);
        let Ok(Answer::Complete(complete)) = complete else {
            panic!("{complete:?}")
        };
        let received = door.verify(amf, GPP, &answer[..complete.len], &mut command);
        assert!(received.procedure.is_some(), "{received:?}");
        let mut uplink = vec![0; PLAIN + 7];
        ue.protect(own, GPP, &plain(), &mut uplink)
            .expect("secured");
        self.handles.push(amf);
        self.ues.push(own);
        self.uplinks.push(uplink);
    }

    /// The engine of the one worker.
    pub(crate) fn engine(&self) -> &Engine {
        self.door.shard(self.handles[0]).expect("of this process")
    }

    /// An arena with everybody's messages.
    pub(crate) fn arena(&self) -> Vec<u8> {
        let mut arena = vec![0; self.handles.len() * PLACE];
        for (place, uplink) in arena.chunks_mut(PLACE).zip(&self.uplinks) {
            place[..PLAIN].copy_from_slice(&plain());
            place[UPLINK..][..uplink.len()].copy_from_slice(uplink);
        }
        arena
    }

    /// A queue whose arena is that; `entries` may be under way.
    pub(crate) fn queue(&self, entries: usize) -> Queue {
        let arena = self.arena();
        let config = QueueConfig {
            entries: entries as u32,
            arena: arena.len(),
        };
        // A client that may use one processor only does not spin.
        pin(&self.cores);
        let mut queue = self.door.open_queue(&config).expect("opens");
        pin(&self.cores[..1]);
        queue.write(0, &arena).expect("in range");
        queue
    }

    /// A job of subscriber `number`: a downlink message is protected, or the uplink one verified.
    pub(crate) fn job(&self, number: usize, downlink: bool) -> Job {
        let place = number * PLACE;
        let (op, input, len, output) = if downlink {
            (op::PROTECT, place, PLAIN, place + PROTECTED)
        } else {
            (op::VERIFY_ONLY, place + UPLINK, PLAIN + 7, place + VERIFIED)
        };
        Job {
            op,
            access: 1,
            session: self.handles[number].bits(),
            user_data: number as u64,
            in_offset: input as u32,
            in_len: len as u32,
            out_offset: output as u32,
            out_capacity: 128,
            ..Job::default()
        }
    }

    /// Once for everybody, and with a look at what came out: the UEs read what was protected.
    pub(crate) fn check(&self, arena: &[u8]) {
        let mut out = [0; PLAIN + 7];
        for (place, own) in arena.chunks(PLACE).zip(&self.ues) {
            assert_eq!(place[VERIFIED..][..PLAIN], plain());
            let pdu = &place[PROTECTED..][..PLAIN + 7];
            let read = self.ue.verify(*own, GPP, pdu, &mut out);
            assert_eq!((read.plain_len(), &out[..PLAIN]), (Ok(PLAIN), &plain()[..]));
        }
    }
}

/// The job after one that is done, which it checks.
#[inline]
pub(crate) fn next(world: &World, done: &Job) -> Job {
    let len = match done.op {
        op::PROTECT => PLAIN + 7,
        _ => PLAIN,
    };
    assert_eq!((done.status, done.out_len as usize), (0, len), "{done:?}");
    world.job(done.user_data as usize, done.op != op::PROTECT)
}

/// `naslane serve` as a child, on a socket in a directory of its own.
struct Daemon {
    child: Child,
    directory: PathBuf,
}

impl Daemon {
    fn start(run: &Run, sessions: usize) -> Self {
        let name = format!("naslane-rings-{}", std::process::id());
        let directory = std::env::temp_dir().join(name);
        fs::create_dir_all(&directory).expect("a directory");
        let config = directory.join("naslane.toml");
        let socket = directory.join("s");
        let text = format!(
            "socket = {socket:?}\n[workers]\ncount = 1\ncores = [{}]\nwait = \"adaptive\"\n[quota]\nsessions = {sessions}\n\
             [engine]\nsessions = {}\n[hardening]\nlock_memory = \"try\"\n[http]\nlisten = \"\"\n",
            run.cores[1],
            2 * sessions
        );
        fs::write(&config, text).expect("written");
        let child = Command::new(env!("CARGO_BIN_EXE_naslane"))
            .args(["serve", "--config"])
            .arg(&config)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("starts");
        let daemon = Self { child, directory };
        let begin = Instant::now();
        while Door::connect(&socket, "").is_err() {
            assert!(begin.elapsed() < Duration::from_secs(20), "does not serve");
            std::thread::sleep(Duration::from_millis(10));
        }
        daemon
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.directory);
    }
}
