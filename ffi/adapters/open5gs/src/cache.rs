//! Prepared keys, a few for each thread. A registration uses two keys for some ten messages; preparing one for AES costs
//! as much as a short message does.

use std::cell::RefCell;
use std::hash::{BuildHasher, RandomState};

use naslane::algorithm::{Key, Nea, Nia};
use naslane::base::secret::ct_eq;

/// Keys of one thread: 12 KB.
const PLACES: usize = 64;

/// What a key is prepared for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Use {
    Nea(Nea),
    Nia(Nia),
}

impl Use {
    fn prepare(self, key: &[u8; 16]) -> Key {
        match self {
            Self::Nea(nea) => Key::for_nea(nea, key),
            Self::Nia(nia) => Key::for_nia(nia, key),
        }
    }
}

/// Keys wipe themselves when they are replaced and when the thread ends.
struct Cache {
    /// Where a key goes is a keyed hash of it, new in each thread: the place tells nothing of the key.
    hasher: RandomState,
    places: Vec<Option<(Use, Key)>>,
}

thread_local! {
    static CACHE: RefCell<Cache> = RefCell::new(Cache {
        hasher: RandomState::new(),
        places: (0..PLACES).map(|_| None).collect(),
    });
}

/// Calls `work` with the prepared key.
pub(crate) fn with<R>(purpose: Use, raw: &[u8; 16], work: impl FnOnce(&Key) -> R) -> R {
    let mut work = Some(work);
    let cached = CACHE.try_with(|cache| {
        let mut cache = cache.borrow_mut();
        let place = cache.hasher.hash_one(raw) as usize % PLACES;
        let entry = &mut cache.places[place];
        let hit = entry
            .as_ref()
            .is_some_and(|(own, key)| *own == purpose && ct_eq(key.raw(), raw));
        if !hit {
            *entry = None; // wiped before the next one is made
        }
        let (_, key) = entry.get_or_insert_with(|| (purpose, purpose.prepare(raw)));
        work.take().map(|work| work(key))
    });
    match (cached, work) {
        (Ok(Some(result)), _) => result,
        // The thread is ending: its cache is gone.
        (_, Some(work)) => work(&purpose.prepare(raw)),
        _ => crate::stop("the cache of keys is in use"),
    }
}
