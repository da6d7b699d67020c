//! What Open5GS hands over.

use core::ffi::{CStr, c_char, c_uint, c_void};

use crate::stop;

/// The beginning of Open5GS's packet buffer, version 2.0 and later on a 64-bit machine: list links, two numbers of SCTP,
/// the cluster, the length, and four pointers of which `data` is the third.
#[repr(C)]
pub struct Pkbuf {
    links: [*mut c_void; 2],
    sctp: [u64; 2],
    cluster: *mut c_void,
    len: c_uint,
    head: *mut u8,
    tail: *mut u8,
    data: *mut u8,
    end: *mut u8,
}

impl Pkbuf {
    /// The octets of the packet.
    ///
    /// # Safety
    /// `packet` points at a packet buffer, and nobody else uses its octets while they are borrowed.
    pub(crate) unsafe fn data<'a>(packet: *mut Self) -> &'a mut [u8] {
        if packet.is_null() {
            stop("no packet");
        }
        // SAFETY: not NULL; the caller's contract.
        let Self {
            len,
            head,
            tail,
            data,
            end,
            ..
        } = unsafe { &*packet };
        // A buffer of another shape does not look like this: `head`, `data`, `tail`, `end` in this order, `len` between.
        let len = *len as usize;
        let fits = !data.is_null()
            && head <= data
            && tail <= end
            && data.wrapping_add(len) == *tail
            && len <= isize::MAX as usize;
        if !fits {
            stop("this Open5GS has another packet buffer; see the guide of the adapter");
        }
        // SAFETY: `data` to `tail` lies inside the buffer, which the caller owns.
        unsafe { core::slice::from_raw_parts_mut(*data, len) }
    }
}

/// # Safety
/// `at` is NULL or points at `N` octets.
pub(crate) unsafe fn octets<'a, const N: usize>(at: *const u8) -> &'a [u8; N] {
    if at.is_null() {
        stop("a NULL key or parameter");
    }
    // SAFETY: not NULL; the caller's contract. Octets have no alignment.
    unsafe { &*at.cast() }
}

/// # Safety
/// `at` is NULL or points at `len` octets.
pub(crate) unsafe fn some<'a>(at: *const u8, len: u8) -> &'a [u8] {
    if at.is_null() {
        stop("a NULL parameter");
    }
    // SAFETY: not NULL; the caller's contract.
    unsafe { core::slice::from_raw_parts(at, usize::from(len)) }
}

/// # Safety
/// `at` is NULL or a C string.
pub(crate) unsafe fn text<'a>(at: *const c_char) -> &'a str {
    if at.is_null() {
        stop("a NULL string");
    }
    // SAFETY: not NULL; the caller's contract.
    let text = unsafe { CStr::from_ptr(at) };
    text.to_str().unwrap_or("")
}

/// Writes a result. It may lie where a parameter lay: everything was read before.
///
/// # Safety
/// `out` is NULL or points at room for `octets`.
pub(crate) unsafe fn put(out: *mut u8, octets: &[u8]) {
    if out.is_null() {
        stop("no room for the result");
    }
    // SAFETY: not NULL; the caller's contract. `copy`: the result may overlap nothing of ours.
    unsafe { core::ptr::copy(octets.as_ptr(), out, octets.len()) };
}
