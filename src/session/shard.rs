//! One shard of the key memory: fingerprints in chains, those of held keys and the latest of those that were held.

use super::free::SHARDS;
use super::guard::Floors;

/// A key with the place of its fingerprint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Print([u32; 2]);

impl Print {
    /// From the hash of a key; all zeros mark an empty cell.
    pub(super) const fn new(hash: u64) -> Self {
        let hash = if hash == 0 { 1 } else { hash };
        Self([hash as u32, (hash >> 32) as u32])
    }

    const NONE: Self = Self([0; 2]);

    /// The hash; never 0.
    pub(super) const fn number(self) -> u64 {
        self.0[0] as u64 | (self.0[1] as u64) << 32
    }

    /// Which shard knows the key.
    pub(super) fn shard(self) -> usize {
        self.0[0] as usize % SHARDS
    }
}

const END: u32 = u32::MAX;
const RETIRED: u32 = 1 << 31;

#[derive(Clone, Copy)]
struct Live {
    print: Print,
    next: u32,
}

#[derive(Clone, Copy)]
struct Retired {
    print: Print,
    next: u32,
    floors: PackedFloors,
}

/// Floors in 24 bits each, because there are as many as sessions. A COUNT of 2^24 - 1 or more becomes "never":
/// a context that has reached its last COUNT is not taken up again.
#[derive(Clone, Copy)]
struct PackedFloors([[u8; 3]; 4]);

impl PackedFloors {
    const TOP: u32 = (1 << 24) - 1;

    fn new(floors: Floors) -> Self {
        Self(floors.0.map(|floor| {
            let [_, a, b, c] = floor.min(Self::TOP).to_be_bytes();
            [a, b, c]
        }))
    }

    fn unpack(self) -> Floors {
        Floors(
            self.0
                .map(|[a, b, c]| match u32::from_be_bytes([0, a, b, c]) {
                    Self::TOP => u32::MAX,
                    floor => floor,
                }),
        )
    }
}

/// Where the retired keys of a shard are kept beyond the life of the process.
pub(super) trait Remembered: Send {
    /// A key is in this place of the ring.
    fn set(&self, index: usize, print: Print, floors: Floors);
    /// None is there.
    fn clear(&self, index: usize);
    /// What is there.
    #[cfg_attr(not(all(feature = "survive", target_os = "linux")), allow(dead_code))]
    fn get(&self, index: usize) -> Option<(Print, Floors)>;
    /// The place that is written over next.
    fn set_oldest(&self, index: usize);
    /// The same.
    #[cfg_attr(not(all(feature = "survive", target_os = "linux")), allow(dead_code))]
    fn oldest(&self) -> usize;
}

/// One shard: chains from `buckets` through `live` (plain index) and `retired` (index | [`RETIRED`]).
pub(super) struct Shard {
    buckets: Box<[u32]>,
    live: Vec<Live>,
    free_live: u32,
    retired: Box<[Retired]>,
    /// The oldest retired key, the next one to be overwritten.
    oldest: usize,
    kept: Option<Box<dyn Remembered>>,
}

/// What the table knows of a key.
pub(super) enum Known {
    Live,
    Retired(usize),
}

impl Shard {
    pub(super) fn new(live: usize, retired: usize) -> Self {
        let none = Retired {
            print: Print::NONE,
            next: END,
            floors: PackedFloors([[0; 3]; 4]),
        };
        Self {
            buckets: vec![END; (live + retired).div_ceil(2)].into(),
            live: Vec::with_capacity(live),
            free_live: END,
            retired: vec![none; retired].into(),
            oldest: 0,
            kept: None,
        }
    }

    fn bucket(&self, print: Print) -> usize {
        ((u64::from(print.0[1]) * self.buckets.len() as u64) >> 32) as usize
    }

    fn entry(&self, at: u32) -> Option<(Print, u32)> {
        if at == END {
            None
        } else if at & RETIRED != 0 {
            self.retired
                .get((at & !RETIRED) as usize)
                .map(|cell| (cell.print, cell.next))
        } else {
            self.live
                .get(at as usize)
                .map(|cell| (cell.print, cell.next))
        }
    }

    pub(super) fn find(&self, print: Print) -> Option<Known> {
        let mut at = *self.buckets.get(self.bucket(print))?;
        while let Some((found, next)) = self.entry(at) {
            if found == print {
                let index = (at & !RETIRED) as usize;
                return Some(if at & RETIRED != 0 {
                    Known::Retired(index)
                } else {
                    Known::Live
                });
            }
            at = next;
        }
        None
    }

    fn link(&mut self, print: Print, at: u32) -> u32 {
        let bucket = self.bucket(print);
        self.buckets
            .get_mut(bucket)
            .map_or(END, |head| std::mem::replace(head, at))
    }

    fn unlink(&mut self, print: Print, gone: u32) {
        let bucket = self.bucket(print);
        let Some(mut at) = self.buckets.get(bucket).copied() else {
            return;
        };
        let Some((_, after)) = self.entry(gone) else {
            return;
        };
        if at == gone {
            self.buckets[bucket] = after;
            return;
        }
        while let Some((_, next)) = self.entry(at) {
            if next == gone {
                let index = (at & !RETIRED) as usize;
                match at & RETIRED != 0 {
                    true => self.retired[index].next = after,
                    false => self.live[index].next = after,
                }
                return;
            }
            at = next;
        }
    }

    pub(super) fn add_live(&mut self, print: Print) -> u32 {
        let index = if self.free_live == END {
            self.live.push(Live { print, next: END });
            (self.live.len() - 1) as u32
        } else {
            let index = self.free_live;
            self.free_live = self.live[index as usize].next;
            index
        };
        let next = self.link(print, index);
        self.live[index as usize] = Live { print, next };
        index
    }

    pub(super) fn remove_live(&mut self, index: u32) -> Option<Print> {
        let print = self
            .live
            .get(index as usize)
            .map(|cell| cell.print)
            .filter(|print| *print != Print::NONE)?;
        self.unlink(print, index);
        self.live[index as usize] = Live {
            print: Print::NONE,
            next: self.free_live,
        };
        self.free_live = index;
        Some(print)
    }

    pub(super) fn add_retired(&mut self, print: Print, floors: Floors) {
        self.take_retired(self.oldest);
        let at = self.oldest as u32 | RETIRED;
        let next = self.link(print, at);
        self.retired[self.oldest] = Retired {
            print,
            next,
            floors: PackedFloors::new(floors),
        };
        let index = self.oldest;
        self.oldest = (self.oldest + 1) % self.retired.len();
        if let Some(kept) = &self.kept {
            kept.set(index, print, floors);
            kept.set_oldest(self.oldest);
        }
    }

    /// Goes on with the keys that were kept, and keeps them there from now on. Keys that sessions hold are in already.
    #[cfg(all(feature = "survive", target_os = "linux"))]
    pub(super) fn keep(&mut self, kept: Box<dyn Remembered>) {
        for index in 0..self.retired.len() {
            let Some((print, floors)) = kept.get(index) else {
                continue;
            };
            if matches!(self.find(print), Some(Known::Live)) {
                // A crash came between the two lists: its session goes on with it.
                kept.clear(index);
                continue;
            }
            let mut floors = floors;
            if let Some(Known::Retired(other)) = self.find(print) {
                // It was taken up and given back: the higher COUNTs are the later ones.
                floors = floors.max(self.floors(other));
            }
            let next = self.link(print, index as u32 | RETIRED);
            self.retired[index] = Retired {
                print,
                next,
                floors: PackedFloors::new(floors),
            };
        }
        self.oldest = kept.oldest() % self.retired.len();
        self.kept = Some(kept);
    }

    /// Where a held key is in its list.
    pub(super) fn find_live(&self, print: Print) -> Option<u32> {
        let mut at = *self.buckets.get(self.bucket(print))?;
        while let Some((found, next)) = self.entry(at) {
            if found == print && at & RETIRED == 0 {
                return Some(at);
            }
            at = next;
        }
        None
    }

    /// The key is not retired any more. What is kept of it beyond this process stays until its place is needed, because
    /// its new home is yet to be written down.
    pub(super) fn take_retired(&mut self, index: usize) {
        let print = self.retired[index].print;
        if print != Print::NONE {
            self.unlink(print, index as u32 | RETIRED);
            self.retired[index].print = Print::NONE;
        }
    }

    /// The key is not retired, and was not: nothing is kept of it either.
    pub(super) fn remove_retired(&mut self, index: usize) {
        self.take_retired(index);
        if let Some(kept) = &self.kept {
            kept.clear(index);
        }
    }

    /// The key in this place of the list of held keys.
    pub(super) fn live(&self, index: u32) -> Option<Print> {
        self.live.get(index as usize).map(|cell| cell.print)
    }

    /// The floors of a retired key.
    pub(super) fn floors(&self, index: usize) -> Floors {
        self.retired
            .get(index)
            .map_or(Floors::NEVER, |cell| cell.floors.unpack())
    }

    /// Bytes of the lists.
    pub(super) fn bytes(&self) -> usize {
        size_of_val(&*self.buckets)
            + size_of_val(&*self.retired)
            + self.live.capacity() * size_of::<Live>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chains_survive_every_order_of_leaving() {
        // One bucket, so that all keys are in one chain.
        let mut shard = Shard {
            buckets: vec![END].into(),
            ..Shard::new(8, 3)
        };
        let print = |i: u32| Print([16 * i, i]);
        for gone in 0..6 {
            let live: Vec<u32> = (1..=3).map(|i| shard.add_live(print(i))).collect();
            (4..=6).for_each(|i| shard.add_retired(print(i), Floors::NEVER));
            match gone {
                0..3 => assert_eq!(
                    shard.remove_live(live[gone as usize]),
                    Some(print(gone + 1))
                ),
                _ => match shard.find(print(gone + 1)) {
                    Some(Known::Retired(index)) => shard.remove_retired(index),
                    _ => panic!("retired key not found"),
                },
            }
            for i in 1..=6 {
                assert_eq!(
                    shard.find(print(i)).is_some(),
                    i != gone + 1,
                    "{i} after {gone} left"
                );
            }
            for &index in &live {
                shard.remove_live(index);
            }
            (0..3).for_each(|index| shard.remove_retired(index));
            assert!((1..=6).all(|i| shard.find(print(i)).is_none()));
        }
        assert!(shard.live.len() <= 3, "free cells are used again");
    }

    #[test]
    fn floors_in_24_bits_round_up_to_never() {
        for (count, back) in [
            (0, 0),
            (1, 1),
            (0xFF_FFFE, 0xFF_FFFE),
            (0xFF_FFFF, u32::MAX),
            (1 << 24, u32::MAX),
            (u32::MAX, u32::MAX),
        ] {
            let floors = PackedFloors::new(Floors([count, 0, 7, count])).unpack();
            assert_eq!(floors, Floors([back, 0, 7, back]));
        }
    }
}
