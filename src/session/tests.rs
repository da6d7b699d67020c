//! Tests of the room that need what other rooms keep to themselves.

use proptest::prelude::*;

use super::layout::MAX_LEN;
use super::record::{export, import, resume_after_failed_transfer};
use super::*;
use crate::algorithm::{Nea, Nia};
use crate::base::{AccessType, Error, NgKsi};
use crate::kdf::KAmf;
use crate::nas::UeSecurityCapability;
use crate::security::count::{LIMIT, Pair, ReceiveCount, SendCount};
use crate::security::transfer::{StoredAccess, StoredContext};
use crate::security::{
    Algorithms, Deregistration, Identity, KeyChange, Place, Role, Target, UeSecurity,
};

const AES: Algorithms = Algorithms {
    nea: Nea::Nea2,
    nia: Nia::Nia2,
};
const ZUC: Algorithms = Algorithms {
    nea: Nea::Nea3,
    nia: Nia::Nia3,
};
const ACCESS: AccessType = AccessType::ThreeGpp;

fn table(sessions: usize) -> Table {
    Table::new(&TableConfig::new(sessions)).unwrap()
}

fn identity(key: u32, ksi: u8) -> Identity {
    let mut k_amf = [0x5A; 32];
    k_amf[..4].copy_from_slice(&key.to_be_bytes());
    Identity {
        k_amf: KAmf::new(k_amf),
        ng_ksi: if ksi < 8 {
            NgKsi::native(ksi).unwrap()
        } else {
            NgKsi::mapped(ksi - 8).unwrap()
        },
        ue_sec_cap: UeSecurityCapability::from_value(&[0xF0, 0x70, 0xF0, 0x70]).unwrap(),
        emergency: false,
    }
}

/// A session with a current context made from this key.
fn secured(table: &Table, key: u32) -> Handle {
    let handle = table.establish(Role::Amf).unwrap();
    let mut guard = table.lock(handle).unwrap();
    let from = guard.resources();
    guard
        .security
        .authenticated(identity(key, 0), from)
        .unwrap();
    let place = guard
        .security
        .make_candidate(Target::Partial(AES), ACCESS, from)
        .unwrap();
    guard.security.taken_into_use(place, ACCESS, 0, from);
    handle
}

fn counts(send: u32, next_min: u32, seen: u64) -> Pair {
    let (send, receive) = (
        SendCount::resume(send).unwrap(),
        ReceiveCount::resume(next_min, seen).unwrap(),
    );
    Pair { send, receive }
}

/// A session whose current context stands at these COUNTs, as if it had been used so far.
fn at_counts(table: &Table, key: u32, pairs: [Pair; 2]) -> Handle {
    let handle = table.establish(Role::Amf).unwrap();
    let mut guard = table.lock(handle).unwrap();
    let (side, identity) = (guard.resources().side, identity(key, 0));
    let stored = StoredContext {
        place: Place::Current,
        identity,
        algorithms: Some(AES),
        counts: Some(pairs),
    };
    guard.security.resume_context(stored, side).unwrap();
    handle
}

fn written(table: &Table, handle: Handle, extent: Extent) -> Record {
    let mut record = Record::new();
    export(table, handle, extent, &mut record).unwrap();
    record
}

/// Everything that a record can hold, compared value by value.
fn assert_same(a: &UeSecurity, b: &UeSecurity) {
    assert_eq!(a.role(), b.role());
    for place in Place::ALL {
        let (Some(x), Some(y)) = (a.context(place), b.context(place)) else {
            assert_eq!(
                a.context(place).is_some(),
                b.context(place).is_some(),
                "{place:?}"
            );
            continue;
        };
        assert!(
            x.k_amf() == y.k_amf()
                && x.ue_sec_cap() == y.ue_sec_cap()
                && x.emergency() == y.emergency()
        );
        assert_eq!(
            (x.ng_ksi(), x.algorithms(), x.shares_counts()),
            (y.ng_ksi(), y.algorithms(), y.shares_counts())
        );
        for access in AccessType::ALL {
            assert_eq!(
                a.pair(place, access),
                b.pair(place, access),
                "{place:?} {access:?}"
            );
        }
    }
    for access in AccessType::ALL {
        assert_eq!(a.access_state(access), b.access_state(access));
    }
    let chain = |ue: &UeSecurity| {
        ue.nh().map(|nh| match nh.current() {
            crate::kdf::AsKey::KGnb(key) => (nh.ncc(), true, *key.expose()),
            crate::kdf::AsKey::Nh(key) => (nh.ncc(), false, *key.expose()),
        })
    };
    assert_eq!(chain(a), chain(b));
}

mod budget;
mod keys;
mod records;
mod sessions;
