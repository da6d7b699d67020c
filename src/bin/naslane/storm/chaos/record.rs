//! The independent record: every (key, COUNT, BEARER, DIRECTION) that was ever used, read off the protected octets.
//!
//! It knows each K_AMF that was handed out, derives the integrity keys itself (TS 33.501 A.8, with other crates than
//! the engine's kernels), and finds the COUNT of a message by its MAC. It believes nothing that a node says.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use aes::Aes128;
use cmac::{Cmac, KeyInit, Mac};
use hmac::Hmac;
use sha2::Sha256;

/// 3GPP access.
pub(super) const BEARER: u8 = 1;
/// Octets before the sequence number.
const MAC_END: usize = 6;

/// TS 33.401 6.4.3 and TS 33.501 6.4.3: the DIRECTION bit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Direction {
    Uplink = 0,
    Downlink = 1,
}

/// Where a message stands: its key by number, and its COUNT.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Place {
    pub(super) key: u32,
    pub(super) count: u32,
    pub(super) direction: Direction,
}

/// What the record found. All zero but the numbers of messages in a good run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Findings {
    /// Different protected messages downlink and uplink.
    pub(super) downlink: u64,
    pub(super) uplink: u64,
    /// Uplink messages that were accepted.
    pub(super) accepted: u64,
    /// A (key, COUNT, BEARER, DIRECTION) that came a second time.
    pub(super) reused: u64,
    /// Uplink messages accepted a second time, wherever.
    pub(super) replayed: u64,
    /// Each of them: where it was accepted first, and where again.
    pub(super) replays: Vec<String>,
    /// Messages under no key of their UE.
    pub(super) unexplained: u64,
    /// Most COUNTs that were passed over between two downlink messages of a key.
    pub(super) largest_jump: u32,
    /// The same between two that a UE accepted: with what the radio lost.
    pub(super) largest_gap: u32,
}

/// A key of one UE.
struct KeyOf {
    number: u32,
    mac: Cmac<Aes128>,
    /// Overflow counters to try: those up to one above the highest seen.
    highest: [u32; 2],
    /// The downlink COUNT that comes next if none is passed over, and the same as the UE accepted.
    next: u32,
    taken: u32,
}

#[derive(Default)]
struct Inner {
    /// The keys of each UE, newest last.
    keys: HashMap<u64, Vec<KeyOf>>,
    numbers: u32,
    used: HashSet<Place>,
    accepted: HashMap<Place, String>,
    findings: Findings,
}

/// The record; any thread may tell it what it saw.
#[derive(Default)]
pub(super) struct Record(Mutex<Inner>);

/// K_NASint of algorithm 128-NIA2: TS 33.501 A.8, with the least significant 128 bits (A.8 last sentence).
fn k_nas_int(k_amf: &[u8; 32]) -> [u8; 16] {
    // FC, N-NAS-int-alg, its length, identity of the algorithm, its length.
    const S: [u8; 7] = [0x69, 2, 0, 1, 2, 0, 1];
    let mut hmac =
        <Hmac<Sha256> as KeyInit>::new_from_slice(k_amf).unwrap_or_else(|_| unreachable!());
    hmac.update(&S);
    let whole = hmac.finalize().into_bytes();
    std::array::from_fn(|i| whole[16 + i])
}

impl KeyOf {
    /// True when this key protects `pdu` under `count`.
    fn fits(&self, count: u32, direction: Direction, pdu: &[u8]) -> bool {
        let mut mac = self.mac.clone();
        mac.update(&count.to_be_bytes());
        mac.update(&[BEARER << 3 | (direction as u8) << 2, 0, 0, 0]);
        mac.update(&pdu[MAC_END..]);
        mac.finalize().into_bytes()[..4] == pdu[2..MAC_END]
    }

    fn find(&mut self, direction: Direction, pdu: &[u8]) -> Option<u32> {
        let highest = self.highest[direction as usize];
        let sequence = u32::from(pdu[MAC_END]);
        let overflow = (0..=highest + 1)
            .rev()
            .find(|overflow| self.fits(overflow << 8 | sequence, direction, pdu))?;
        self.highest[direction as usize] = highest.max(overflow);
        Some(overflow << 8 | sequence)
    }
}

impl Inner {
    fn place(&mut self, ue: u64, direction: Direction, pdu: &[u8]) -> Option<Place> {
        let keys = self.keys.get_mut(&ue)?;
        if pdu.len() <= MAC_END {
            return None;
        }
        keys.iter_mut().rev().find_map(|key| {
            let count = key.find(direction, pdu)?;
            Some(Place {
                key: key.number,
                count,
                direction,
            })
        })
    }

    fn key(&mut self, ue: u64, number: u32) -> Option<&mut KeyOf> {
        let keys = self.keys.get_mut(&ue)?;
        keys.iter_mut().find(|key| key.number == number)
    }
}

impl Record {
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A K_AMF that this UE may use from now on. Returns its number.
    pub(super) fn key(&self, ue: u64, k_amf: &[u8; 32]) -> u32 {
        let key = k_nas_int(k_amf);
        let mut inner = self.inner();
        let number = inner.numbers;
        inner.numbers += 1;
        inner.keys.entry(ue).or_default().push(KeyOf {
            number,
            mac: Cmac::new(&key.into()),
            highest: [0; 2],
            next: 0,
            taken: 0,
        });
        number
    }

    /// A protected message was put out, by whichever node or by the UE.
    pub(super) fn sent(&self, ue: u64, direction: Direction, pdu: &[u8]) -> Option<Place> {
        let mut inner = self.inner();
        let Some(place) = inner.place(ue, direction, pdu) else {
            inner.findings.unexplained += 1;
            return None;
        };
        match direction {
            Direction::Uplink => inner.findings.uplink += 1,
            Direction::Downlink => inner.findings.downlink += 1,
        }
        if !inner.used.insert(place) {
            inner.findings.reused += 1;
        }
        if direction == Direction::Downlink
            && let Some(key) = inner.key(ue, place.key)
        {
            let jump = place.count.saturating_sub(key.next);
            key.next = key.next.max(place.count + 1);
            inner.findings.largest_jump = inner.findings.largest_jump.max(jump);
        }
        Some(place)
    }

    /// The UE accepted a downlink message.
    pub(super) fn taken(&self, ue: u64, place: Place) {
        let mut inner = self.inner();
        if let Some(key) = inner.key(ue, place.key) {
            let gap = place.count.saturating_sub(key.taken);
            key.taken = key.taken.max(place.count + 1);
            inner.findings.largest_gap = inner.findings.largest_gap.max(gap);
        }
    }

    /// A node accepted an uplink message. False when one did before. `whose`: for the report.
    pub(super) fn accepted(&self, ue: u64, pdu: &[u8], whose: impl Into<String>) -> bool {
        let mut inner = self.inner();
        let Some(place) = inner.place(ue, Direction::Uplink, pdu) else {
            inner.findings.unexplained += 1;
            return false;
        };
        inner.findings.accepted += 1;
        let whose = whose.into();
        let Some(before) = inner.accepted.insert(place, whose.clone()) else {
            return true;
        };
        inner.findings.replayed += 1;
        let (key, count) = (place.key, place.count);
        let text = format!("UE {ue}, key {key}, COUNT {count}: accepted {before}, again {whose}");
        inner.findings.replays.push(text);
        false
    }

    pub(super) fn findings(&self) -> Findings {
        self.inner().findings.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use naslane::algorithm::{self, Input, Key, MacLane, Nia};
    use naslane::kdf::{AlgorithmId, KAmf};

    const UE: u64 = 7;

    /// A message as the engine's own kernels protect it.
    fn message(k_amf: [u8; 32], count: u32, direction: Direction, content: u8) -> Vec<u8> {
        let nia = AlgorithmId::new(2).unwrap();
        let int = naslane::kdf::k_nas_int(&KAmf::new(k_amf), nia);
        let key = Key::for_nia(Nia::Nia2, int.expose());
        let input = Input {
            count,
            bearer: BEARER,
            direction: match direction {
                Direction::Uplink => naslane::base::Direction::Uplink,
                Direction::Downlink => naslane::base::Direction::Downlink,
            },
        };
        let mut pdu = vec![0x7E, 2, 0, 0, 0, 0, count as u8, 0x7E, 0, 0x68, content];
        let mut lane = [MacLane::new(&key, input, &pdu[MAC_END..])];
        algorithm::mac(Nia::Nia2, &mut lane);
        let mac = lane[0].mac;
        pdu[2..MAC_END].copy_from_slice(&mac);
        pdu
    }

    #[test]
    fn places_are_found_by_their_octets_alone() {
        let record = Record::default();
        let keys = [[1; 32], [2; 32]].map(|k_amf| (record.key(UE, &k_amf), k_amf));
        for count in 0..700 {
            for (number, k_amf) in keys {
                for direction in [Direction::Uplink, Direction::Downlink] {
                    let pdu = message(k_amf, count, direction, 9);
                    let place = record.sent(UE, direction, &pdu).unwrap();
                    assert_eq!((place.key, place.count), (number, count));
                }
            }
        }
        let findings = record.findings();
        assert_eq!((findings.downlink, findings.uplink), (1400, 1400));
        assert_eq!((findings.reused, findings.unexplained), (0, 0));
        assert_eq!(findings.largest_jump, 0);
    }

    #[test]
    fn a_planted_reuse_is_found() {
        let record = Record::default();
        record.key(UE, &[1; 32]);
        for count in [0, 1, 2, 1] {
            let content = count as u8 + u8::from(record.findings().downlink == 3);
            let pdu = message([1; 32], count, Direction::Downlink, content);
            record.sent(UE, Direction::Downlink, &pdu);
        }
        assert_eq!(record.findings().reused, 1);
        // The other direction, another key, another UE: no reuse.
        record.key(UE, &[2; 32]);
        record.key(UE + 1, &[3; 32]);
        record.sent(
            UE,
            Direction::Uplink,
            &message([1; 32], 1, Direction::Uplink, 0),
        );
        record.sent(
            UE,
            Direction::Downlink,
            &message([2; 32], 1, Direction::Downlink, 0),
        );
        record.sent(
            UE + 1,
            Direction::Downlink,
            &message([3; 32], 1, Direction::Downlink, 0),
        );
        assert_eq!(record.findings().reused, 1);
        assert_eq!(record.findings().unexplained, 0);
    }

    #[test]
    fn a_planted_replay_is_found() {
        let record = Record::default();
        record.key(UE, &[1; 32]);
        let pdu = message([1; 32], 5, Direction::Uplink, 0);
        record.sent(UE, Direction::Uplink, &pdu);
        assert!(record.accepted(UE, &pdu, "here"));
        assert_eq!(record.findings().replayed, 0);
        assert!(!record.accepted(UE, &pdu, "here"));
        assert_eq!(record.findings().replayed, 1);
    }

    #[test]
    fn jumps_are_measured_and_what_nobody_could_have_sent_is_told() {
        let record = Record::default();
        record.key(UE, &[1; 32]);
        for count in [0, 1, 50, 2, 3, 51] {
            let pdu = message([1; 32], count, Direction::Downlink, 0);
            let place = record.sent(UE, Direction::Downlink, &pdu).unwrap();
            if matches!(count, 0 | 51) {
                record.taken(UE, place);
            }
        }
        let findings = record.findings();
        assert_eq!((findings.largest_jump, findings.largest_gap), (48, 50));
        let foreign = message([9; 32], 0, Direction::Downlink, 0);
        assert_eq!(record.sent(UE, Direction::Downlink, &foreign), None);
        assert_eq!(record.sent(UE, Direction::Downlink, &[0x7E, 2]), None);
        assert_eq!(record.findings().unexplained, 2);
    }
}
