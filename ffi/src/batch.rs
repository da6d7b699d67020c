//! ## Level 2: batches
//!
//! Many operations in one call, side by side in the lanes of the processor. A job is 64 octets without a pointer;
//! what it reads and writes are offsets into one arena.

use std::mem::offset_of;

use engine::engine::Job;
use engine::engine::job::{SmcJob, flag, form, op};

use crate::engine::{naslane_engine, of};
use crate::guard;
use crate::pointer::{Out, apart, elements, room};

/// `op`: protect the plain message `in` as the state of the access demands; the PDU goes to `out`, whose capacity is
/// at least `in_len` + NASLANE_OVERHEAD.
pub const NASLANE_JOB_PROTECT: u8 = 1;
/// `op`: verify the PDU `in` and commit its COUNT; the plain message goes to `out`, whose capacity is at least
/// `in_len`. Takes the answer to a security mode command too.
pub const NASLANE_JOB_VERIFY: u8 = 2;
/// `op`: as VERIFY without a commit.
pub const NASLANE_JOB_VERIFY_ONLY: u8 = 3;
/// `op`: send a SECURITY MODE COMMAND; `in` is a naslane_smc_job.
pub const NASLANE_JOB_SMC_COMMAND: u8 = 4;
/// `op`: T3560 expired, send the command again. TIMEOUT when the retransmissions are used up.
pub const NASLANE_JOB_SMC_RESEND: u8 = 5;
/// `op`: decipher, in place in `out`, the NAS message container of the message verified last; `count` is its COUNT
/// and `out_len` the length of the plain message.
pub const NASLANE_JOB_CONTAINER: u8 = 6;

/// `form` of PROTECT: as the state of the access demands.
pub const NASLANE_FORM_AUTO: u8 = 0;
/// `form` of PROTECT, UE half: initial message, integrity only; `part_*` is its container value, to be ciphered.
pub const NASLANE_FORM_INITIAL: u8 = 1;
/// `form` of PROTECT, UE half: integrity only (SECURITY MODE REJECT).
pub const NASLANE_FORM_INTEGRITY: u8 = 2;

/// Flag of a finished job: COUNT passed the first threshold.
pub const NASLANE_FLAG_COUNT_WARNING: u8 = 2;
/// Flag of a finished job: COUNT passed the second threshold.
pub const NASLANE_FLAG_COUNT_URGENT: u8 = 4;
/// Flag of a finished job: the plain message carries a NAS message container, `part_*` is its value.
pub const NASLANE_FLAG_CONTAINER: u8 = 8;

const _: () = assert!(
    NASLANE_JOB_PROTECT == op::PROTECT
        && NASLANE_JOB_VERIFY == op::VERIFY
        && NASLANE_JOB_VERIFY_ONLY == op::VERIFY_ONLY
        && NASLANE_JOB_SMC_COMMAND == op::SMC_COMMAND
        && NASLANE_JOB_SMC_RESEND == op::SMC_RESEND
        && NASLANE_JOB_CONTAINER == op::CONTAINER
        && NASLANE_FORM_AUTO == form::AUTO
        && NASLANE_FORM_INITIAL == form::INITIAL
        && NASLANE_FORM_INTEGRITY == form::INTEGRITY
        && NASLANE_FLAG_COUNT_WARNING == flag::COUNT_WARNING
        && NASLANE_FLAG_COUNT_URGENT == flag::COUNT_URGENT
        && NASLANE_FLAG_CONTAINER == flag::CONTAINER
);

/// One operation on one message: 64 octets, no padding. Offsets and lengths are octets from the arena's start.
/// `in` and `out` are the same place or have nothing in common; an `out` has nothing in common with the other jobs
/// of the batch. "Out" fields are 0 unless the text says more.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub struct naslane_job {
    /// In: NASLANE_JOB_... .
    pub op: u8,
    /// In: 1 = 3GPP, 2 = non-3GPP access.
    pub access: u8,
    /// In: NASLANE_FORM_... for PROTECT, else 0.
    pub form: u8,
    /// In: 0.
    pub reserved: u8,
    /// Out: a naslane_status.
    pub status: i32,
    /// In: the session.
    pub session: u64,
    /// In: the caller's own; comes back untouched.
    pub user_data: u64,
    /// In: where the input starts.
    pub in_offset: u32,
    /// In: its octets.
    pub in_len: u32,
    /// In: where the output may start.
    pub out_offset: u32,
    /// In: its room.
    pub out_capacity: u32,
    /// Out: octets written at `out_offset`. In for CONTAINER.
    pub out_len: u32,
    /// Out: COUNT of the message. In for CONTAINER.
    pub count: u32,
    /// In for FORM_INITIAL, else out: where the value of the NAS message container lies in the plain message.
    pub part_offset: u32,
    /// Its octets; 0: none.
    pub part_len: u32,
    /// Out: type of the inner message.
    pub message_type: u8,
    /// Out: security header type.
    pub sht: u8,
    /// Out: NASLANE_FOLLOW_UP_... .
    pub follow_up: u8,
    /// Out: NASLANE_EVENT_... .
    pub event: u8,
    /// Out: a naslane_diagnosis.
    pub diagnosis: u8,
    /// Out: NASLANE_FLAG_... bits.
    pub flags: u8,
    /// Out: 5GMM cause of a SECURITY MODE REJECT.
    pub cause: u8,
    /// In: 0.
    pub reserved2: u8,
}

macro_rules! same_place {
    ($ours:ty, $theirs:ty: $($field:ident)*) => {
        const _: () = assert!(
            size_of::<$ours>() == size_of::<$theirs>() && align_of::<$ours>() == align_of::<$theirs>()
                $(&& offset_of!($ours, $field) == offset_of!($theirs, $field))*
        );
    };
}

same_place!(naslane_job, Job: op access form reserved status session user_data in_offset in_len out_offset
    out_capacity out_len count part_offset part_len message_type sht follow_up event diagnosis flags cause reserved2);

/// The input of a NASLANE_JOB_SMC_COMMAND: 128 octets without a pointer, in the machine's byte order. As
/// naslane_smc_request; longer elements and keys from outside need [`naslane_smc_command`].
#[repr(C)]
#[derive(Clone, Copy)]
pub struct naslane_smc_job {
    /// 128.
    pub size: u32,
    /// TARGET_HORIZONTAL: uplink COUNT of the verified REGISTRATION REQUEST.
    pub ul_count: u32,
    /// NASLANE_TARGET_..., up to HORIZONTAL.
    pub target: u8,
    /// Ciphering algorithm; NASLANE_ANY in both: by the operator's lists.
    pub nea: u8,
    /// Integrity algorithm.
    pub nia: u8,
    /// The ngKSI that the caller believes to take into use; NASLANE_ANY: not checked.
    pub ng_ksi: u8,
    /// Type of the initial message whose procedure is going on; 0: none.
    pub ongoing: u8,
    /// NASLANE_SMC_... bits.
    pub flags: u8,
    /// Selected EPS NAS security algorithms: bits 7 to 5 ciphering, 3 to 1 integrity.
    pub eps_algorithms: u8,
    /// Octets of `s1_sec_cap`; 0: none.
    pub s1_sec_cap_len: u8,
    /// Replayed S1 UE security capability.
    pub s1_sec_cap: [u8; 5],
    /// Octets of `abba`; 0: none.
    pub abba_len: u8,
    /// Octets of `eap_success`; 0: none.
    pub eap_success_len: u8,
    /// 0.
    pub reserved: u8,
    /// ABBA.
    pub abba: [u8; 32],
    /// EAP-Success.
    pub eap_success: [u8; 72],
}

same_place!(naslane_smc_job, SmcJob: size ul_count target nea nia ng_ksi ongoing flags
    eps_algorithms s1_sec_cap_len s1_sec_cap abba_len eap_success_len reserved abba eap_success);

/// Fills the input of a NASLANE_JOB_SMC_COMMAND with the defaults: the partial context, algorithms by the operator's
/// lists.
///
/// Errors: NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn naslane_smc_job_init(job: *mut naslane_smc_job) -> i32 {
    guard::call(|| {
        // SAFETY: the contract in `pointer`; the same fields in the same places.
        let out = unsafe { Out::<SmcJob>::new(job.cast()) }?;
        out.put(&SmcJob::default());
        Ok(())
    })
}

/// Runs a batch. OK: every job has its own status, and `ok` says how many of them are OK. Messages of one session
/// keep their order. With workers or a sidecar they run there while this call waits; see also level 3.
///
/// Errors, for the call as a whole: NULL, OVERLAP (jobs, arena and `ok` share memory), TOO_LONG, ARGUMENT (jobs are not
/// aligned to 8 octets). Errors of a job: those of the single call, OPERATION (unknown `op` or `form`, or a reserved
/// field that is not 0), OUT_OF_RANGE, OVERLAP; with workers or a sidecar TOO_LONG (an input of more than 2^18 octets),
/// STOPPED, DISCONNECTED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn naslane_batch(
    engine: *const naslane_engine,
    jobs: *mut naslane_job,
    count: usize,
    arena: *mut u8,
    arena_len: usize,
    ok: *mut usize,
) -> i32 {
    guard::call(|| {
        // SAFETY: the contract in `pointer`.
        let (engine, out) = unsafe { (of(engine)?, Out::new(ok)?) };
        let out = out.apart(jobs, count)?.apart(arena, arena_len)?;
        apart((jobs, count), (arena, arena_len))?;
        // SAFETY: as above; `Job` has the same fields in the same places, and every octet is valid in all of them.
        let (jobs, arena) = unsafe {
            (
                elements(jobs.cast::<Job>(), count)?,
                room(arena, arena_len)?,
            )
        };
        out.put(&engine.batch(jobs, arena));
        Ok(())
    })
}
