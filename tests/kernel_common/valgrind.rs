//! Requests to the valgrind that runs this program (valgrind.h, memcheck.h, callgrind.h of its manual); outside
//! valgrind, and on other processors than x86-64, they do nothing and answer 0.

const RUNNING: usize = 0x1001;
const COUNT_ERRORS: usize = 0x1201;
const MEMCHECK: usize = (b'M' as usize) << 24 | (b'C' as usize) << 16;
const CALLGRIND: usize = (b'C' as usize) << 24 | (b'T' as usize) << 16;

#[cfg(target_arch = "x86_64")]
fn request(code: usize, first: usize, second: usize) -> usize {
    let words = [code, first, second, 0, 0, 0];
    let mut answer = 0_usize;
    // SAFETY: the rotations turn rdi by 128 bits in all and rbx is exchanged with itself, so that a processor changes
    // flags only. Valgrind knows the sequence, reads the six words at rax and answers in rdx; what it does to the
    // memory named in them is to its own notes about it.
    unsafe {
        std::arch::asm!(
            "rol rdi, 3", "rol rdi, 13", "rol rdi, 61", "rol rdi, 51", "xchg rbx, rbx",
            in("rax") words.as_ptr(),
            inout("rdx") answer,
        );
    }
    answer
}

#[cfg(not(target_arch = "x86_64"))]
fn request(_: usize, _: usize, _: usize) -> usize {
    0
}

/// True under valgrind.
pub fn running() -> bool {
    request(RUNNING, 0, 0) != 0
}

/// Errors that the tool has found until now, repetitions included.
pub fn errors() -> usize {
    request(COUNT_ERRORS, 0, 0)
}

/// Memcheck takes the bytes for uninitialised from now on: using them as an address or in a branch is an error.
pub fn make_secret(bytes: &mut [u8]) {
    request(MEMCHECK + 1, bytes.as_ptr() as usize, bytes.len());
}

/// Memcheck takes the bytes for initialised again.
pub fn make_public(bytes: &mut [u8]) {
    request(MEMCHECK + 2, bytes.as_ptr() as usize, bytes.len());
}

/// Callgrind counts from 0.
pub fn count_from_zero() {
    request(CALLGRIND + 1, 0, 0);
}

/// Callgrind writes what it counted to a file of its own, under this name.
pub fn write_count(name: &std::ffi::CStr) {
    request(CALLGRIND + 3, name.as_ptr() as usize, 0);
}
