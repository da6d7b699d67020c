//! Batch shaping: lanes of like length stand beside each other, so that no lane of a kernel pass waits for a
//! straggler.

use super::message::FEW;
use arrayvec::ArrayVec;
use core::ops::{AddAssign, Sub};

/// Lanes that one call orders.
pub(super) const MOST: usize = 128;

/// Keystream is made in steps of four words, so lengths that differ by less cost the same.
const STEP: usize = 16;

/// Lengths from here on count as one: such a message is longer than its neighbours by a small part only.
const CLASSES: usize = 64;

/// Lengths of one class count as one.
#[inline(always)]
fn class(len: usize) -> usize {
    len.div_ceil(STEP).min(CLASSES - 1)
}

/// Of a counting sort, longest first: the place of the first of each class, and how many there are of all.
#[inline(always)]
fn firsts<T>(classes: impl Iterator<Item = usize>) -> ([T; CLASSES], T)
where
    T: Copy + From<u8> + AddAssign + Sub<Output = T>,
{
    let mut next = [T::from(0); CLASSES];
    for class in classes {
        next[class] += T::from(1);
    }
    let mut first = T::from(0);
    for count in next.iter_mut().rev() {
        first += *count;
        *count = first - *count;
    }
    (next, first)
}

/// Orders up to [`MOST`] lanes by length, longest first, so that the last pass, which may be half empty, is a short
/// one. A counting sort: 3 ns a lane, nothing when they are in order already; `sort_unstable` needs 15 ns.
pub(super) fn order<L>(lanes: &mut [L], len: impl Fn(&L) -> usize) {
    let class = |lane: &L| class(len(lane));
    if lanes.is_sorted_by_key(|lane| core::cmp::Reverse(class(lane))) {
        return;
    }
    let mut next: [u8; CLASSES] = firsts(lanes.iter().map(class)).0;
    let mut place = [0_u8; MOST];
    for (lane, place) in lanes.iter().zip(&mut place) {
        let next = &mut next[class(lane)];
        *place = *next;
        *next += 1;
    }
    for i in 0..lanes.len().min(MOST) {
        while usize::from(place[i]) != i {
            let to = usize::from(place[i]);
            lanes.swap(i, to);
            place.swap(i, to);
        }
    }
}

/// True when all lanes are of one length. They need no order: 64 messages of 64 octets under AES take 25.5 to 27.5 ns each as
/// they stand, and 27 to 29.5 behind an order that changes nothing (in turns, like a Cascade Lake).
#[inline(always)]
pub(super) fn equal<L>(lanes: &[L], len: impl Fn(&L) -> usize) -> bool {
    let first = lanes.first().map_or(0, &len);
    // No branch a lane.
    lanes
        .iter()
        .fold(0, |other, lane| other | (len(lane) ^ first))
        == 0
}

/// Up to `N` lanes by length, longest first: as [`order`] does it, but the lanes stay where they are.
pub(super) fn sorted<'l, L, const N: usize>(
    lanes: &'l mut [L],
    len: impl Fn(&L) -> usize,
    places: &mut [Option<&'l mut L>; N],
) {
    const { assert!(N <= u16::MAX as usize) };
    let class = |lane: &L| class(len(lane));
    if lanes.is_sorted_by_key(|lane| core::cmp::Reverse(class(lane))) {
        for (place, lane) in places.iter_mut().zip(lanes) {
            *place = Some(lane);
        }
        return;
    }
    let mut next: [u16; CLASSES] = firsts(lanes.iter().map(class)).0;
    for lane in lanes.iter_mut().take(N) {
        let next = &mut next[class(lane)];
        if let Some(place) = places.get_mut(usize::from(*next)) {
            *place = Some(lane);
        }
        *next += 1;
    }
}

/// The order in which messages of these lengths, at most [`MOST`], go into the lanes of a MAC, longest first: the
/// chains of a group run side by side, and the longest decides. Messages stay where they are.
#[inline(always)]
pub(super) fn sequence(lens: impl ExactSizeIterator<Item = usize> + Clone) -> ArrayVec<u8, MOST> {
    if lens.len() <= FEW {
        return sequence_of_few(lens);
    }
    let (mut next, count): ([u8; CLASSES], u8) = firsts(lens.clone().map(class));
    let mut order: ArrayVec<u8, MOST> = (0..count).map(|_| 0).collect();
    for (i, len) in lens.enumerate().take(MOST) {
        let next = &mut next[class(len)];
        order[usize::from(*next)] = i as u8; // below MOST
        *next += 1;
    }
    order
}

/// [`sequence`] by insertion: the classes of a counting sort alone take 40 of the 300 ns of a single SNOW 3G message.
#[inline(always)]
fn sequence_of_few(lens: impl Iterator<Item = usize>) -> ArrayVec<u8, MOST> {
    let mut order = ArrayVec::new();
    let mut classes = [0; FEW];
    for (i, len) in lens.enumerate().take(FEW) {
        let class = class(len);
        let mut at = i;
        order.push(i as u8); // below FEW
        while at > 0 && classes[at - 1] < class {
            classes[at] = classes[at - 1];
            order.swap(at - 1, at);
            at -= 1;
        }
        classes[at] = class;
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::Lane;
    use std::vec::Vec;

    #[test]
    fn a_sequence_names_every_message_once() {
        for count in 0..=MOST {
            let lens = |i: usize| (i * 37) % 700;
            let order = sequence((0..count).map(lens));
            let class = |i: &u8| lens(usize::from(*i)).div_ceil(16).min(CLASSES - 1);
            assert!(
                order
                    .windows(2)
                    .all(|pair| class(&pair[0]) >= class(&pair[1]))
            );
            let mut sorted = order.clone();
            sorted.sort_unstable();
            assert!(sorted.into_iter().map(usize::from).eq(0..count));
        }
    }

    #[test]
    fn as_many_as_wanted_in_their_places() {
        for count in [0, 1, 255, 256, 300] {
            let mut lens: Vec<usize> = (0..count).map(|i| (i * 37) % 700).collect();
            let all: usize = lens.iter().sum();
            let mut places = [const { None }; 300];
            sorted(&mut lens, |len| *len, &mut places);
            let lens: Vec<usize> = places.iter().flatten().map(|len| **len).collect();
            assert!(lens.is_sorted_by_key(|len| core::cmp::Reverse(super::class(*len))));
            assert_eq!((lens.len(), lens.iter().sum::<usize>()), (count, all));
        }
    }

    #[test]
    fn longest_first_and_none_lost() {
        let key = ();
        let mut state = 1_usize;
        for count in 0..=MOST {
            for limit in [1, 30, 300, 2000] {
                let mut texts: Vec<Vec<u8>> = (0..count)
                    .map(|_| {
                        state = state
                            .wrapping_mul(6_364_136_223_846_793_005)
                            .wrapping_add(11);
                        std::vec![0; (state >> 33) % limit]
                    })
                    .collect();
                let mut lanes: Vec<_> = texts
                    .iter_mut()
                    .zip(0_u128..)
                    .map(|(data, i)| Lane {
                        key: &key,
                        iv: i.to_ne_bytes(),
                        data,
                    })
                    .collect();
                order(&mut lanes, |lane| lane.data.len());
                let class = |lane: &Lane<'_, ()>| lane.data.len().div_ceil(16).min(CLASSES - 1);
                assert!(
                    lanes
                        .windows(2)
                        .all(|pair| class(&pair[0]) >= class(&pair[1]))
                );
                let mut seen: Vec<_> = lanes
                    .iter()
                    .map(|lane| u128::from_ne_bytes(lane.iv))
                    .collect();
                seen.sort_unstable();
                assert!(seen.into_iter().eq(0..count as u128));
            }
        }
    }
}
