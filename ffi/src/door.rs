//! ## Level 3: workers and the sidecar
//!
//! The same engine elsewhere, on Linux. Workers are threads of this process, each with its share of the sessions. A
//! sidecar is another process, `naslane serve`, which alone holds the keys. Calls about one session run on the caller's
//! thread with workers, and take a round trip of microseconds through a sidecar; naslane_batch() and queues run there.

use std::ffi::{OsStr, c_char};
use std::os::unix::ffi::OsStrExt;
use std::time::Duration;

use engine::base::{Error, Result};
use engine::door::Door;
use engine::engine::WorkersConfig;
use engine::engine::worker::{Cores, Wait};
use engine::session::Handle;
use engine::sidecar::TapSwitch;

use crate::engine::{config_of, naslane_config, naslane_engine, of};
use crate::guard;
use crate::pointer::{Out, copied, list, octets, text};

/// `wait`: a worker without jobs looks again at once. Least latency; takes a whole processor.
pub const NASLANE_WAIT_SPIN: u8 = 0;
/// `wait`: looks for `spin_us`, then sleeps.
pub const NASLANE_WAIT_ADAPTIVE: u8 = 1;
/// `wait`: sleeps at once.
pub const NASLANE_WAIT_BLOCK: u8 = 2;

/// `cores`: the last processors that this process may use, one each; unpinned when that leaves none to the callers.
pub const NASLANE_CORES_AUTO: u8 = 0;
/// `cores`: wherever the system puts them.
pub const NASLANE_CORES_UNPINNED: u8 = 1;
/// `cores`: those in `core_list`.
pub const NASLANE_CORES_LIST: u8 = 2;

/// Octets of the longest path of a socket, without the NUL.
pub const NASLANE_PATH_MAX: usize = 107;
/// Octets of the longest name of a client, without the NUL.
pub const NASLANE_NAME_MAX: usize = 32;

/// How workers are started. Fill it with [`naslane_workers_init`], then change what differs.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct naslane_workers {
    /// Octets of this structure.
    pub size: usize,
    /// Workers, at most 256; 0 (default): one for each processor but one.
    pub workers: usize,
    /// Microseconds that an adaptive worker spins before it sleeps, and a caller in naslane_queue_wait(); default 50.
    pub spin_us: u32,
    /// NASLANE_WAIT_...; default ADAPTIVE. With one processor always BLOCK: see naslane_plan().
    pub wait: u8,
    /// NASLANE_CORES_...; default AUTO.
    pub cores: u8,
    /// 0.
    pub reserved: [u8; 2],
    /// NASLANE_CORES_LIST: numbers of processors, worker 0 on the first, and so on.
    pub core_list: *const u32,
    /// How many; at least as many as workers.
    pub core_list_len: usize,
}

impl naslane_workers {
    fn start() -> Self {
        let WorkersConfig { workers, spin, .. } = WorkersConfig::default();
        Self {
            size: size_of::<Self>(),
            workers,
            spin_us: u32::try_from(spin.as_micros()).unwrap_or(u32::MAX),
            wait: NASLANE_WAIT_ADAPTIVE,
            cores: NASLANE_CORES_AUTO,
            reserved: [0; 2],
            core_list: std::ptr::null(),
            core_list_len: 0,
        }
    }

    unsafe fn read(&self, engine: engine::Config) -> Result<WorkersConfig> {
        if self.size != size_of::<Self>() || self.reserved != [0; 2] {
            return Err(Error::Argument);
        }
        let wait = match self.wait {
            NASLANE_WAIT_SPIN => Wait::Spin,
            NASLANE_WAIT_ADAPTIVE => Wait::Adaptive,
            NASLANE_WAIT_BLOCK => Wait::Block,
            _ => return Err(Error::Argument),
        };
        let cores = match self.cores {
            NASLANE_CORES_AUTO => Cores::Auto,
            NASLANE_CORES_UNPINNED => Cores::Unpinned,
            NASLANE_CORES_LIST => {
                // SAFETY: the contract in `pointer`.
                let list = unsafe { list(self.core_list, self.core_list_len) }?;
                Cores::List(list.into_iter().map(|core| core as usize).collect())
            }
            _ => return Err(Error::Argument),
        };
        Ok(WorkersConfig {
            engine,
            workers: self.workers,
            wait,
            spin: Duration::from_micros(self.spin_us.into()),
            cores,
            ..WorkersConfig::default()
        })
    }
}

/// Fills how workers are started with the defaults.
///
/// Errors: NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn naslane_workers_init(workers: *mut naslane_workers) -> i32 {
    guard::call(|| {
        // SAFETY: the contract in `pointer`.
        let out = unsafe { Out::new(workers) }?;
        out.put(&naslane_workers::start());
        Ok(())
    })
}

/// Starts an engine whose batches and queues run on workers, among whom the sessions of `config` are shared out. NULL as
/// `config` or `workers` takes the defaults. [`naslane_engine_free`] ends it.
///
/// Errors: as for [`naslane_engine_new`]; ARGUMENT also for processors that are not there or too few.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn naslane_workers_new(
    config: *const naslane_config,
    workers: *const naslane_workers,
    engine: *mut *mut naslane_engine,
) -> i32 {
    guard::call(|| {
        // SAFETY: the contract in `pointer`.
        let out = unsafe { Out::new(engine) }?
            .apart(config, 1)?
            .apart(workers, 1)?;
        // SAFETY: as above.
        let (config, out) = unsafe { workers_of(config, workers, out) }?;
        out.put(&naslane_engine::give(Door::workers(&config)?));
        Ok(())
    })
}

/// How workers are to be started; NULL stands for the defaults. The list of cores is apart from `out`.
pub(crate) unsafe fn workers_of<T: Copy>(
    config: *const naslane_config,
    workers: *const naslane_workers,
    out: Out<T>,
) -> Result<(WorkersConfig, Out<T>)> {
    // SAFETY: the contract in `pointer`.
    let (config, workers) = unsafe {
        let workers = if workers.is_null() {
            naslane_workers::start()
        } else {
            copied(workers)?
        };
        (config_of(config)?, workers)
    };
    let out = out.apart(workers.core_list, workers.core_list_len)?;
    // SAFETY: as above.
    Ok((unsafe { workers.read(config) }?, out))
}

/// Connects to the sidecar whose socket is at `path`. Its configuration is its own; it has AMF halves only, and no K_AMF
/// leaves it (UNSUPPORTED). [`naslane_engine_free`] disconnects.
///
/// `name` may be NULL. With a name (letters, digits, `-`, `_`, `.`) the client takes over the sessions that a client of
/// this name and user left behind, when the sidecar keeps them: their handles are valid as before.
///
/// When the sidecar goes away every call is DISCONNECTED, and so are the jobs of its queues; connect again.
///
/// Errors: NULL, DISCONNECTED (nobody listens there), DENIED, VERSION, BUSY (a client of this name is connected),
/// ARGUMENT (name or path), TOO_LONG, OVERLAP, SYSTEM.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn naslane_connect(
    path: *const c_char,
    name: *const c_char,
    engine: *mut *mut naslane_engine,
) -> i32 {
    guard::call(|| {
        // SAFETY: the contract in `pointer`; a path has no other rule than its NUL.
        let (path, out) = unsafe { (path_of(path)?, Out::new(engine)?) };
        let out = out.apart(path.as_ptr(), path.len() + 1)?;
        let (name, out) = if name.is_null() {
            ("", out)
        } else {
            // SAFETY: as above.
            let text = unsafe { text(name, NASLANE_NAME_MAX) }?;
            (text, out.apart(name, text.len() + 1)?)
        };
        let door = Door::connect(OsStr::from_bytes(path), name)?;
        out.put(&naslane_engine::give(door));
        Ok(())
    })
}

/// Has the messages of a session in a sidecar written down from now on, deciphered (`on` 1), or no longer (0): in a file
/// that Wireshark opens, in the directory that the sidecar's settings name. `file` takes the number of the file, which
/// its name and the sidecar's log have. A tap ends by itself with the session, at a size and after a time.
///
/// The file holds what a subscriber sends: the operator decides who may ask for it. It never holds a key.
///
/// Errors: NULL, HANDLE, ARGUMENT (on), UNSUPPORTED (no sidecar, or one that taps nothing), DENIED (not this user),
/// QUOTA (too many at a time, or all files used), CONFLICT (it is tapped, or not), SYSTEM, DISCONNECTED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn naslane_tap(
    engine: *const naslane_engine,
    session: u64,
    on: u8,
    file: *mut u64,
) -> i32 {
    guard::call(|| {
        // SAFETY: the contract in `pointer`.
        let (engine, out) = unsafe { (of(engine)?, Out::new(file)?) };
        let switch = match on {
            0 => TapSwitch::Off,
            1 => TapSwitch::On,
            _ => return Err(Error::Argument),
        };
        out.put(&engine.tap(Handle::from_bits(session)?, switch)?);
        Ok(())
    })
}

/// The octets of a path, which need not be text.
unsafe fn path_of<'a>(path: *const c_char) -> Result<&'a [u8]> {
    if path.is_null() {
        return Err(Error::Null);
    }
    let start = path.cast::<u8>();
    // SAFETY: the contract in `pointer`: every octet up to the NUL may be read, and none behind it is.
    let len = (0..=NASLANE_PATH_MAX).find(|&at| unsafe { *start.add(at) } == 0);
    // SAFETY: these octets were just read.
    unsafe { octets(start, len.ok_or(Error::TooLong)?) }
}
