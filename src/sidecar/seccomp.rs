//! The system calls of a running daemon. Everything else is refused with EPERM: the call fails, the sessions live on.

use std::collections::BTreeMap;

use seccompiler::{
    SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
    TargetArch, apply_filter_all_threads,
};

/// Allowed whatever their arguments are.
const CALLS: &[libc::c_long] = &[
    // What rings, sockets and doorbells need.
    libc::SYS_read,
    libc::SYS_write,
    libc::SYS_readv,
    libc::SYS_writev,
    libc::SYS_pread64,
    // Sealed records, and their way to the disk at a stop in order.
    libc::SYS_pwrite64,
    libc::SYS_msync,
    libc::SYS_fdatasync,
    libc::SYS_lseek,
    libc::SYS_fstat,
    // The embedded store: how long its file is before it grows, and its lock at the end.
    libc::SYS_statx,
    libc::SYS_flock,
    libc::SYS_close,
    libc::SYS_recvmsg,
    libc::SYS_sendmsg,
    libc::SYS_recvfrom,
    libc::SYS_sendto,
    libc::SYS_accept4,
    libc::SYS_shutdown,
    libc::SYS_getsockopt,
    libc::SYS_setsockopt,
    libc::SYS_getpeername,
    libc::SYS_getsockname,
    libc::SYS_epoll_ctl,
    libc::SYS_epoll_pwait,
    libc::SYS_epoll_pwait2,
    libc::SYS_ppoll,
    libc::SYS_io_uring_enter,
    libc::SYS_eventfd2,
    // A client's region.
    libc::SYS_memfd_create,
    libc::SYS_ftruncate,
    libc::SYS_fcntl,
    libc::SYS_munmap,
    libc::SYS_mremap,
    libc::SYS_madvise,
    libc::SYS_brk,
    // Threads, time, the end.
    libc::SYS_futex,
    libc::SYS_sched_yield,
    libc::SYS_nanosleep,
    libc::SYS_clock_nanosleep,
    libc::SYS_clock_gettime,
    libc::SYS_gettimeofday,
    libc::SYS_getrandom,
    libc::SYS_getpid,
    libc::SYS_gettid,
    libc::SYS_membarrier,
    libc::SYS_rt_sigreturn,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigaction,
    libc::SYS_sigaltstack,
    libc::SYS_restart_syscall,
    libc::SYS_set_robust_list,
    libc::SYS_rseq,
    libc::SYS_tgkill,
    libc::SYS_exit,
    libc::SYS_exit_group,
];

/// Older names of the same calls, which only this architecture has.
#[cfg(target_arch = "x86_64")]
const OLDER: &[libc::c_long] = &[libc::SYS_epoll_wait, libc::SYS_poll];
#[cfg(not(target_arch = "x86_64"))]
const OLDER: &[libc::c_long] = &[];

/// Takes effect on all threads. `files`: opening files to read is left to Landlock, for reloading; else no file is
/// opened any more. `networks`: connections over TCP are made, to where Landlock permits them. `taps`: files that are not
/// there are made, for taps.
///
/// # Errors
/// Why the kernel refused it.
pub(super) fn apply(files: bool, networks: bool, taps: bool) -> Result<String, String> {
    let text = |why: seccompiler::BackendError| why.to_string();
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> = CALLS
        .iter()
        .chain(OLDER)
        .map(|&call| (call, Vec::new()))
        .collect();
    // Memory that can be executed is never made.
    let no_code = without(2, libc::PROT_EXEC as u64).map_err(text)?;
    rules.insert(libc::SYS_mmap, vec![no_code.clone()]);
    rules.insert(libc::SYS_mprotect, vec![no_code]);
    if files {
        let changes = libc::O_ACCMODE | libc::O_CREAT | libc::O_TRUNC | libc::O_PATH;
        let reading = without(2, changes as u64).map_err(text)?;
        let mut opening = vec![reading];
        if taps {
            let making = libc::O_WRONLY | libc::O_CREAT | libc::O_EXCL | libc::O_CLOEXEC;
            opening.push(exactly(2, making as u64).map_err(text)?);
        }
        rules.insert(libc::SYS_openat, opening);
    }
    if networks {
        rules.insert(libc::SYS_connect, Vec::new());
        let kind = |family: i32| -> Result<SeccompRule, seccompiler::BackendError> {
            let conditions = vec![
                equal(0, u64::from(family.unsigned_abs()))?,
                // SOCK_CLOEXEC and SOCK_NONBLOCK are bits above the type.
                masked(1, 0xF, u64::from(libc::SOCK_STREAM.unsigned_abs()))?,
            ];
            SeccompRule::new(conditions)
        };
        let kinds = [libc::AF_INET, libc::AF_INET6].map(kind);
        let kinds: Result<Vec<_>, _> = kinds.into_iter().collect();
        rules.insert(libc::SYS_socket, kinds.map_err(text)?);
    }
    let count = rules.len();
    let arch = TargetArch::try_from(std::env::consts::ARCH).map_err(text)?;
    let filter = SeccompFilter::new(
        rules,
        SeccompAction::Errno(libc::EPERM as u32),
        SeccompAction::Allow,
        arch,
    );
    let program: seccompiler::BpfProgram = filter.and_then(TryInto::try_into).map_err(text)?;
    apply_filter_all_threads(&program).map_err(|why| why.to_string())?;
    Ok(format!("{count} calls"))
}

fn equal(argument: u8, value: u64) -> Result<SeccompCondition, seccompiler::BackendError> {
    SeccompCondition::new(argument, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, value)
}

fn masked(
    argument: u8,
    bits: u64,
    value: u64,
) -> Result<SeccompCondition, seccompiler::BackendError> {
    let compare = SeccompCmpOp::MaskedEq(bits);
    SeccompCondition::new(argument, SeccompCmpArgLen::Dword, compare, value)
}

/// The argument is this.
fn exactly(argument: u8, value: u64) -> Result<SeccompRule, seccompiler::BackendError> {
    let same = SeccompCmpOp::Eq;
    let condition = SeccompCondition::new(argument, SeccompCmpArgLen::Dword, same, value)?;
    SeccompRule::new(vec![condition])
}

/// The argument has none of these bits.
fn without(argument: u8, bits: u64) -> Result<SeccompRule, seccompiler::BackendError> {
    let none = SeccompCmpOp::MaskedEq(bits);
    let condition = SeccompCondition::new(argument, SeccompCmpArgLen::Dword, none, 0)?;
    SeccompRule::new(vec![condition])
}
