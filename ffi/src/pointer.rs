//! Pointers from C, looked at before they are followed: NULL, length, overlap. No alignment is asked for.
//!
//! The contract of every `unsafe fn` here is the one that the header states once for all functions: a pointer that
//! is not NULL points to as many octets as the length beside it (or the number in its declaration) says, nobody
//! writes to inputs and nobody else uses outputs until the call returns. Where input and output may be the same
//! place, [`Pair`] keeps Rust from seeing it twice.

use std::ffi::c_char;
use std::ptr;

use engine::base::{Error, Result};

/// A piece of memory by its address.
#[derive(Clone, Copy)]
struct Span {
    start: usize,
    len: usize,
}

impl Span {
    /// `count` elements.
    fn new<T>(start: *const T, count: usize) -> Result<Self> {
        let start = start.addr();
        let len = count.checked_mul(size_of::<T>()).ok_or(Error::TooLong)?;
        let fits = len <= isize::MAX as usize && start.checked_add(len).is_some();
        if fits {
            Ok(Self { start, len })
        } else {
            Err(Error::TooLong)
        }
    }

    fn meets(self, other: Self) -> bool {
        let apart = self.start + self.len <= other.start || other.start + other.len <= self.start;
        !apart && self.len != 0 && other.len != 0
    }

    /// Neither apart nor the same place.
    fn cuts(self, other: Self) -> bool {
        self.start != other.start && self.meets(other)
    }
}

/// An input of any length; NULL stands for no octets.
pub(crate) unsafe fn octets<'a>(start: *const u8, len: usize) -> Result<&'a [u8]> {
    if start.is_null() {
        return if len == 0 { Ok(&[]) } else { Err(Error::Null) };
    }
    Span::new(start, len)?;
    // SAFETY: the contract above; the length was checked.
    Ok(unsafe { std::slice::from_raw_parts(start, len) })
}

/// An input of a fixed length.
pub(crate) unsafe fn array<'a, const N: usize>(start: *const u8) -> Result<&'a [u8; N]> {
    // SAFETY: the contract above; an array of octets has alignment 1.
    unsafe { start.cast::<[u8; N]>().as_ref() }.ok_or(Error::Null)
}

/// NUL-terminated ASCII of at most `most` octets; what follows a NUL is not read.
///
/// # Errors
/// [`Error::Null`], [`Error::TooLong`], [`Error::Argument`] for other octets.
pub(crate) unsafe fn text<'a>(start: *const c_char, most: usize) -> Result<&'a str> {
    if start.is_null() {
        return Err(Error::Null);
    }
    let start = start.cast::<u8>();
    // SAFETY: the contract above: every octet up to the NUL may be read, and none behind it is.
    let len = (0..=most)
        .find(|&at| unsafe { *start.add(at) } == 0)
        .ok_or(Error::TooLong)?;
    // SAFETY: these octets were just read.
    let octets = unsafe { std::slice::from_raw_parts(start, len) };
    std::str::from_utf8(octets)
        .ok()
        .filter(|text| text.is_ascii())
        .ok_or(Error::Argument)
}

/// A place for a result, written at the very end of a call and not before.
pub(crate) struct Out<T: Copy> {
    place: *mut T,
    span: Span,
}

impl<T: Copy> Out<T> {
    /// The place of a result.
    pub(crate) unsafe fn new(place: *mut T) -> Result<Self> {
        if place.is_null() {
            return Err(Error::Null);
        }
        Ok(Self {
            place,
            span: Span::new(place, 1)?,
        })
    }

    /// Admits an input or another output of `len` elements beside it: the same place or none in common.
    pub(crate) fn beside<U>(self, start: *const U, len: usize) -> Result<Self> {
        if self.span.cuts(Span::new(start, len)?) {
            Err(Error::Overlap)
        } else {
            Ok(self)
        }
    }

    /// Admits another output beside it: nothing in common.
    pub(crate) fn apart<U>(self, start: *const U, len: usize) -> Result<Self> {
        if self.span.meets(Span::new(start, len)?) {
            Err(Error::Overlap)
        } else {
            Ok(self)
        }
    }

    /// Writes the result. By reference: a key leaves no second copy behind.
    pub(crate) fn put(self, result: &T) {
        // SAFETY: the contract of `new`; copied as octets because the place may be unaligned.
        unsafe {
            ptr::copy_nonoverlapping(
                ptr::from_ref(result).cast::<u8>(),
                self.place.cast::<u8>(),
                size_of::<T>(),
            );
        }
    }
}

/// Octets that go in and octets that come out.
pub(crate) enum Pair<'a> {
    /// Two places with nothing in common.
    Apart(&'a [u8], &'a mut [u8]),
    /// One place; the first `usize` octets are the input.
    InPlace(&'a mut [u8], usize),
}

impl<'a> Pair<'a> {
    /// Looks at an input and the room for an output. One of the two lengths may be 0 with NULL.
    ///
    /// # Errors
    /// [`Error::Null`], [`Error::TooLong`], [`Error::Overlap`].
    pub(crate) unsafe fn new(
        input: *const u8,
        len: usize,
        out: *mut u8,
        capacity: usize,
    ) -> Result<Self> {
        if (input.is_null() && len != 0) || (out.is_null() && capacity != 0) {
            return Err(Error::Null);
        }
        let (from, to) = (Span::new(input, len)?, Span::new(out, capacity)?);
        if from.cuts(to) {
            return Err(Error::Overlap);
        }
        if from.start == to.start && !out.is_null() {
            // SAFETY: the contract above; the same place is borrowed once, and the longer length is inside it.
            let place = unsafe { std::slice::from_raw_parts_mut(out, len.max(capacity)) };
            return Ok(Self::InPlace(place, len));
        }
        // SAFETY: the contract above; the two have nothing in common.
        let input = unsafe { octets(input, len) }?;
        // SAFETY: as before.
        let out = unsafe { room(out, capacity) }?;
        Ok(Self::Apart(input, out))
    }
}

/// Room for an output of any length; NULL stands for none.
pub(crate) unsafe fn room<'a>(start: *mut u8, capacity: usize) -> Result<&'a mut [u8]> {
    if start.is_null() {
        return if capacity == 0 {
            Ok(&mut [])
        } else {
            Err(Error::Null)
        };
    }
    Span::new(start, capacity)?;
    // SAFETY: the contract above; the length was checked.
    Ok(unsafe { std::slice::from_raw_parts_mut(start, capacity) })
}

/// A structure that the caller filled, read once.
pub(crate) unsafe fn copied<T: Copy>(place: *const T) -> Result<T> {
    if place.is_null() {
        return Err(Error::Null);
    }
    Span::new(place, 1)?;
    // SAFETY: the contract above; unaligned on purpose.
    Ok(unsafe { ptr::read_unaligned(place) })
}

/// Elements that a call reads, at any alignment, copied out.
pub(crate) unsafe fn list<T: Copy>(start: *const T, count: usize) -> Result<Vec<T>> {
    if start.is_null() && count != 0 {
        return Err(Error::Null);
    }
    Span::new(start, count)?;
    let mut list = Vec::new();
    list.try_reserve_exact(count).map_err(|_| Error::TooLong)?;
    // SAFETY: the contract above: `count` elements may be read, wherever they lie.
    list.extend((0..count).map(|at| unsafe { ptr::read_unaligned(start.add(at)) }));
    Ok(list)
}

/// Elements that a call reads and writes in place.
///
/// # Errors
/// [`Error::Argument`] when they are not aligned, beside those of [`room`].
pub(crate) unsafe fn elements<'a, T>(start: *mut T, count: usize) -> Result<&'a mut [T]> {
    if start.is_null() {
        return if count == 0 {
            Ok(&mut [])
        } else {
            Err(Error::Null)
        };
    }
    Span::new(start, count)?;
    if !start.is_aligned() {
        return Err(Error::Argument);
    }
    // SAFETY: the contract above; length and alignment were checked.
    Ok(unsafe { std::slice::from_raw_parts_mut(start, count) })
}

/// Elements that a call reads in place.
///
/// # Errors
/// As for [`elements`].
pub(crate) unsafe fn slots<'a, T>(start: *const T, count: usize) -> Result<&'a [T]> {
    // SAFETY: as there; nothing is written through it.
    unsafe { elements(start.cast_mut(), count) }.map(|elements| &*elements)
}

/// Whether two places have nothing in common.
///
/// # Errors
/// [`Error::Overlap`], [`Error::TooLong`].
pub(crate) fn apart<T, U>(a: (*const T, usize), b: (*const U, usize)) -> Result<()> {
    if Span::new(a.0, a.1)?.meets(Span::new(b.0, b.1)?) {
        Err(Error::Overlap)
    } else {
        Ok(())
    }
}
