//! Both boxes of every instruction set at every byte value and place.

use super::*;
use crate::kernel::Lane;
use crate::kernel::isa::{self, MOST_LANES, WORDS};
use crate::kernel::zuc::tables;
use std::vec::Vec;

/// `x` is the first byte of the first word; every other byte is one more than the one before it.
fn words(x: u8) -> [u32; MOST_LANES] {
    core::array::from_fn(|lane| {
        u32::from_le_bytes([0, 1, 2, 3].map(|i| x.wrapping_add(4 * lane as u8 + i)))
    })
}

#[inline(always)]
fn check<B: Boxes>(boxes: B) {
    let isa = boxes.isa();
    let lanes = <B::Isa as Isa>::LANES;
    for x in 0..=255 {
        let words = words(x);
        let blocks: Vec<[u8; 16]> = words
            .iter()
            .map(|word| core::array::from_fn(|i| word.to_le_bytes()[i % 4]))
            .collect();
        let v = isa.columns(&isa::blocks(&blocks, |block| block))[0];
        let (a, b) = (boxes.s0(v), boxes.s1(v));
        for (got, table) in [(a, &tables::S0), (b, &tables::S1)] {
            let mut texts = [[0_u8; 4]; MOST_LANES];
            let mut places: Vec<_> = texts[..lanes]
                .iter_mut()
                .map(|data| Lane {
                    key: &[0; 16],
                    iv: [0; 16],
                    data,
                })
                .collect();
            isa.emit(&[got; WORDS], &mut places, 0);
            for (text, word) in texts[..lanes].iter().zip(words) {
                assert_eq!(*text, word.to_be_bytes().map(|x| table[usize::from(x)]));
            }
        }
    }
}

#[test]
fn both_boxes_at_every_byte_and_place() {
    #[cfg(target_arch = "x86_64")]
    {
        use crate::base::cpu::{HaveAesNi, HaveAvx2, HaveAvx512, HaveGfni512};
        if let Some(proof) = HaveAesNi::detect() {
            check(proof);
        }
        if let Some(proof) = HaveAvx2::detect() {
            check(proof);
        }
        if let Some(proof) = HaveAvx512::detect() {
            check(proof);
        }
        if let Some(proof) = HaveGfni512::detect() {
            check(proof);
        }
    }
    #[cfg(target_arch = "aarch64")]
    if let Some(proof) = crate::base::cpu::HaveAes::detect() {
        check(proof);
    }
}

#[test]
fn constants_are_those_of_the_proof() {
    let file: serde_json::Value =
        serde_json::from_str(include_str!("../../../../tests/vectors/kc.json")).unwrap();
    let twice = core::array::from_fn(|q| 2 * q as u8);
    for (room, name, constant) in [
        ("ZUC_S0_fused", "P1", P1),
        ("ZUC_S0_fused", "P2", P2),
        ("ZUC_S0_fused", "A", twice),
        ("ZUC_S0_fused", "C", C),
        ("ZUC_S1_aesni", "in_lo", IN_LOW),
        ("ZUC_S1_aesni", "in_hi", IN_HIGH),
        ("ZUC_S1_aesni", "out_lo", OUT_LOW),
        ("ZUC_S1_aesni", "out_hi", OUT_HIGH),
    ] {
        let constant = u128::from_be_bytes(constant);
        assert_eq!(file[room][name], std::format!("{constant:032x}"), "{name}");
    }
}
