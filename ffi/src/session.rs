//! ## Level 1: sessions
//!
//! A session is the security of one UE in one role: its contexts, keys and COUNTs. It begins without any context
//! and refuses every protected message until an authentication and a security mode procedure gave it one.
//!
//! Errors of every function with a session, beside those it names: NULL, HANDLE (unknown or released), POISONED;
//! through a sidecar also DISCONNECTED, and HANDLE for a session of another client.

use engine::base::{AccessType, Error, NgKsi, Result};
use engine::kdf::KAmf;
use engine::nas::UeSecurityCapability;
use engine::security::{Deregistration, Identity, KeyChange, Role};
use engine::session::Handle;

use crate::engine::{naslane_engine, of};
use crate::guard;
use crate::pointer::{Out, array, octets};

/// Role: sends downlink, receives uplink.
pub const NASLANE_ROLE_AMF: u8 = 0;
/// Role: sends uplink, receives downlink. For simulators, load generators and tests.
pub const NASLANE_ROLE_UE: u8 = 1;

/// Flag of [`naslane_authenticated`]: unauthenticated emergency session, the only one that may use NIA0.
pub const NASLANE_EMERGENCY: u8 = 1;

/// Deregistration by switch-off: only the current native context is kept.
pub const NASLANE_DEREGISTER_SWITCH_OFF: u8 = 0;
/// Deregistration of another kind: native contexts are kept.
pub const NASLANE_DEREGISTER_KEEP: u8 = 1;
/// Subscription withdrawn or registration rejected: everything is wiped.
pub const NASLANE_DEREGISTER_REMOVE: u8 = 2;

/// N2 procedure that installs keys at the NG-RAN: path switch, handover inside the AMF, initial context setup.
pub const NASLANE_KEY_CHANGE_N2: u8 = 1;
/// Handover to another AMF or system: until it fails or is cancelled, nothing is sent.
pub const NASLANE_KEY_CHANGE_INTER_AMF: u8 = 2;

const _: () = assert!(
    NASLANE_ROLE_AMF == Role::Amf as u8
        && NASLANE_ROLE_UE == Role::Ue as u8
        && NASLANE_DEREGISTER_SWITCH_OFF == Deregistration::SwitchOff as u8
        && NASLANE_DEREGISTER_KEEP == Deregistration::Keep as u8
        && NASLANE_DEREGISTER_REMOVE == Deregistration::Remove as u8
        && NASLANE_KEY_CHANGE_N2 == KeyChange::N2 as u8
        && NASLANE_KEY_CHANGE_INTER_AMF == KeyChange::InterAmfHandover as u8
);

/// 1 or 2.
pub(crate) fn access_of(access: u8) -> Result<AccessType> {
    AccessType::from_id(access).ok_or(Error::Bearer)
}

/// A new session without any context.
///
/// Errors: ARGUMENT (role), TABLE_FULL, NULL; through a sidecar QUOTA, ROLE (it has no UE half), DISCONNECTED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn naslane_establish(
    engine: *const naslane_engine,
    role: u8,
    session: *mut u64,
) -> i32 {
    guard::call(|| {
        // SAFETY: the contract in `pointer`.
        let (engine, out) = unsafe { (of(engine)?, Out::new(session)?) };
        let role = match role {
            NASLANE_ROLE_AMF => Role::Amf,
            NASLANE_ROLE_UE => Role::Ue,
            _ => return Err(Error::Argument),
        };
        out.put(&engine.establish(role)?.bits());
        Ok(())
    })
}

/// Ends a session, a poisoned one too: its keys are wiped, its handle is stale.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn naslane_release(engine: *const naslane_engine, session: u64) -> i32 {
    guard::call(|| {
        // SAFETY: the contract in `pointer`.
        let engine = unsafe { of(engine) }?;
        engine.release(Handle::from_bits(session)?)
    })
}

/// Primary authentication succeeded: K_AMF, ngKSI and the UE's capability become a partial native context, which a
/// security mode command takes into use (TS 33.501 6.1.3).
///
/// `ng_ksi` is 0 to 6, see [`naslane_next_ng_ksi`]. `ue_sec_cap` is the value of the UE security capability as the
/// UE sent it, 2 to 8 octets; it is replayed octet for octet. `flags` is 0 or NASLANE_EMERGENCY.
///
/// Errors: NG_KSI (not 0 to 6, or in use), MALFORMED_IE (capability), CONFLICT (a key-changing procedure runs),
/// KEY_REUSED, SIDE_FULL, ARGUMENT (flags).
/// cbindgen:ptrs-as-arrays=[[k_amf; 32]]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn naslane_authenticated(
    engine: *const naslane_engine,
    session: u64,
    k_amf: *const u8,
    ng_ksi: u8,
    ue_sec_cap: *const u8,
    ue_sec_cap_len: usize,
    flags: u8,
) -> i32 {
    guard::call(|| {
        // SAFETY: the contract in `pointer`.
        let (engine, key, capability) = unsafe {
            (
                of(engine)?,
                array(k_amf)?,
                octets(ue_sec_cap, ue_sec_cap_len)?,
            )
        };
        if flags & !NASLANE_EMERGENCY != 0 {
            return Err(Error::Argument);
        }
        let identity = Identity {
            k_amf: KAmf::new(*key),
            ng_ksi: NgKsi::native(ng_ksi).ok_or(Error::NgKsi)?,
            ue_sec_cap: UeSecurityCapability::from_value(capability)?,
            emergency: flags & NASLANE_EMERGENCY != 0,
        };
        engine.authenticated(Handle::from_bits(session)?, identity)
    })
}

/// A native ngKSI, 0 to 6, that is neither in use nor `cited` by the UE (0 to 7; 7: none), for the next
/// authentication.
///
/// Errors: NG_KSI (`cited` above 15, or none is free).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn naslane_next_ng_ksi(
    engine: *const naslane_engine,
    session: u64,
    cited: u8,
    ng_ksi: *mut u8,
) -> i32 {
    guard::call(|| {
        // SAFETY: the contract in `pointer`.
        let (engine, out) = unsafe { (of(engine)?, Out::new(ng_ksi)?) };
        let cited = NgKsi::from_bits(cited).ok_or(Error::NgKsi)?;
        let free = engine.next_ng_ksi(Handle::from_bits(session)?, Some(cited))?;
        out.put(&free.bits());
        Ok(())
    })
}

/// The NAS signalling connection of `access` was released: secure exchange ends there, contexts and COUNTs stay. A
/// security mode procedure on it ends.
///
/// Errors: BEARER.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn naslane_connection_released(
    engine: *const naslane_engine,
    session: u64,
    access: u8,
) -> i32 {
    guard::call(|| {
        // SAFETY: the contract in `pointer`.
        let engine = unsafe { of(engine) }?;
        engine.connection_released(Handle::from_bits(session)?, access_of(access)?)
    })
}

/// The UE left (TS 33.501 6.8.1.1); `kind` is NASLANE_DEREGISTER_... . The session stays until it is released.
///
/// Errors: ARGUMENT.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn naslane_deregister(
    engine: *const naslane_engine,
    session: u64,
    kind: u8,
) -> i32 {
    guard::call(|| {
        // SAFETY: the contract in `pointer`.
        let engine = unsafe { of(engine) }?;
        let kind = match kind {
            NASLANE_DEREGISTER_SWITCH_OFF => Deregistration::SwitchOff,
            NASLANE_DEREGISTER_KEEP => Deregistration::Keep,
            NASLANE_DEREGISTER_REMOVE => Deregistration::Remove,
            _ => return Err(Error::Argument),
        };
        engine.deregister(Handle::from_bits(session)?, kind)
    })
}

fn key_change_of(kind: u8) -> Result<KeyChange> {
    match kind {
        NASLANE_KEY_CHANGE_N2 => Ok(KeyChange::N2),
        NASLANE_KEY_CHANGE_INTER_AMF => Ok(KeyChange::InterAmfHandover),
        _ => Err(Error::Argument),
    }
}

/// Begins a procedure that changes keys or moves the UE; no security mode command until it ends (TS 33.501 6.9.5).
/// `kind` is NASLANE_KEY_CHANGE_... .
///
/// Errors: ARGUMENT, CONFLICT (one runs already).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn naslane_key_change_begin(
    engine: *const naslane_engine,
    session: u64,
    kind: u8,
) -> i32 {
    guard::call(|| {
        // SAFETY: the contract in `pointer`.
        let engine = unsafe { of(engine) }?;
        engine.begin_key_change(Handle::from_bits(session)?, key_change_of(kind)?)
    })
}

/// Ends it.
///
/// Errors: ARGUMENT, UNEXPECTED (it does not run).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn naslane_key_change_end(
    engine: *const naslane_engine,
    session: u64,
    kind: u8,
) -> i32 {
    guard::call(|| {
        // SAFETY: the contract in `pointer`.
        let engine = unsafe { of(engine) }?;
        engine.end_key_change(Handle::from_bits(session)?, key_change_of(kind)?)
    })
}

#[cfg(test)]
mod tests {
    use std::ptr::{null, null_mut};

    use super::*;
    use crate::engine::{naslane_engine_free, naslane_engine_new, naslane_sessions};

    #[test]
    fn r52_a_panic_closes_one_session_and_no_other() {
        let mut engine = null_mut();
        let (mut broken, mut whole, mut sessions) = (0, 0, 0);
        // SAFETY: every pointer is that of a local variable, the engine lives to the end.
        unsafe {
            assert_eq!(naslane_engine_new(null(), &raw mut engine), 0);
            assert_eq!(naslane_establish(engine, 0, &raw mut broken), 0);
            assert_eq!(naslane_establish(engine, 0, &raw mut whole), 0);
            let status = guard::call(|| {
                let handle = Handle::from_bits(broken)?;
                let _held = of(engine)?.shard(handle)?.session(handle)?;
                panic!("on purpose")
            });
            assert_eq!(status, Error::Poisoned.code());
            assert_eq!(
                naslane_deregister(engine, broken, 1),
                Error::Poisoned.code()
            );
            let key = [1; 32];
            let authenticate = |session| {
                naslane_authenticated(engine, session, key.as_ptr(), 0, key.as_ptr(), 2, 0)
            };
            assert_eq!(authenticate(broken), Error::Poisoned.code());
            assert_eq!(authenticate(whole), 0);
            assert_eq!(naslane_release(engine, broken), 0);
            assert_eq!(naslane_release(engine, broken), Error::Handle.code());
            assert_eq!(naslane_establish(engine, 0, &raw mut broken), 0);
            assert_eq!(naslane_sessions(engine, &raw mut sessions), 0);
            assert_eq!(sessions, 2);
            assert_eq!(naslane_engine_free(engine), 0);
        }
    }
}
