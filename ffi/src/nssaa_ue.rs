//! ## Level 1: the UE half of network slice-specific authentication
//!
//! For simulators, load generators and tests: between the messages and an EAP peer of the caller.
//!
//! Errors of every function: as for sessions, ROLE (an AMF half), and UNSUPPORTED through a sidecar.

use engine::base::Error;
use engine::engine::nssaa::NSSAA_ROOM;
use engine::procedure::nssaa::UeAction;
use engine::session::Handle;

use crate::engine::{naslane_engine, of};
use crate::guard;
use crate::nssaa::{NASLANE_NSSAA_EAP_FAILURE, NASLANE_NSSAA_EAP_SUCCESS, naslane_s_nssai};
use crate::pointer::{Out, apart, copied, octets, room};
use crate::session::access_of;

/// `kind`: hand the EAP-Request to the peer, then naslane_nssaa_ue_answer().
pub const NASLANE_NSSAA_UE_PEER: u8 = 0;
/// `kind`: the COMMAND came again; the same answer, protected anew, is in the output.
pub const NASLANE_NSSAA_UE_AGAIN: u8 = 1;
/// `kind`: the COMMAND came again while the peer still works.
pub const NASLANE_NSSAA_UE_WORKING: u8 = 2;

/// What a COMMAND makes a UE do.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub struct naslane_nssaa_ue {
    /// AGAIN: octets of the PDU in the output.
    pub len: usize,
    /// PEER: where the EAP-Request lies in the COMMAND.
    pub eap_offset: usize,
    /// Its octets.
    pub eap_len: usize,
    /// PEER: the slice of the HPLMN.
    pub s_nssai: naslane_s_nssai,
    /// NASLANE_NSSAA_UE_... .
    pub kind: u8,
    /// 0.
    pub reserved: [u8; 7],
}

/// Takes a verified COMMAND, plain. `out` is apart from it and has NASLANE_NSSAA_ROOM.
///
/// Errors: UNEXPECTED (another message), MALFORMED_IE, BEARER, BUFFER_TOO_SMALL, OVERLAP, those of naslane_protect().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn naslane_nssaa_ue_command(
    engine: *const naslane_engine,
    session: u64,
    access: u8,
    command: *const u8,
    len: usize,
    out: *mut u8,
    capacity: usize,
    ue: *mut naslane_nssaa_ue,
) -> i32 {
    guard::call(|| {
        // SAFETY: the contract in `pointer`.
        let (engine, result) = unsafe { (of(engine)?, Out::new(ue)?) };
        let result = result.apart(command, len)?.apart(out, capacity)?;
        apart((command, len), (out, capacity))?;
        let (handle, access) = (Handle::from_bits(session)?, access_of(access)?);
        // SAFETY: as above; input and output have nothing in common.
        let (command, out) = unsafe { (octets(command, len)?, room(out, capacity)?) };
        if out.len() < NSSAA_ROOM {
            return Err(Error::BufferTooSmall);
        }
        let engine = engine.shard(handle)?;
        let mut told = naslane_nssaa_ue::default();
        match engine.nssaa_ue_command(handle, (access, command), out)? {
            UeAction::Peer { s_nssai, request } => {
                told.kind = NASLANE_NSSAA_UE_PEER;
                told.s_nssai = s_nssai.into();
                told.eap_offset = request.octets().as_ptr().addr() - command.as_ptr().addr();
                told.eap_len = request.octets().len();
            }
            UeAction::Again { len } => {
                told.kind = NASLANE_NSSAA_UE_AGAIN;
                told.len = len;
            }
            UeAction::Working => told.kind = NASLANE_NSSAA_UE_WORKING,
        }
        result.put(&told);
        Ok(())
    })
}

/// What the EAP peer answered. The protected COMPLETE lies in `out`, to be sent on the access of the COMMAND.
///
/// Errors: UNEXPECTED (no COMMAND waits), SLICE (another slice's), MALFORMED_IE (no response to that request), ARGUMENT,
/// BUFFER_TOO_SMALL, OVERLAP, NULL, those of naslane_protect().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn naslane_nssaa_ue_answer(
    engine: *const naslane_engine,
    session: u64,
    s_nssai: *const naslane_s_nssai,
    eap: *const u8,
    eap_len: usize,
    out: *mut u8,
    capacity: usize,
    len: *mut usize,
) -> i32 {
    guard::call(|| {
        // SAFETY: the contract in `pointer`.
        let (engine, given, result) = unsafe { (of(engine)?, copied(s_nssai)?, Out::new(len)?) };
        let result = result.apart(eap, eap_len)?.apart(out, capacity)?;
        let result = result.apart(s_nssai, 1)?;
        apart((eap, eap_len), (out, capacity))?;
        apart((s_nssai, 1), (out, capacity))?;
        let handle = Handle::from_bits(session)?;
        // SAFETY: as above; inputs and output have nothing in common.
        let (eap, out) = unsafe { (octets(eap, eap_len)?, room(out, capacity)?) };
        if out.len() < NSSAA_ROOM {
            return Err(Error::BufferTooSmall);
        }
        let engine = engine.shard(handle)?;
        let (_, written) = engine.nssaa_ue_answer(handle, given.read()?, eap, out)?;
        result.put(&written);
        Ok(())
    })
}

/// Takes a verified RESULT, plain; `status` becomes NASLANE_NSSAA_EAP_SUCCESS or NASLANE_NSSAA_EAP_FAILURE.
///
/// Errors: UNEXPECTED (another message), MALFORMED_IE, OVERLAP, NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn naslane_nssaa_ue_result(
    engine: *const naslane_engine,
    session: u64,
    result: *const u8,
    len: usize,
    s_nssai: *mut naslane_s_nssai,
    status: *mut u8,
) -> i32 {
    guard::call(|| {
        // SAFETY: the contract in `pointer`.
        let (engine, slice, out) = unsafe { (of(engine)?, Out::new(s_nssai)?, Out::new(status)?) };
        let slice = slice.apart(result, len)?.apart(status, 1)?;
        let out = out.apart(result, len)?;
        let handle = Handle::from_bits(session)?;
        // SAFETY: as above.
        let message = unsafe { octets(result, len) }?;
        let told = engine.shard(handle)?.nssaa_ue_result(handle, message)?;
        slice.put(&told.s_nssai.into());
        out.put(&if told.success() {
            NASLANE_NSSAA_EAP_SUCCESS
        } else {
            NASLANE_NSSAA_EAP_FAILURE
        });
        Ok(())
    })
}
