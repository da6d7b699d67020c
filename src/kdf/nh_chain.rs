//! The NH chain of one UE: NH and its 3-bit chaining counter NCC (TS 33.501 6.9.2.1.1).
//!
//! A step has two phases, because the message that asks for it (PATH SWITCH REQUEST, HANDOVER REQUIRED) may still
//! turn out to be refused: [`NhChain::prepare`] computes and changes nothing, [`NhChain::commit`] takes the step.

use super::access_keys::{AsKey, nh};
use super::keys::{KAmf, KGnb, Nh};
use crate::base::{Error, Result, secret::ct_eq};
use core::fmt;

/// Where the chain stands: the K_gNB of NCC 0, or an NH. There is no empty chain and so no NH of zeros.
#[derive(PartialEq, Eq)]
enum Sync {
    KGnb(KGnb),
    Nh(Nh),
}

impl Sync {
    const fn as_key(&self) -> AsKey<'_> {
        match self {
            Self::KGnb(key) => AsKey::KGnb(key),
            Self::Nh(key) => AsKey::Nh(key),
        }
    }
}

/// NH and NCC of one UE. 34 octets; cannot be copied, so that a UE has one chain.
pub struct NhChain {
    sync: Sync,
    ncc: u8,
}

const _: () = assert!(size_of::<NhChain>() <= 40);

impl NhChain {
    /// Begins at a K_gNB that was derived from K_AMF: it is associated with NCC 0 and a virtual NH. TS 33.501
    /// associates the NH derived at initial setup with NCC 1, so an AMF takes the first step at once and the first
    /// handover finds NCC 1, sends NCC 2: see [`Self::establish`].
    #[must_use]
    pub const fn start(k_gnb: KGnb) -> Self {
        Self {
            sync: Sync::KGnb(k_gnb),
            ncc: 0,
        }
    }

    /// Begins at `k_gnb` and takes the step of the initial setup: the chain holds the first NH with NCC 1.
    #[must_use]
    pub fn establish(k_amf: &KAmf, k_gnb: &KGnb) -> Self {
        Self {
            sync: Sync::Nh(nh(k_amf, AsKey::KGnb(k_gnb))),
            ncc: 1,
        }
    }

    /// Goes on with a pair {NH, NCC} from another AMF or from a stored record.
    ///
    /// # Errors
    /// [`Error::Argument`] for an NCC above 7 or an NH of zeros.
    pub fn resume(nh: Nh, ncc: u8) -> Result<Self> {
        if ncc > 7 || nh == Nh::new([0; 32]) {
            return Err(Error::Argument);
        }
        Ok(Self {
            sync: Sync::Nh(nh),
            ncc,
        })
    }

    /// NCC, 0..=7.
    #[must_use]
    pub const fn ncc(&self) -> u8 {
        self.ncc
    }

    /// The key of the current NCC: K_gNB before the first step, NH after.
    #[must_use]
    pub const fn current(&self) -> AsKey<'_> {
        self.sync.as_key()
    }

    /// Computes the next NH and NCC (7 is followed by 0) and changes nothing. `k_amf` is the one that the chain's
    /// K_gNB came from; another K_AMF needs another K_gNB and another chain.
    pub fn prepare(&self, k_amf: &KAmf) -> PreparedNh {
        let before = self.current();
        PreparedNh {
            nh: nh(k_amf, before),
            ncc: (self.ncc + 1) & 7,
            before: Nh::new(*before.expose()),
        }
    }

    /// Takes the step that `prepared` computed.
    ///
    /// # Errors
    /// [`Error::Conflict`] when the chain is no longer where `prepared` was computed: it has advanced since, or it
    /// is another UE's. Nothing changed then; prepare again.
    pub fn commit(&mut self, prepared: PreparedNh) -> Result<()> {
        let same_key = ct_eq(self.current().expose(), prepared.before.expose());
        if !same_key || prepared.ncc != (self.ncc + 1) & 7 {
            return Err(Error::Conflict);
        }
        self.ncc = prepared.ncc;
        self.sync = Sync::Nh(prepared.nh);
        Ok(())
    }
}

impl fmt::Debug for NhChain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NhChain(ncc {}, ..)", self.ncc)
    }
}

/// The next {NH, NCC} of a chain that has not advanced yet.
#[must_use = "the chain advances only through `NhChain::commit`"]
pub struct PreparedNh {
    nh: Nh,
    ncc: u8,
    /// What the chain held: the proof that it is the same chain in the same place.
    before: Nh,
}

impl PreparedNh {
    /// NH for the PATH SWITCH REQUEST ACKNOWLEDGE or HANDOVER REQUEST.
    #[must_use]
    pub const fn nh(&self) -> &Nh {
        &self.nh
    }

    /// The NCC that belongs to it, 0..=7.
    #[must_use]
    pub const fn ncc(&self) -> u8 {
        self.ncc
    }
}

impl fmt::Debug for PreparedNh {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PreparedNh(ncc {}, ..)", self.ncc)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(chain: &NhChain) -> [u8; 32] {
        *chain.current().expose()
    }

    #[test]
    fn r43_nothing_changes_before_commit() {
        let k_amf = KAmf::new([1; 32]);
        let mut chain = NhChain::start(KGnb::new([2; 32]));
        let prepared = chain.prepare(&k_amf);
        assert_eq!((chain.ncc(), bytes(&chain)), (0, [2; 32]));
        drop(prepared);
        assert_eq!((chain.ncc(), bytes(&chain)), (0, [2; 32]));

        let prepared = chain.prepare(&k_amf);
        let expected = nh(&k_amf, AsKey::KGnb(&KGnb::new([2; 32])));
        assert_eq!((prepared.ncc(), prepared.nh()), (1, &expected));
        chain.commit(prepared).unwrap();
        assert_eq!((chain.ncc(), &bytes(&chain)), (1, expected.expose()));
    }

    #[test]
    fn r43_a_prepared_nh_of_an_older_state_is_refused() {
        let k_amf = KAmf::new([1; 32]);
        let mut chain = NhChain::start(KGnb::new([2; 32]));
        let (first, second) = (chain.prepare(&k_amf), chain.prepare(&k_amf));
        chain.commit(first).unwrap();
        let held = bytes(&chain);
        assert_eq!(chain.commit(second), Err(Error::Conflict));
        assert_eq!((chain.ncc(), bytes(&chain)), (1, held));

        // Eight steps later NCC is the same; the state is not.
        let stale = chain.prepare(&k_amf);
        for _ in 0..8 {
            let prepared = chain.prepare(&k_amf);
            chain.commit(prepared).unwrap();
        }
        assert_eq!(chain.ncc(), 1);
        assert_eq!(chain.commit(stale), Err(Error::Conflict));

        let mut other = NhChain::start(KGnb::new([3; 32]));
        let foreign = NhChain::start(KGnb::new([2; 32])).prepare(&k_amf);
        assert_eq!(other.commit(foreign), Err(Error::Conflict));
        assert_eq!((other.ncc(), bytes(&other)), (0, [3; 32]));
    }

    #[test]
    fn r43_ncc_has_three_bits_and_the_nh_never_repeats() {
        let k_amf = KAmf::new([1; 32]);
        let mut chain = NhChain::start(KGnb::new([2; 32]));
        let mut seen = std::vec![bytes(&chain)];
        for step in 1..=20_u8 {
            let prepared = chain.prepare(&k_amf);
            chain.commit(prepared).unwrap();
            assert_eq!(chain.ncc(), step % 8);
            assert!(matches!(chain.current(), AsKey::Nh(_)));
            assert!(!seen.contains(&bytes(&chain)));
            seen.push(bytes(&chain));
        }
    }

    #[test]
    fn r43_zero_nh_is_impossible() {
        assert_eq!(
            NhChain::resume(Nh::new([0; 32]), 1).err(),
            Some(Error::Argument)
        );
        assert_eq!(
            NhChain::resume(Nh::new([1; 32]), 8).err(),
            Some(Error::Argument)
        );
        assert_eq!(NhChain::resume(Nh::new([1; 32]), 7).unwrap().ncc(), 7);
    }

    #[test]
    fn establish_is_start_and_one_step() {
        let (k_amf, k_gnb) = (KAmf::new([1; 32]), KGnb::new([2; 32]));
        let established = NhChain::establish(&k_amf, &k_gnb);
        let mut stepped = NhChain::start(k_gnb);
        let prepared = stepped.prepare(&k_amf);
        stepped.commit(prepared).unwrap();
        assert_eq!(established.ncc(), stepped.ncc());
        assert_eq!(bytes(&established), bytes(&stepped));
        assert_eq!(format!("{established:?}"), "NhChain(ncc 1, ..)");
    }
}
