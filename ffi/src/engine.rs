//! ## Level 1: the engine
//!
//! An engine holds the sessions of many UEs and the operator's policy. Most processes have one. It runs where the call
//! that opened it says: naslane_engine_new() on the caller's thread, naslane_workers_new() on threads of their own,
//! naslane_connect() in a sidecar. All other functions are the same.

use std::ffi::{CString, c_char};

use engine::Config;
use engine::base::{Error, Result};
use engine::door::Door;
use engine::procedure::smc::{Demand, Policy, SmcSettings};
use engine::security::Thresholds;

use crate::guard;
use crate::pointer::{Out, copied};

/// Sessions, policy and keys. Opaque.
pub struct naslane_engine {
    door: Door,
    plan: CString,
}

impl naslane_engine {
    /// Hands an engine over to C.
    pub(crate) fn give(door: Door) -> *mut Self {
        let plan = CString::new(door.plan()).unwrap_or_default();
        Box::into_raw(Box::new(Self { door, plan }))
    }
}

/// Bit of `flags` in `naslane_config`: the NAS message container may be missing in an answer.
pub const NASLANE_CONFIG_CONTAINER_OPTIONAL: u8 = 1;
/// Bit of `flags` in `naslane_config`: the IMEISV (or another PEI) must be in an answer when it was asked for.
pub const NASLANE_CONFIG_IMEISV_REQUIRED: u8 = 2;

/// What an engine is started with. Fill it with [`naslane_config_init`], then change what differs.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct naslane_config {
    /// Octets of this structure.
    pub size: usize,
    /// Sessions that there is room for, 1 to 2^28; default 65536. Their memory, at most 640 octets each, is taken
    /// at the start.
    pub sessions: usize,
    /// UEs that may have a security mode procedure or a second context at the same time; default `sessions`.
    pub procedures: usize,
    /// Keys of released sessions that stay known, so that none starts again at COUNT 0; default `sessions`.
    pub remembered_keys: usize,
    /// COUNT from which on messages carry NASLANE_WRAP_WARNING; default 2^24 - 2^16.
    pub warning_count: u32,
    /// COUNT from which on messages carry NASLANE_WRAP_URGENT; default 2^24 - 2^10.
    pub urgent_count: u32,
    /// The operator's ciphering algorithms, best first (TS 33.501 6.7.1); default 2, 1, 3, 0.
    pub nea: [u8; 4],
    /// The operator's integrity algorithms, best first; default 2, 1, 3. NIA0 among them permits unauthenticated
    /// emergency sessions and nothing else.
    pub nia: [u8; 4],
    /// How many of `nea` count, 1 to 4.
    pub nea_len: u8,
    /// How many of `nia` count, 1 to 4.
    pub nia_len: u8,
    /// Width of the window for late messages, 0 (off, the default) to 64.
    pub out_of_order: u8,
    /// Retransmissions of a SECURITY MODE COMMAND before the procedure ends, 0 to 16; default 4.
    pub retransmissions: u8,
    /// Commands for one ngKSI without a verified answer before a loop is reported; default 5.
    pub commands_before_loop: u8,
    /// Top 8 bits of every handle, for processes with several engines; default 0.
    pub worker: u8,
    /// NASLANE_CONFIG_... bits; default 0.
    pub flags: u8,
    /// 0.
    pub reserved: u8,
}

impl naslane_config {
    fn start() -> Self {
        let Config {
            sessions,
            procedures,
            remembered_keys,
            out_of_order,
            thresholds,
            smc,
            worker,
        } = Config::default();
        let mut config = Self {
            size: size_of::<Self>(),
            sessions,
            procedures,
            remembered_keys,
            warning_count: thresholds.warning,
            urgent_count: thresholds.urgent,
            nea: [0; 4],
            nia: [0; 4],
            nea_len: 0,
            nia_len: 0,
            out_of_order,
            retransmissions: smc.retransmissions,
            commands_before_loop: smc.commands_before_loop,
            worker,
            flags: 0,
            reserved: 0,
        };
        for (place, nea) in config.nea.iter_mut().zip(smc.policy.nea()) {
            *place = nea.id();
            config.nea_len += 1;
        }
        for (place, nia) in config.nia.iter_mut().zip(smc.policy.nia()) {
            *place = nia.id();
            config.nia_len += 1;
        }
        config
    }

    pub(crate) fn read(&self) -> Result<Config> {
        let known = NASLANE_CONFIG_CONTAINER_OPTIONAL | NASLANE_CONFIG_IMEISV_REQUIRED;
        if self.size != size_of::<Self>() || self.reserved != 0 || self.flags & !known != 0 {
            return Err(Error::Argument);
        }
        let nea = self
            .nea
            .get(..usize::from(self.nea_len))
            .ok_or(Error::Argument)?;
        let nia = self
            .nia
            .get(..usize::from(self.nia_len))
            .ok_or(Error::Argument)?;
        let mut smc = SmcSettings::new(Policy::from_ids(nea, nia)?);
        smc.retransmissions = self.retransmissions;
        smc.commands_before_loop = self.commands_before_loop;
        if self.flags & NASLANE_CONFIG_CONTAINER_OPTIONAL != 0 {
            smc.container = Demand::Optional;
        }
        if self.flags & NASLANE_CONFIG_IMEISV_REQUIRED != 0 {
            smc.imeisv = Demand::Required;
        }
        Ok(Config {
            sessions: self.sessions,
            procedures: self.procedures,
            remembered_keys: self.remembered_keys,
            out_of_order: self.out_of_order,
            thresholds: Thresholds {
                warning: self.warning_count,
                urgent: self.urgent_count,
            },
            smc,
            worker: self.worker,
        })
    }
}

/// The engine behind a pointer.
pub(crate) unsafe fn of<'a>(engine: *const naslane_engine) -> Result<&'a Door> {
    // SAFETY: the contract in `pointer`; what is not NULL came from `naslane_engine::give` and was not freed.
    unsafe { engine.as_ref() }
        .map(|engine| &engine.door)
        .ok_or(Error::Null)
}

/// The configuration behind a pointer; NULL stands for the defaults.
pub(crate) unsafe fn config_of(config: *const naslane_config) -> Result<Config> {
    if config.is_null() {
        return Ok(Config::default());
    }
    // SAFETY: the contract in `pointer`.
    unsafe { copied(config) }?.read()
}

/// Fills a configuration with the defaults.
///
/// Errors: NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn naslane_config_init(config: *mut naslane_config) -> i32 {
    guard::call(|| {
        // SAFETY: the contract in `pointer`.
        let out = unsafe { Out::new(config) }?;
        out.put(&naslane_config::start());
        Ok(())
    })
}

/// Starts an engine whose calls run on the caller's thread: every algorithm passes its self-test, the memory of the
/// sessions is taken. NULL as `config` takes the defaults. [`naslane_engine_free`] ends it.
///
/// Errors: NULL, ARGUMENT (a field outside its bounds, another size), ALGORITHM_NOT_SUPPORTED, SELF_TEST, SYSTEM.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn naslane_engine_new(
    config: *const naslane_config,
    engine: *mut *mut naslane_engine,
) -> i32 {
    guard::call(|| {
        // SAFETY: the contract in `pointer`.
        let out = unsafe { Out::new(engine) }?.apart(config, 1)?;
        // SAFETY: as above.
        let config = unsafe { config_of(config) }?;
        out.put(&naslane_engine::give(Door::inline(&config)?));
        Ok(())
    })
}

/// Ends an engine and wipes its sessions; workers finish what was submitted, a sidecar goes on without this client. No
/// other call may run on it, and none may follow. Its queues may still be reaped and closed.
///
/// Errors: NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn naslane_engine_free(engine: *mut naslane_engine) -> i32 {
    guard::call(|| {
        if engine.is_null() {
            return Err(Error::Null);
        }
        // SAFETY: the contract in `pointer`: it came from `naslane_engine::give` and nobody uses it.
        drop(unsafe { Box::from_raw(engine) });
        Ok(())
    })
}

/// Where the engine runs and how it waits, as one line for a log: `"workers: 2 workers on cpu 2 cpu 3; wait: Block; 4
/// processors usable of 4 allowed"`. The text lives as long as the engine.
///
/// Errors: NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn naslane_plan(
    engine: *const naslane_engine,
    text: *mut *const c_char,
) -> i32 {
    guard::call(|| {
        // SAFETY: the contract in `pointer`.
        let (engine, out) = unsafe { (engine.as_ref().ok_or(Error::Null)?, Out::new(text)?) };
        out.put(&engine.plan.as_ptr());
        Ok(())
    })
}

/// How many sessions are established; through a sidecar, those of this client.
///
/// Errors: NULL, DISCONNECTED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn naslane_sessions(
    engine: *const naslane_engine,
    sessions: *mut usize,
) -> i32 {
    guard::call(|| {
        // SAFETY: the contract in `pointer`.
        let (engine, out) = unsafe { (of(engine)?, Out::new(sessions)?) };
        out.put(&engine.sessions()?);
        Ok(())
    })
}
