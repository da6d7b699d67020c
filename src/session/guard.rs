//! Which K_AMF may start at COUNT 0, and which may go on at a given COUNT (TS 33.501 6.4.5; R12, R13).
//!
//! Kept is a 64-bit fingerprint per key, never the key: SipHash over role and K_AMF under a random key of this
//! table. Two keys with one fingerprint (about one pair in 2^64) cost a refusal, never an admission.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::{Mutex, MutexGuard, PoisonError};

use arrayvec::ArrayVec;

use crate::base::{AccessType, Error, Result};
use crate::kdf::KAmf;
use crate::security::{KeyGuard, Place, Role, UeSecurity};
use crate::store::PrintKey;

use super::free::SHARDS;
use super::shard::{Known, Print, Shard};

/// The lowest COUNTs at which a key may go on: next to send and lowest to accept, 3GPP access first, then non-3GPP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Floors(pub(super) [u32; 4]);

impl Floors {
    /// No COUNT is high enough: where this key stood is not known any more.
    pub const NEVER: Self = Self([u32::MAX; 4]);

    /// Where the COUNTs of the context in `place` stand.
    #[must_use]
    pub fn of(ue: &UeSecurity, place: Place) -> Self {
        let [a, b] = AccessType::ALL.map(|access| {
            ue.pair(place, access).map_or([u32::MAX; 2], |pair| {
                [pair.send.next(), pair.receive.next_min()]
            })
        });
        Self([a[0], a[1], b[0], b[1]])
    }

    /// The higher of both, one by one.
    #[cfg(all(feature = "survive", target_os = "linux"))]
    pub(super) fn max(self, other: Self) -> Self {
        let mut highest = self;
        let both = highest.0.iter_mut().zip(other.0);
        both.for_each(|(floor, other)| *floor = (*floor).max(other));
        // Never is all of them at once: with one that has no end nothing goes on.
        if highest.0.contains(&u32::MAX) {
            highest = Self::NEVER;
        }
        highest
    }

    /// True when none of `counts` is below its floor.
    #[must_use]
    pub fn permit(&self, counts: &Self) -> bool {
        *self != Self::NEVER
            && self
                .0
                .iter()
                .zip(counts.0)
                .all(|(floor, count)| *floor <= count)
    }
}

/// Most contexts of one session that have a K_AMF of their own: while there is a previous one, no procedure makes
/// a candidate.
pub(super) const CONTEXTS: usize = 3;

/// A key that a session holds: index * [`SHARDS`] + shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct LiveKey(u32);

impl LiveKey {
    /// No key.
    pub(super) const NONE: Self = Self(u32::MAX);

    const fn new(shard: usize, index: u32) -> Self {
        Self(index * SHARDS as u32 + shard as u32)
    }

    const fn parts(self) -> (usize, u32) {
        (self.0 as usize % SHARDS, self.0 / SHARDS as u32)
    }
}

/// A key that an imported session holds from now on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Claimed {
    pub(super) key: LiveKey,
    /// A session of this table held it before. It may have accepted late COUNTs since the record was written, which
    /// floors do not show.
    pub(super) known: bool,
}

/// Keys fresh from an admission wait among the retired ones until their session adopts them at its unlocking;
/// fewer cells than this would let a burst push them out before.
const LEAST_RETIRED: usize = 64;

/// The keys that the sessions of one table hold, and the latest that they held.
///
/// A key that a session holds is never forgotten. Of those no longer held, about `remembered_keys` are kept, and
/// when there are more, the oldest go first (in each of 16 shards on its own). A forgotten key counts as
/// never seen: the protection against an old record or a repeated K_AMF lasts for that many keys, and for the
/// life of the table.
///
/// Memory is 12 octets for each key held, 24 for each remembered one and 2 for each of both in the index, taken
/// at the start. The lists of held keys grow only when sessions hold more keys than `held`.
pub struct KeyMemory {
    hasher: Hash,
    shards: Box<[Mutex<Shard>]>,
}

/// How a key becomes its fingerprint.
enum Hash {
    /// For the life of this process.
    Random(RandomState),
    /// The same in every process that has the key.
    Keyed(PrintKey),
}

impl std::fmt::Debug for KeyMemory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KeyMemory")
            .field("shards", &self.shards.len())
            .finish_non_exhaustive()
    }
}

impl KeyMemory {
    /// Room for `held` keys in sessions and `remembered` others.
    #[must_use]
    pub fn new(held: usize, remembered: usize) -> Self {
        let mean = held.div_ceil(SHARDS);
        // Keys fall into shards like dice: eight standard deviations, and a list that must grow is still correct.
        let live = mean + 8 * mean.isqrt() + 16;
        let retired = Self::remembered_per_shard(remembered);
        let shards = (0..SHARDS)
            .map(|_| Mutex::new(Shard::new(live, retired)))
            .collect();
        Self {
            hasher: Hash::Random(RandomState::new()),
            shards,
        }
    }

    /// The same with fingerprints that other nodes with this key give too: for leases that a set shares.
    #[must_use]
    pub fn keyed(mut self, prints: PrintKey) -> Self {
        self.hasher = Hash::Keyed(prints);
        self
    }

    /// Remembered keys of a shard when there are to be as many in all.
    pub(super) fn remembered_per_shard(remembered: usize) -> usize {
        remembered.div_ceil(SHARDS).max(LEAST_RETIRED)
    }

    /// The same with fingerprints that outlive the process: those of keys that sessions hold, and for each shard
    /// those of keys that they held.
    #[cfg(all(feature = "survive", target_os = "linux"))]
    pub(super) fn kept<M: super::shard::Remembered + 'static>(
        mut self,
        prints: PrintKey,
        remembered: impl Iterator<Item = M>,
        held: impl Iterator<Item = Print>,
    ) -> Self {
        self.hasher = Hash::Keyed(prints);
        for print in held {
            let mut shard = self.lock(print.shard());
            shard.add_live(print);
        }
        for (shard, kept) in remembered.enumerate() {
            self.lock(shard).keep(Box::new(kept));
        }
        self
    }

    /// The session that had this key before a crash has it again. It is known as held since the start.
    pub(super) fn resume(&self, print: Print) -> Option<LiveKey> {
        let index = self.lock(print.shard()).find_live(print)?;
        Some(LiveKey::new(print.shard(), index))
    }

    /// The fingerprint of a key in one role. The two halves of one UE may live in one table: they send in
    /// different directions, so they use different COUNTs.
    pub(super) fn print(&self, role: Role, k_amf: &KAmf) -> Print {
        Print::new(match &self.hasher {
            Hash::Random(state) => {
                let mut hasher = state.build_hasher();
                hasher.write_u8(role as u8);
                hasher.write(k_amf.expose());
                hasher.finish()
            }
            Hash::Keyed(key) => {
                let print = key.print(role as u8, k_amf.expose());
                print[..8].try_into().map_or(0, u64::from_be_bytes)
            }
        })
    }

    fn lock(&self, shard: usize) -> MutexGuard<'_, Shard> {
        // Nothing between two changes of a shard can panic.
        self.shards[shard]
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Whose key is this?
    pub(super) fn print_of(&self, key: LiveKey) -> Option<Print> {
        if key == LiveKey::NONE {
            return None;
        }
        let (shard, index) = key.parts();
        self.lock(shard).live(index)
    }

    /// A session holds this key from now on; it was admitted.
    pub(super) fn adopt(&self, print: Print) -> LiveKey {
        let mut shard = self.lock(print.shard());
        if let Some(Known::Retired(index)) = shard.find(print) {
            shard.remove_retired(index);
        }
        LiveKey::new(print.shard(), shard.add_live(print))
    }

    /// A session holds the key no longer.
    pub(super) fn retire(&self, key: LiveKey, floors: Floors) {
        if key == LiveKey::NONE {
            return;
        }
        let (shard, index) = key.parts();
        let mut shard = self.lock(shard);
        if let Some(print) = shard.remove_live(index) {
            shard.add_retired(print, floors);
        }
    }

    /// A session goes on with these keys at these COUNTs: all of them or none.
    ///
    /// # Errors
    /// [`Error::KeyReused`] when a session of this table holds one of the keys, or one was used at a higher COUNT.
    pub(super) fn claim(&self, keys: &[(Print, Floors)]) -> Result<ArrayVec<Claimed, CONTEXTS>> {
        let twice = (1..keys.len()).any(|i| keys[..i].iter().any(|(print, _)| *print == keys[i].0));
        if twice || keys.len() > CONTEXTS {
            return Err(Error::KeyReused);
        }
        let mut shards: ArrayVec<usize, CONTEXTS> =
            keys.iter().map(|(print, _)| print.shard()).collect();
        shards.sort_unstable(); // one order for everybody who holds more than one shard
        let mut locked: ArrayVec<(usize, MutexGuard<'_, Shard>), CONTEXTS> = ArrayVec::new();
        for shard in shards {
            if locked.last().is_none_or(|(last, _)| *last != shard) {
                locked.push((shard, self.lock(shard)));
            }
        }
        let mut permitted: ArrayVec<(usize, Print, Option<usize>), CONTEXTS> = ArrayVec::new();
        for (print, counts) in keys {
            let at = locked
                .iter()
                .position(|(shard, _)| *shard == print.shard())
                .ok_or(Error::KeyReused)?;
            let shard = &locked[at].1;
            let retired = match shard.find(*print) {
                None => None,
                Some(Known::Retired(index)) if shard.floors(index).permit(counts) => Some(index),
                Some(_) => return Err(Error::KeyReused),
            };
            permitted.push((at, *print, retired));
        }
        let claimed = permitted.into_iter().map(|(at, print, retired)| {
            let shard = &mut locked[at].1;
            if let Some(index) = retired {
                shard.take_retired(index);
            }
            Claimed {
                key: LiveKey::new(print.shard(), shard.add_live(print)),
                known: retired.is_some(),
            }
        });
        Ok(claimed.collect())
    }

    /// Bytes that the memory takes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let lists: usize = (0..SHARDS).map(|i| self.lock(i).bytes()).sum();
        lists + size_of_val(&*self.shards)
    }
}

impl KeyGuard for KeyMemory {
    fn admit(&self, role: Role, k_amf: &KAmf) -> Result<()> {
        let print = self.print(role, k_amf);
        let mut shard = self.lock(print.shard());
        if shard.find(print).is_some() {
            return Err(Error::KeyReused);
        }
        // Until its session adopts it, it is a key without a known COUNT: refused to everybody else.
        shard.add_retired(print, Floors::NEVER);
        Ok(())
    }

    fn withdraw(&self, role: Role, k_amf: &KAmf) {
        let print = self.print(role, k_amf);
        let mut shard = self.lock(print.shard());
        if let Some(Known::Retired(index)) = shard.find(print)
            && shard.floors(index) == Floors::NEVER
        {
            shard.remove_retired(index);
        }
    }

    fn print(&self, role: Role, k_amf: &KAmf) -> u64 {
        self.print(role, k_amf).number()
    }

    fn forsake(&self, print: u64) {
        let print = Print::new(print);
        self.lock(print.shard()).add_retired(print, Floors::NEVER);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(i: u32) -> KAmf {
        let mut bytes = [0; 32];
        bytes[..4].copy_from_slice(&i.to_be_bytes());
        KAmf::new(bytes)
    }

    fn at(send: u32, accept: u32) -> Floors {
        Floors([send, accept, 0, 0])
    }

    #[test]
    fn r13_a_key_is_admitted_once() {
        let memory = KeyMemory::new(10, 10);
        memory.admit(Role::Amf, &key(1)).unwrap();
        assert_eq!(memory.admit(Role::Amf, &key(1)), Err(Error::KeyReused));
        memory.admit(Role::Ue, &key(1)).unwrap();
        memory.withdraw(Role::Amf, &key(1));
        memory.admit(Role::Amf, &key(1)).unwrap();
        let held = memory.adopt(memory.print(Role::Amf, &key(1)));
        memory.withdraw(Role::Amf, &key(1));
        assert_eq!(
            memory.admit(Role::Amf, &key(1)),
            Err(Error::KeyReused),
            "held: not withdrawn"
        );
        memory.retire(held, at(7, 3));
        memory.withdraw(Role::Amf, &key(1));
        assert_eq!(
            memory.admit(Role::Amf, &key(1)),
            Err(Error::KeyReused),
            "was used: not withdrawn"
        );
    }

    #[test]
    fn r13_a_key_goes_on_at_its_floors_or_above() {
        let memory = KeyMemory::new(10, 10);
        let print = memory.print(Role::Amf, &key(1));
        let held = memory.claim(&[(print, at(0, 0))]).unwrap()[0].key;
        assert_eq!(
            memory.claim(&[(print, at(9, 9))]).err(),
            Some(Error::KeyReused),
            "held"
        );
        memory.retire(held, at(7, 3));
        for low in [at(6, 3), at(7, 2), at(0, 0)] {
            assert_eq!(memory.claim(&[(print, low)]).err(), Some(Error::KeyReused));
        }
        let held = memory.claim(&[(print, at(7, 3))]).unwrap()[0].key;
        memory.retire(held, Floors::NEVER);
        assert_eq!(
            memory.claim(&[(print, Floors::NEVER)]).err(),
            Some(Error::KeyReused)
        );
    }

    #[test]
    fn a_claim_takes_all_or_none() {
        let memory = KeyMemory::new(10, 10);
        let prints: Vec<_> = (0..3).map(|i| memory.print(Role::Amf, &key(i))).collect();
        let last = memory.adopt(prints[2]);
        let all: Vec<_> = prints.iter().map(|&print| (print, at(1, 1))).collect();
        assert_eq!(memory.claim(&all).err(), Some(Error::KeyReused));
        memory.retire(last, at(1, 1));
        assert_eq!(
            memory.claim(&[all[0], all[0]]).err(),
            Some(Error::KeyReused),
            "one key twice"
        );
        assert_eq!(
            memory.claim(&all).unwrap().len(),
            3,
            "the refused claims took nothing"
        );
    }

    #[test]
    fn the_oldest_go_first_and_held_keys_never() {
        let memory = KeyMemory::new(100, 0);
        let held: Vec<_> = (0..100)
            .map(|i| {
                memory.admit(Role::Amf, &key(i)).unwrap();
                memory.adopt(memory.print(Role::Amf, &key(i)))
            })
            .collect();
        let bytes = memory.bytes();
        let churn = 20 * (SHARDS * LEAST_RETIRED) as u32;
        for i in 1000..1000 + churn {
            memory.admit(Role::Amf, &key(i)).unwrap();
            let used = memory.adopt(memory.print(Role::Amf, &key(i)));
            memory.retire(used, at(1, 1));
        }
        assert_eq!(memory.bytes(), bytes, "no list grew");
        for i in 0..100 {
            assert_eq!(memory.admit(Role::Amf, &key(i)), Err(Error::KeyReused));
            assert_eq!(
                memory.print_of(held[i as usize]),
                Some(memory.print(Role::Amf, &key(i)))
            );
        }
        let newest = memory.print(Role::Amf, &key(999 + churn));
        assert_eq!(
            memory.claim(&[(newest, at(0, 0))]).err(),
            Some(Error::KeyReused)
        );
        memory
            .admit(Role::Amf, &key(1000))
            .expect("the oldest is forgotten");
    }

    #[test]
    fn debug_shows_no_key() {
        assert!(!format!("{:?}", KeyMemory::new(1, 1)).contains("RandomState"));
    }
}
