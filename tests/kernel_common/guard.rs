//! Memory between two pages that cannot be touched.

use std::ptr;

const PAGE: usize = 4096;
const PAGES: usize = 2; // holds 4096 bytes at any offset below a page

/// Two pages of memory, an unreadable page on either side.
pub struct Guarded {
    base: *mut u8,
}

/// Which end of the memory a slice touches.
#[derive(Clone, Copy, Debug)]
pub enum End {
    Front,
    Back,
}

impl Guarded {
    pub fn new() -> Self {
        // SAFETY: an anonymous private mapping at an address of the kernel's choice; the result is checked.
        let base = unsafe {
            libc::mmap(
                ptr::null_mut(),
                (PAGES + 2) * PAGE,
                libc::PROT_NONE,
                libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
                -1,
                0,
            )
        };
        assert_ne!(base, libc::MAP_FAILED);
        let guarded = Self { base: base.cast() };
        guarded.protect(libc::PROT_READ | libc::PROT_WRITE);
        guarded
    }

    fn protect(&self, protection: i32) {
        // SAFETY: the pages belong to this mapping, which nobody unmaps before the drop.
        let done = unsafe { libc::mprotect(self.base.add(PAGE).cast(), PAGES * PAGE, protection) };
        assert_eq!(done, 0);
    }

    fn all(&mut self) -> &mut [u8] {
        // SAFETY: the pages between the guards are mapped, initialised with zeros and borrowed through `self`.
        unsafe { std::slice::from_raw_parts_mut(self.base.add(PAGE), PAGES * PAGE) }
    }

    /// `content` at one end; what is around it in these pages becomes 0xA5.
    pub fn place(&mut self, content: &[u8], end: End) -> &mut [u8] {
        self.protect(libc::PROT_READ | libc::PROT_WRITE);
        let all = self.all();
        all.fill(0xA5);
        let place = match end {
            End::Front => 0..content.len(),
            End::Back => PAGES * PAGE - content.len()..PAGES * PAGE,
        };
        all[place.clone()].copy_from_slice(content);
        &mut all[place]
    }

    /// Makes writes fault until the next `place`.
    pub fn freeze(&mut self, len: usize, end: End) -> &[u8] {
        self.protect(libc::PROT_READ);
        let all = self.all();
        match end {
            End::Front => &all[..len],
            End::Back => &all[PAGES * PAGE - len..],
        }
    }

    /// True when nothing around the `len` bytes at `end` was written.
    pub fn intact(&mut self, len: usize, end: End) -> bool {
        let all = self.all();
        let rest = match end {
            End::Front => &all[len..],
            End::Back => &all[..PAGES * PAGE - len],
        };
        rest.iter().all(|&byte| byte == 0xA5)
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        // SAFETY: the mapping was made by `new` with this size, and no slice outlives the borrow of `self`.
        unsafe { libc::munmap(self.base.cast(), (PAGES + 2) * PAGE) };
    }
}
