//! Every operation of every instruction set against the same thing word by word.

use super::*;
use std::vec;
use std::vec::Vec;

fn random(state: &mut u64) -> u64 {
    *state = state
        .wrapping_mul(6_364_136_223_846_793_005)
        .wrapping_add(1_442_695_040_888_963_407);
    *state >> 16 ^ *state << 48
}

/// Words of a vector, by way of [`Isa::emit`].
fn words<I: Isa>(isa: I, v: I::V) -> Vec<u32> {
    let mut texts = [[0_u8; 4]; MOST_LANES];
    let key = [0; 16];
    let mut lanes: Vec<_> = texts[..I::LANES]
        .iter_mut()
        .map(|data| Lane {
            key: &key,
            iv: [0; 16],
            data,
        })
        .collect();
    isa.emit(&[v; WORDS], &mut lanes, 0);
    texts[..I::LANES]
        .iter()
        .map(|text| u32::from_be_bytes(*text))
        .collect()
}

/// A vector of one word of each lane, by way of [`Isa::columns`].
fn vector<I: Isa>(isa: I, words: &[u32; MOST_LANES]) -> I::V {
    let blocks: Vec<[u8; 16]> = words
        .iter()
        .map(|word| core::array::from_fn(|i| word.to_le_bytes()[i % 4]))
        .collect();
    isa.columns(&super::blocks(&blocks, |block| block))[2]
}

#[inline(always)]
fn check<I: Isa>(isa: I) {
    let mut state = 7;
    for _ in 0..50 {
        let [a, b, c]: [[u32; MOST_LANES]; 3] =
            core::array::from_fn(|_| core::array::from_fn(|_| random(&mut state) as u32));
        let [va, vb, vc] = [a, b, c].map(|words| vector(isa, &words));
        let same = |got: I::V, right: &dyn Fn(usize) -> u32| {
            assert_eq!(
                words(isa, got),
                (0..I::LANES).map(right).collect::<Vec<_>>()
            );
        };
        same(va, &|i| a[i]);
        same(isa.splat(a[3]), &|_| a[3]);
        same(isa.xor(va, vb), &|i| a[i] ^ b[i]);
        same(isa.and(va, vb), &|i| a[i] & b[i]);
        same(isa.or(va, vb), &|i| a[i] | b[i]);
        same(isa.add(va, vb), &|i| a[i].wrapping_add(b[i]));
        same(isa.sub(va, vb), &|i| a[i].wrapping_sub(b[i]));
        same(isa.max(va, vb), &|i| (a[i] as i32).max(b[i] as i32) as u32);
        same(isa.dot(va, vb), &|i| {
            let product = |by: u32| {
                let half = |word: u32| i32::from((word >> by) as i16);
                half(a[i]).wrapping_mul(half(b[i]))
            };
            product(0).wrapping_add(product(16)) as u32
        });
        same(isa.xor3(va, vb, vc), &|i| a[i] ^ b[i] ^ c[i]);
        same(isa.select(va, vb, vc), &|i| a[i] & b[i] | !a[i] & c[i]);
        same(isa.majority(va, vb, vc), &|i| {
            a[i] & b[i] | a[i] & c[i] | b[i] & c[i]
        });
        same(isa.halves(va, vb), &|i| a[i] & 0xFFFF_0000 | b[i] & 0xFFFF);
        same(isa.swap_bytes(va), &|i| a[i].swap_bytes());
        for bits in [1, 7, 8, 15, 16, 24, 31] {
            same(isa.shl(va, bits), &|i| a[i] << bits);
            same(isa.shr(va, bits), &|i| a[i] >> bits);
            same(isa.rotl(va, bits), &|i| a[i].rotate_left(bits));
        }
        let table: [u8; 16] = core::array::from_fn(|i| (a[i] >> 5) as u8);
        let index = isa.and(va, isa.splat(0x8F0F_0F8F));
        same(isa.shuffle(isa.quad(&table), index), &|i| {
            let bytes = (a[i] & 0x8F0F_0F8F).to_le_bytes();
            u32::from_le_bytes(bytes.map(|at| if at < 16 { table[usize::from(at)] } else { 0 }))
        });
        emit_everywhere(isa, &a, &b);
    }
}

/// Lanes of every length, from an offset on, and no byte beside them.
fn emit_everywhere<I: Isa>(isa: I, a: &[u32; MOST_LANES], b: &[u32; MOST_LANES]) {
    let z: [I::V; WORDS] = core::array::from_fn(|j| {
        vector(
            isa,
            &core::array::from_fn(|i| a[i].rotate_left(j as u32) ^ b[j]),
        )
    });
    let key = [0; 16];
    for at in [0, 64] {
        for (count, first) in [
            (I::LANES, 0),
            (I::LANES, 33),
            (I::LANES - 1, 61),
            (1, 64),
            (1, 15),
        ] {
            let mut texts = vec![[0xA5_u8; 160]; count];
            let len = |i: usize| at + (first + 5 * i) % 66;
            let mut lanes: Vec<_> = texts
                .iter_mut()
                .enumerate()
                .map(|(i, data)| Lane {
                    key: &key,
                    iv: [0; 16],
                    data: &mut data[..len(i)],
                })
                .collect();
            isa.emit(&z, &mut lanes, at);
            for (i, text) in texts.iter().enumerate() {
                let mut right = [0xA5_u8; 160];
                for (k, byte) in right[at..len(i).min(at + 64)].iter_mut().enumerate() {
                    *byte ^= (a[i].rotate_left((k / 4) as u32) ^ b[k / 4]).to_be_bytes()[k % 4];
                }
                assert_eq!(text, &right, "lane {i} of {count} from {at}");
            }
        }
    }
}

#[test]
fn every_operation_is_that_of_words() {
    #[cfg(target_arch = "x86_64")]
    {
        use crate::base::cpu::{HaveAesNi, HaveAvx2, HaveAvx512};
        if let Some(isa) = HaveAesNi::detect() {
            check(isa);
        }
        if let Some(isa) = HaveAvx2::detect() {
            check(isa);
        }
        if let Some(isa) = HaveAvx512::detect() {
            check(isa);
        }
    }
    #[cfg(target_arch = "aarch64")]
    if let Some(isa) = crate::base::cpu::HaveAes::detect() {
        check(isa);
    }
}
