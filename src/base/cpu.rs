//! CPU features: found once, and a proof token for each set that a kernel needs.
//!
//! `NASLANE_CPU_DENY=aes,pclmulqdq` hides features (feature `std`); a hidden feature is as good as absent.

use core::sync::atomic::{AtomicU32, Ordering};

/// A feature that some kernel asks for; the name is the one of `is_x86_feature_detected!` and its siblings.
#[derive(Clone, Copy, Debug)]
pub struct Feature {
    /// Lower-case name, as `NASLANE_CPU_DENY` takes it.
    pub name: &'static str,
    bit: u32,
    found: fn() -> bool,
}

macro_rules! features {
    ($($konst:ident $bit:literal $name:tt;)* $(+ $($own:ident $own_bit:literal $own_name:tt;)*)?) => {
        $(
            mod $konst { cpufeatures::new!(probe, $name); pub(super) fn found() -> bool { probe::get() } }
        )*
        /// Every feature that some kernel of this architecture may use.
        pub const FEATURES: &[Feature] = &[
            $(Feature { name: $name, bit: 1 << $bit, found: $konst::found },)*
            $($(Feature { name: $own_name, bit: 1 << $own_bit, found: $own },)*)?
        ];
    };
}

#[cfg(target_arch = "x86_64")]
features! {
    ssse3 0 "ssse3";
    sse41 1 "sse4.1";
    aes 2 "aes";
    pclmulqdq 3 "pclmulqdq";
    avx2 4 "avx2";
    avx512f 5 "avx512f";
    avx512bw 6 "avx512bw";
    avx512dq 7 "avx512dq";
    avx512vl 8 "avx512vl";
    avx512vbmi 9 "avx512vbmi";
    gfni 10 "gfni";
    vaes 11 "vaes";
    vpclmulqdq 12 "vpclmulqdq";
    sha 13 "sha";
    avx512vbmi2 14 "avx512vbmi2";
    + // found by functions of these names
    avx512vnni 15 "avx512vnni";
}

/// AVX-512 VNNI, which `cpufeatures` does not know: bit 11 of ECX in leaf 7. That the system saves the registers is
/// what AVX-512F stands for.
#[cfg(target_arch = "x86_64")]
#[allow(unused_unsafe)] // CPUID is a safe function of newer standard libraries only
fn avx512vnni() -> bool {
    // SAFETY: every x86-64 has CPUID; the leaf is there where AVX-512F was found in it.
    avx512f::found() && unsafe { core::arch::x86_64::__cpuid_count(7, 0) }.ecx & 1 << 11 != 0
}

#[cfg(target_arch = "aarch64")]
features! {
    aes 0 "aes";
    sha2 1 "sha2";
}

/// Every feature that some kernel of this architecture may use: none here.
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
pub const FEATURES: &[Feature] = &[];

const KNOWN: u32 = 1 << 31; // the mask has been computed
static MASK: AtomicU32 = AtomicU32::new(0);

fn denied(name: &str) -> bool {
    #[cfg(feature = "std")]
    return std::env::var("NASLANE_CPU_DENY").is_ok_and(|list| {
        list.split(',')
            .any(|word| word.trim().eq_ignore_ascii_case(name))
    });
    #[cfg(not(feature = "std"))]
    {
        let _ = name;
        false
    }
}

#[cold]
fn compute() -> u32 {
    let mut mask = KNOWN;
    for feature in FEATURES {
        if (feature.found)() && !denied(feature.name) {
            mask |= feature.bit;
        }
    }
    // Relaxed: every thread computes the same mask, and nothing else is published with it.
    MASK.store(mask, Ordering::Relaxed);
    mask
}

#[inline]
fn mask() -> u32 {
    match MASK.load(Ordering::Relaxed) {
        0 => compute(),
        mask => mask,
    }
}

impl Feature {
    /// True when the processor has the feature and nobody hid it.
    #[must_use]
    pub fn usable(&self) -> bool {
        mask() & self.bit != 0
    }

    /// True when the processor has the feature but `NASLANE_CPU_DENY` hides it.
    #[must_use]
    pub fn hidden(&self) -> bool {
        (self.found)() && !self.usable()
    }
}

/// Asks for the cache lines of `place`, which will be read soon. Without effect where there is no such instruction.
#[inline]
pub fn prefetch<T>(place: &T) {
    prefetch_front(place, size_of::<T>());
}

/// Asks for the cache lines of the first `octets` of `place`.
#[inline]
pub fn prefetch_front<T>(place: &T, octets: usize) {
    lines(place, octets, prefetch_line);
}

/// As [`prefetch_front`], but into the second cache only. Fewer lines can be on their way to the first one: with 64 sessions
/// asked for at random in 592 MB, two lines each, 13 ns a session instead of 20. Who needs them soon asks again.
#[inline]
pub fn prefetch_front_far<T>(place: &T, octets: usize) {
    lines(place, octets, prefetch_line_far);
}

/// The cache lines of the first `octets` of `place`.
#[inline(always)]
fn lines<T>(place: &T, octets: usize, each: impl Fn(*const u8)) {
    let octets = octets.min(size_of::<T>());
    let start = core::ptr::from_ref(place).cast::<u8>();
    for offset in (0..octets).step_by(LINE) {
        each(start.wrapping_add(offset));
    }
    // What does not begin with a line reaches into one more.
    if octets > LINE && align_of::<T>() < LINE {
        each(start.wrapping_add(octets - 1));
    }
}

/// Asks for the cache line of `place` in order to write it, so that the store finds it here and not at the processor
/// that wrote it last. Without effect where there is no such instruction.
#[inline(always)]
pub fn prefetch_write<T>(place: &T) {
    let place = core::ptr::from_ref(place).cast::<u8>();
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a prefetch reads nothing that the program can see, faults nowhere and changes no register. A 64-bit
    // processor that does not know PREFETCHW takes it for a NOP.
    unsafe {
        core::arch::asm!("prefetchw [{}]", in(reg) place,
            options(nostack, preserves_flags, readonly));
    }
    #[cfg(target_arch = "aarch64")]
    // SAFETY: as above.
    unsafe {
        core::arch::asm!("prfm pstl1keep, [{}]", in(reg) place,
            options(nostack, preserves_flags, readonly));
    }
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    let _ = place;
}

/// Sends the line of what was written last on its way to whoever reads it next, on another core: it need not ask this
/// core for it then. Where both share a core, its way back is longer.
#[cfg(feature = "std")]
#[inline]
pub fn send_off<T>(place: &T) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: CLDEMOTE changes nothing that a program can see and faults nowhere. A processor that does not know it
    // takes it for a NOP.
    unsafe {
        let place = core::ptr::from_ref(place).cast::<u8>();
        core::arch::asm!("cldemote [{}]", in(reg) place,
            options(nostack, preserves_flags, readonly));
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = place;
}

/// Whether [`ticks`] goes on at one rate, on all processors and while they rest.
#[cfg(feature = "std")]
#[allow(unused_unsafe)] // CPUID is a safe function of newer standard libraries only
pub fn has_steady_ticks() -> bool {
    #[cfg(target_arch = "x86_64")]
    {
        use core::arch::x86_64::__cpuid;
        const STEADY: u32 = 0x8000_0007;
        // SAFETY: every x86-64 has CPUID, and a leaf is asked for only up to the last that there is.
        unsafe { __cpuid(0x8000_0000).eax >= STEADY && __cpuid(STEADY).edx & 1 << 8 != 0 }
    }
    #[cfg(not(target_arch = "x86_64"))]
    cfg!(target_arch = "aarch64")
}

/// The processor's counter of time. It waits for no instruction before it and none waits for it, so that a hundred
/// instructions may stand between where it is written and when it is read.
#[cfg(feature = "std")]
#[inline(always)]
#[must_use]
pub fn ticks() -> u64 {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: every x86-64 has the counter. A process that forbade itself to read it (PR_SET_TSC) would end here: naslane
    // does not.
    unsafe {
        core::arch::x86_64::_rdtsc()
    }
    #[cfg(target_arch = "aarch64")]
    {
        let count: u64;
        // SAFETY: reads a register that Linux opens to all programs.
        unsafe {
            core::arch::asm!("mrs {}, cntvct_el0", out(reg) count, options(nomem, nostack, preserves_flags));
        }
        count
    }
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    0
}

/// The same number, in a register of its own. Two fields that were stored one by one and are copied together would be
/// loaded as one, and such a load waits until both stores have left the store buffer: a single message would not begin
/// before the one ahead of it has ended.
#[inline(always)]
#[must_use]
pub fn apart(number: usize) -> usize {
    #[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
    {
        let mut number = number;
        // SAFETY: no instruction at all: the compiler must not join two loads to one.
        unsafe {
            core::arch::asm!("/* {0} */", inout(reg) number, options(pure, nomem, nostack, preserves_flags));
        }
        number
    }
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    number
}

/// The same reference, as [`apart`] does it.
#[inline(always)]
#[must_use]
pub fn apart_ref<T>(place: &T) -> &T {
    #[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
    {
        let mut place = core::ptr::from_ref(place);
        // SAFETY: as in `apart`; the pointer stays what it was, and with it the reference.
        unsafe {
            core::arch::asm!("/* {0} */", inout(reg) place, options(pure, readonly, nostack, preserves_flags));
            &*place
        }
    }
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    place
}

/// Octets of a cache line.
const LINE: usize = 64;

#[inline(always)]
fn prefetch_line_far(place: *const u8) {
    #[cfg(target_arch = "x86_64")]
    {
        use core::arch::x86_64::{_MM_HINT_T1, _mm_prefetch};
        // SAFETY: as in `prefetch_line`.
        unsafe { _mm_prefetch::<_MM_HINT_T1>(place.cast()) };
    }
    #[cfg(target_arch = "aarch64")]
    // SAFETY: as in `prefetch_line`.
    unsafe {
        core::arch::asm!("prfm pldl2keep, [{}]", in(reg) place,
            options(nostack, preserves_flags, readonly));
    }
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    let _ = place;
}

#[inline(always)]
fn prefetch_line(place: *const u8) {
    #[cfg(target_arch = "x86_64")]
    {
        use core::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: a prefetch reads nothing that the program can see and faults nowhere. SSE is part of x86-64.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(place.cast()) };
    }
    #[cfg(target_arch = "aarch64")]
    // SAFETY: a prefetch reads nothing that the program can see, faults nowhere and changes no register.
    unsafe {
        core::arch::asm!("prfm pldl1keep, [{}]", in(reg) place,
            options(nostack, preserves_flags, readonly));
    }
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    let _ = place;
}

/// Asks the system for huge pages behind memory that will be reached in random order, before it is first touched:
/// 1,000,000 sessions of 640 octets otherwise cost a page walk each (50 ns a message of 220 in batches of 64).
/// Without effect where the system knows no such thing or refuses.
#[cfg(feature = "std")]
pub fn huge_pages<T>(memory: &mut [core::mem::MaybeUninit<T>]) {
    #[cfg(target_os = "linux")]
    {
        const PAGE: usize = 4096;
        let start = memory.as_ptr().addr().next_multiple_of(PAGE);
        let end = (memory.as_ptr().addr() + size_of_val(memory)) / PAGE * PAGE;
        if start < end {
            let place = memory.as_mut_ptr().cast::<u8>().with_addr(start);
            // SAFETY: the whole pages from `start` to `end` lie inside `memory`, which this call may change; the
            // advice keeps what is in them.
            unsafe { libc::madvise(place.cast(), end - start, libc::MADV_HUGEPAGE) };
        }
    }
    #[cfg(not(target_os = "linux"))]
    let _ = memory;
}

macro_rules! token {
    ($(#[$doc:meta])* $name:ident = $($feature:literal),+) => {
        $(#[$doc])*
        #[derive(Clone, Copy)]
        pub struct $name(());

        impl $name {
            /// The features it stands for.
            pub const NEEDS: &'static [&'static str] = &[$($feature),+];

            const BITS: u32 = {
                let mut bits = 0;
                $(bits |= bit_of($feature);)+
                bits
            };

            /// The proof, when every feature it stands for is usable. Costs one relaxed load.
            #[inline]
            #[must_use]
            pub fn detect() -> Option<Self> {
                (mask() & Self::BITS == Self::BITS).then_some(Self(()))
            }
        }
    };
}

const fn bit_of(name: &str) -> u32 {
    let mut i = 0;
    while i < FEATURES.len() {
        if same(FEATURES[i].name.as_bytes(), name.as_bytes()) {
            return FEATURES[i].bit;
        }
        i += 1;
    }
    panic!("a token names a feature that FEATURES lacks")
}

const fn same(a: &[u8], b: &[u8]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    let mut i = 0;
    while i < a.len() {
        if a[i] != b[i] {
            return false;
        }
        i += 1;
    }
    true
}

#[cfg(target_arch = "x86_64")]
token!(
    /// Proof of AES-NI with the byte shuffles that go with it (SSSE3, SSE4.1).
    HaveAesNi = "aes", "ssse3", "sse4.1"
);
#[cfg(target_arch = "x86_64")]
token!(
    /// Proof of PCLMULQDQ with SSSE3 and SSE4.1.
    HavePclmul = "pclmulqdq", "ssse3", "sse4.1"
);

#[cfg(target_arch = "x86_64")]
token!(
    /// Proof of AVX2 beside AES-NI.
    HaveAvx2 = "aes", "ssse3", "sse4.1", "avx2"
);
#[cfg(target_arch = "x86_64")]
token!(
    /// Proof of AVX-512 (F, BW, DQ, VL) beside AES-NI.
    HaveAvx512 = "aes", "ssse3", "sse4.1", "avx2", "avx512f", "avx512bw", "avx512dq", "avx512vl"
);
#[cfg(target_arch = "x86_64")]
token!(
    /// Proof of AVX-512 with GFNI, VAES, VBMI, VBMI2 and VNNI.
    HaveGfni512 = "aes", "ssse3", "sse4.1", "avx2", "avx512f", "avx512bw", "avx512dq", "avx512vl", "avx512vbmi",
    "avx512vbmi2", "avx512vnni", "gfni", "vaes"
);
#[cfg(target_arch = "x86_64")]
token!(
    /// Proof of VAES in 256 bits, without AVX-512.
    HaveVaes256 = "aes", "ssse3", "sse4.1", "avx2", "vaes"
);
#[cfg(target_arch = "x86_64")]
token!(
    /// Proof of VAES in 512 bits.
    HaveVaes512 = "aes", "ssse3", "sse4.1", "avx2", "avx512f", "avx512bw", "avx512dq", "avx512vl", "vaes"
);
#[cfg(target_arch = "x86_64")]
token!(
    /// Proof of VPCLMULQDQ in 512 bits.
    HaveVpclmul512 = "pclmulqdq", "ssse3", "sse4.1", "avx2", "avx512f", "avx512bw", "avx512dq", "avx512vl",
    "vpclmulqdq"
);
#[cfg(target_arch = "x86_64")]
token!(
    /// Proof of the SHA extensions.
    HaveShaNi = "sha", "ssse3", "sse4.1"
);
#[cfg(target_arch = "aarch64")]
token!(
    /// Proof of the AES extension, which brings PMULL; NEON is part of every aarch64 that runs this.
    HaveAes = "aes"
);
#[cfg(target_arch = "aarch64")]
token!(
    /// Proof of the SHA-256 extension.
    HaveSha2 = "sha2"
);

#[cfg(target_arch = "x86_64")]
impl HaveAvx2 {
    /// The narrower proof that this one holds.
    #[inline]
    #[must_use]
    pub const fn aes_ni(self) -> HaveAesNi {
        HaveAesNi(())
    }
}

#[cfg(target_arch = "x86_64")]
impl HaveAvx512 {
    /// The narrower proof that this one holds.
    #[inline]
    #[must_use]
    pub const fn avx2(self) -> HaveAvx2 {
        HaveAvx2(())
    }
}

#[cfg(target_arch = "x86_64")]
impl HaveGfni512 {
    /// The narrower proof that this one holds.
    #[inline]
    #[must_use]
    pub const fn avx512(self) -> HaveAvx512 {
        HaveAvx512(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique() {
        for (i, a) in FEATURES.iter().enumerate() {
            assert!(
                FEATURES[i + 1..]
                    .iter()
                    .all(|b| a.name != b.name && a.bit != b.bit)
            );
        }
    }

    #[test]
    fn a_usable_feature_is_not_hidden() {
        for feature in FEATURES {
            assert!(!(feature.usable() && feature.hidden()));
        }
    }
}
