//! What a message of 64 bytes costs in instructions, row by row, for callgrind: the same in every run, on every
//! machine, for the rows that valgrind can run (up to AVX2).
//!
//! `tests/run instructions` runs this under callgrind and compares with instructions.txt. A test by itself only in so
//! far as it must not fail.

mod kernel_common;

use std::ffi::CStr;
use std::hint::black_box;

use kernel_common::driven::{Driven, Raw, every_room};
use kernel_common::{SplitMix, valgrind};

const LEN: usize = 64;

fn room<R: Driven>() {
    // The crates' rows change with the crates.
    let own = |name: &str| name.starts_with("x86_") || name == "portable";
    for row in R::backends()
        .iter()
        .filter(|row| (row.available)() && own(row.name))
    {
        for count in [1, 64] {
            let mut random = SplitMix(64);
            let raws: Vec<Raw> = (0..count)
                .map(|_| random.bytes(32).try_into().expect("32 bytes"))
                .collect();
            let mut messages: Vec<_> = (0..count).map(|_| random.bytes(LEN)).collect();
            let mut secrets: Vec<_> = raws.iter().map(|raw| R::secret(raw, LEN)).collect();
            let mut lanes = R::lanes(&mut secrets, &mut messages);
            // A row may remember at its first call what the processor can do.
            let mut others: Vec<_> = raws.iter().map(|raw| R::secret(raw, LEN)).collect();
            let mut texts = vec![vec![0; LEN]; count];
            let mut first = R::lanes(&mut others, &mut texts);
            (row.many)(black_box(&mut first));
            let name = format!("{} {} {count}\0", R::NAME, row.name);
            let name = CStr::from_bytes_with_nul(name.as_bytes()).expect("one zero, at the end");
            valgrind::count_from_zero();
            match black_box(&mut lanes[..]) {
                [lane] => (row.one)(lane),
                lanes => (row.many)(lanes),
            }
            valgrind::write_count(name);
        }
    }
}

#[test]
fn one_message_and_64() {
    every_room!(|R| room::<R>());
}
