//! ## Level 1: handovers that take a context into use
//!
//! Other algorithms, a new K_AMF or a context mapped from EPS come into use at N2 handover without a security mode
//! command, by a NAS container in HANDOVER REQUEST (TS 33.501 6.9.2.3.3, 8.4). The AMF that the UE comes to calls
//! naslane_handover_prepare(), then naslane_handover_done() at HANDOVER NOTIFY, or naslane_handover_failed(). In
//! between no other procedure changes keys; messages go on under the context in use.
//!
//! A handover that changes neither key nor algorithms needs a container only from another AMF: see
//! naslane_key_change_begin() and naslane_nh_prepare().
//!
//! Errors of every function with a session: as for sessions, and ROLE.

use engine::base::{Error, NgKsi, Result};
use engine::kdf::{KAmf, KGnb};
use engine::nas::UeSecurityCapability;
use engine::procedure::handover::{Activation, Container, FromEps, Request};
use engine::procedure::smc::NewKey;
use engine::security::Algorithms;
use engine::session::Handle;

use crate::engine::{naslane_engine, of};
use crate::guard;
use crate::pointer::{Out, array, copied, octets};
use crate::smc::{NASLANE_ANY, part};

/// `takes`: the current K_AMF (K_AMF_change_flag 0). COUNTs go on, the container takes one of the downlink's. Without
/// algorithms those in use stay.
pub const NASLANE_HANDOVER_CURRENT: u8 = 0;
/// `takes`: K_AMF' derived here from the next downlink COUNT (K_AMF_change_flag 1); COUNTs start at 0.
pub const NASLANE_HANDOVER_HORIZONTAL: u8 = 1;
/// `takes`: K_AMF' in `k_amf` that the source AMF derived from `dl_count` (K_AMF_change_flag 1); COUNTs start at 0.
pub const NASLANE_HANDOVER_HORIZONTAL_RECEIVED: u8 = 2;
/// `takes`: K_AMF' in `k_amf` that was mapped from EPS; COUNTs start at 0.
pub const NASLANE_HANDOVER_MAPPED: u8 = 3;

/// A handover to be. Fill it with [`naslane_handover_init`], then change what differs.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct naslane_handover {
    /// Octets of this structure.
    pub size: usize,
    /// NASLANE_HANDOVER_...; default CURRENT.
    pub takes: u8,
    /// Ciphering algorithm, 0 to 3; NASLANE_ANY (default) in both: by the operator's lists, or those in use.
    pub nea: u8,
    /// Integrity algorithm.
    pub nia: u8,
    /// ngKSI of `k_amf`, bit 4 set for a mapped one.
    pub ng_ksi: u8,
    /// HANDOVER_MAPPED: NCC of the NH that `k_amf` came from, 0 to 7.
    pub ncc: u8,
    /// 0.
    pub reserved: [u8; 3],
    /// HANDOVER_HORIZONTAL_RECEIVED: the downlink COUNT that `k_amf` came from.
    pub dl_count: u32,
    /// 0.
    pub reserved2: u32,
    /// HANDOVER_HORIZONTAL_RECEIVED and HANDOVER_MAPPED: 32 octets.
    pub k_amf: *const u8,
    /// The UE security capability that came with `k_amf`, 2 to 8 octets; NULL: algorithms 0, 1 and 2 are assumed.
    pub ue_sec_cap: *const u8,
    /// Its octets.
    pub ue_sec_cap_len: usize,
}

/// A container that was written.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct naslane_container {
    /// Its value: intra N1 mode NAS transparent container (TS 24.501 9.11.2.6) of 7 octets, or S1 mode to N1 mode NAS
    /// transparent container (9.11.2.9) of 8.
    pub value: [u8; 8],
    /// Octets of `value`.
    pub len: u8,
    /// 1: K_AMF is new, and `k_gnb` was written.
    pub new_k_amf: u8,
    /// NASLANE_WRAP_...: whether the COUNTs of the current context run out.
    pub near_wrap: u8,
    /// Selected ciphering algorithm.
    pub nea: u8,
    /// Selected integrity algorithm.
    pub nia: u8,
    /// 0.
    pub reserved: [u8; 3],
    /// The downlink COUNT whose low eight bits the container has; 0 for one from EPS.
    pub count: u32,
}

impl naslane_handover {
    const fn start() -> Self {
        Self {
            size: size_of::<Self>(),
            takes: NASLANE_HANDOVER_CURRENT,
            nea: NASLANE_ANY,
            nia: NASLANE_ANY,
            ng_ksi: 0,
            ncc: 0,
            reserved: [0; 3],
            dl_count: 0,
            reserved2: 0,
            k_amf: std::ptr::null(),
            ue_sec_cap: std::ptr::null(),
            ue_sec_cap_len: 0,
        }
    }

    fn check(&self) -> Result<()> {
        let sane = self.size == size_of::<Self>() && self.reserved == [0; 3] && self.reserved2 == 0;
        sane.then_some(()).ok_or(Error::Argument)
    }

    fn key_len(&self) -> usize {
        if self.k_amf.is_null() { 0 } else { KAmf::LEN }
    }

    /// The key that the two last kinds need.
    unsafe fn key(&self) -> Result<Option<KAmf>> {
        if self.takes != NASLANE_HANDOVER_HORIZONTAL_RECEIVED
            && self.takes != NASLANE_HANDOVER_MAPPED
        {
            return Ok(None);
        }
        // SAFETY: the contract in `pointer`.
        Ok(Some(KAmf::new(*unsafe { array(self.k_amf) }?)))
    }

    unsafe fn read<'a>(&self, key: Option<&'a KAmf>) -> Result<Request<'a>> {
        // SAFETY: the contract in `pointer`.
        let ue_sec_cap = unsafe { part(self.ue_sec_cap, self.ue_sec_cap_len) }?;
        let ue_sec_cap = ue_sec_cap
            .map(UeSecurityCapability::from_value)
            .transpose()?;
        let new_key = || -> Result<NewKey<'a>> {
            Ok(NewKey {
                k_amf: key.ok_or(Error::Null)?,
                ng_ksi: NgKsi::from_bits(self.ng_ksi).ok_or(Error::NgKsi)?,
                ue_sec_cap,
            })
        };
        let activation = match self.takes {
            NASLANE_HANDOVER_CURRENT => Activation::Current,
            NASLANE_HANDOVER_HORIZONTAL => Activation::Horizontal,
            NASLANE_HANDOVER_HORIZONTAL_RECEIVED => Activation::HorizontalReceived {
                key: new_key()?,
                dl_count: self.dl_count,
            },
            NASLANE_HANDOVER_MAPPED => Activation::Mapped {
                key: new_key()?,
                ncc: self.ncc,
            },
            _ => return Err(Error::Argument),
        };
        Ok(Request {
            activation,
            algorithms: Algorithms::given(self.nea, self.nia)?,
        })
    }
}

impl naslane_container {
    fn of(container: &Container) -> Self {
        let mut value = [0; 8];
        let octets = container.value();
        value[..octets.len()].copy_from_slice(octets);
        Self {
            value,
            len: octets.len() as u8,
            new_k_amf: container.k_gnb.is_some().into(),
            near_wrap: container.near_wrap as u8,
            nea: container.algorithms.nea.id(),
            nia: container.algorithms.nia.id(),
            reserved: [0; 3],
            count: container.count.unwrap_or_default(),
        }
    }
}

/// Fills a handover with the defaults.
///
/// Errors: NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn naslane_handover_init(handover: *mut naslane_handover) -> i32 {
    guard::call(|| {
        // SAFETY: the contract in `pointer`.
        let out = unsafe { Out::new(handover) }?;
        out.put(&naslane_handover::start());
        Ok(())
    })
}

/// Prepares a handover and writes its container. With a new K_AMF (`container->new_k_amf` 1) `k_gnb` takes the K_gNB that
/// goes to the target as NH with NCC 0; without one the target gets the next step of the NH chain, and `k_gnb` zeros.
///
/// Errors: ARGUMENT, OVERLAP, CONFLICT (a key-changing procedure runs, or the second access waits for its security mode
/// command), NO_CONTEXT, NG_KSI, MALFORMED_IE (capability), HORIZONTAL (null integrity), NO_COMMON_INTEGRITY,
/// NO_COMMON_CIPHERING, ALGORITHM_NOT_SUPPORTED, NULL_INTEGRITY, KEY_REUSED, COUNT_EXHAUSTED, SIDE_FULL; UNSUPPORTED
/// through an older sidecar.
/// cbindgen:ptrs-as-arrays=[[k_gnb; 32]]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn naslane_handover_prepare(
    engine: *const naslane_engine,
    session: u64,
    handover: *const naslane_handover,
    container: *mut naslane_container,
    k_gnb: *mut u8,
) -> i32 {
    guard::call(|| {
        // SAFETY: the contract in `pointer`.
        let (engine, given, result, key_out) = unsafe {
            (
                of(engine)?,
                copied(handover)?,
                Out::new(container)?,
                Out::new(k_gnb.cast::<[u8; KGnb::LEN]>())?,
            )
        };
        given.check()?;
        let result = result
            .apart(handover, 1)?
            .apart(k_gnb, KGnb::LEN)?
            .apart(given.k_amf, given.key_len())?
            .apart(given.ue_sec_cap, given.ue_sec_cap_len)?;
        let key_out = key_out
            .apart(handover, 1)?
            .apart(given.k_amf, given.key_len())?
            .apart(given.ue_sec_cap, given.ue_sec_cap_len)?;
        // SAFETY: the contract in `pointer`.
        let key = unsafe { given.key() }?;
        // SAFETY: as above.
        let request = unsafe { given.read(key.as_ref()) }?;
        let prepared = engine.handover_prepare(Handle::from_bits(session)?, &request)?;
        result.put(&naslane_container::of(&prepared));
        put_key(key_out, prepared.k_gnb.as_ref());
        Ok(())
    })
}

fn put_key(out: Out<[u8; KGnb::LEN]>, k_gnb: Option<&KGnb>) {
    out.put(k_gnb.map_or(&[0; KGnb::LEN], KGnb::expose));
}

/// The UE arrived (HANDOVER NOTIFY): the context that was prepared is current, secure exchange of NAS messages is
/// established over 3GPP access. With a new K_AMF the NH chain begins at the container's K_gNB.
///
/// Errors: UNEXPECTED (none was prepared).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn naslane_handover_done(engine: *const naslane_engine, session: u64) -> i32 {
    guard::call(|| {
        // SAFETY: the contract in `pointer`.
        let engine = unsafe { of(engine) }?;
        engine.handover_done(Handle::from_bits(session)?)
    })
}

/// The handover failed or was cancelled: what was prepared is wiped, the context in use stays.
///
/// Errors: UNEXPECTED (none was prepared).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn naslane_handover_failed(
    engine: *const naslane_engine,
    session: u64,
) -> i32 {
    guard::call(|| {
        // SAFETY: the contract in `pointer`.
        let engine = unsafe { of(engine) }?;
        engine.handover_failed(Handle::from_bits(session)?)
    })
}

/// The UE half obeys the container of a handover command: its context is current afterwards. `new_k_amf` is 1 when K_AMF
/// is new, and `k_gnb` takes the K_gNB of NCC 0 then, else zeros. From EPS `container` has 8 octets and `k_amf` is K_AMF'
/// from the NH with its NCC (bits 7 to 5 of octet 6), `ue_sec_cap` the UE's capability; within 5GS it has 7, and both are
/// NULL.
///
/// Errors: MALFORMED_IE, MAC (nothing changed, the handover fails), NG_KSI (another context than the current one),
/// ALGORITHM_NOT_SUPPORTED, NULL_INTEGRITY, NO_COMMON_CIPHERING (less than what is in use), HORIZONTAL, NO_CONTEXT,
/// CONFLICT, COUNT_EXHAUSTED, KEY_REUSED, SIDE_FULL, OVERLAP; UNSUPPORTED through a sidecar.
/// cbindgen:ptrs-as-arrays=[[k_gnb; 32]]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn naslane_ue_handover(
    engine: *const naslane_engine,
    session: u64,
    container: *const u8,
    len: usize,
    k_amf: *const u8,
    ue_sec_cap: *const u8,
    ue_sec_cap_len: usize,
    new_k_amf: *mut u8,
    k_gnb: *mut u8,
) -> i32 {
    guard::call(|| {
        // SAFETY: the contract in `pointer`.
        let (engine, flag_out, key_out) = unsafe {
            (
                of(engine)?,
                Out::new(new_k_amf)?,
                Out::new(k_gnb.cast::<[u8; KGnb::LEN]>())?,
            )
        };
        let key_len = if k_amf.is_null() { 0 } else { KAmf::LEN };
        let flag_out = flag_out
            .apart(container, len)?
            .apart(k_amf, key_len)?
            .apart(ue_sec_cap, ue_sec_cap_len)?
            .apart(k_gnb, KGnb::LEN)?;
        let key_out = key_out
            .apart(container, len)?
            .apart(k_amf, key_len)?
            .apart(ue_sec_cap, ue_sec_cap_len)?;
        // SAFETY: as above; inputs and outputs have nothing in common.
        let (value, capability) =
            unsafe { (octets(container, len)?, octets(ue_sec_cap, ue_sec_cap_len)?) };
        let key = if k_amf.is_null() {
            None
        } else {
            // SAFETY: as above.
            Some(KAmf::new(*unsafe { array(k_amf) }?))
        };
        let from_eps = match &key {
            None => None,
            Some(k_amf) => Some(FromEps {
                k_amf,
                ue_sec_cap: UeSecurityCapability::from_value(capability)?,
            }),
        };
        let handle = Handle::from_bits(session)?;
        let new = engine
            .shard(handle)?
            .ue_handover(handle, value, from_eps.as_ref())?;
        flag_out.put(&new.is_some().into());
        put_key(key_out, new.as_ref());
        Ok(())
    })
}
