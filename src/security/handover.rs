//! Contexts that a handover at N2 takes into use, without a security mode command (TS 33.501 6.9.2.3.3, 8.4).

use crate::algorithm::Nia;
use crate::base::{AccessType, Error, Result};
use crate::kdf::{KGnb, NhChain, k_gnb};

use super::binding::{Changed, Resources};
use super::count::{LIMIT, NearWrap, OutOfOrder, Thresholds};
use super::ue::{Place, UeSecurity};

const ACCESS: AccessType = AccessType::ThreeGpp;

/// In place of an uplink COUNT when K_AMF came by horizontal derivation or mapping in a handover (TS 33.501 A.9).
const NO_MESSAGE: u32 = u32::MAX;

impl UeSecurity {
    fn integrity_is_null(&self) -> Result<bool> {
        let current = self.context(Place::Current).ok_or(Error::NoContext)?;
        Ok(current.keys()?.algorithms.nia == Nia::Nia0)
    }

    /// The downlink COUNT of 3GPP access that [`UeSecurity::take_container_count`] would take; not for null integrity.
    ///
    /// # Errors
    /// [`Error::NoContext`], [`Error::CountExhausted`].
    pub(crate) fn next_container_count(&self) -> Result<u32> {
        let pair = self.pair(Place::Current, ACCESS).ok_or(Error::NoContext)?;
        let count = pair.send.next();
        (count < LIMIT)
            .then_some(count)
            .ok_or(Error::CountExhausted)
    }

    /// Takes the downlink COUNT that a container names, or that K_AMF' comes from: no message has it, and no second
    /// container. How near it is to the end; under null integrity there is none.
    ///
    /// # Errors
    /// As for a message: [`Error::NoContext`], [`Error::CountExhausted`], [`Error::LeaseExhausted`],
    /// [`Error::RekeyRequired`]. No COUNT was taken.
    pub(crate) fn take_container_count(
        &mut self,
        thresholds: &Thresholds,
        from: &Resources<'_>,
    ) -> Result<(u32, NearWrap)> {
        let null = self.integrity_is_null()?;
        let count = self.take_count((Place::Current, ACCESS), null, Some(from))?;
        let count = count.value();
        Ok((count, thresholds.level_of(null, count)))
    }

    /// The downlink COUNT that a container means with this sequence number.
    ///
    /// # Errors
    /// [`Error::NoContext`], [`Error::CountExhausted`].
    pub(crate) fn container_count(&self, sn: u8) -> Result<u32> {
        let pair = self.pair(Place::Current, ACCESS).ok_or(Error::NoContext)?;
        let estimate = pair.receive.estimate(sn, OutOfOrder::default());
        estimate.forward.ok_or(Error::CountExhausted)
    }

    /// The container verified: what the AMF sends now has higher COUNTs.
    ///
    /// # Errors
    /// [`Error::NoContext`], [`Error::CountExhausted`], [`Error::RekeyRequired`]; nothing changed.
    pub(crate) fn accept_container_count(&mut self, sn: u8, from: &Resources<'_>) -> Result<()> {
        let null = self.integrity_is_null()?;
        let count = if null { 0 } else { self.container_count(sn)? };
        let bound = self.bind(Place::Current, Some(from))?;
        let pair = self
            .pair_mut(Place::Current, ACCESS)
            .ok_or(Error::NoContext)?;
        if null {
            pair.receive.follow_null_integrity(sn);
        } else {
            pair.receive.accept(count, OutOfOrder::default())?;
        }
        if let Some((book, cell)) = bound {
            book.accept((cell, ACCESS), pair.receive.next_min());
        }
        Ok(())
    }

    /// Gives the candidate's COUNTs their place in the session's line: it must outlive a crash, because the UE may have
    /// taken it into use.
    ///
    /// # Errors
    /// Those of a message's COUNT.
    pub(crate) fn write_candidate_down(&mut self, from: &Resources<'_>) -> Result<()> {
        self.bind(Place::Candidate, Some(from)).map(drop)
    }

    /// The K_gNB of NCC 0 that goes with the candidate; `None` for a candidate of the current K_AMF, whose chain goes on.
    pub(crate) fn candidate_k_gnb(&self) -> Option<KGnb> {
        let candidate = self
            .context(Place::Candidate)
            .filter(|candidate| !candidate.shares_counts)?;
        Some(k_gnb(candidate.k_amf(), NO_MESSAGE, ACCESS))
    }

    /// The UE arrived: the candidate, if there is one, is current, and secure exchange of NAS messages is established
    /// (TS 24.501 4.4.2.5).
    pub(crate) fn handed_over(&mut self, from: Resources<'_>) {
        self.changed.add(Changed::STATE);
        let fresh = self.candidate_k_gnb();
        if self.context(Place::Candidate).is_some() {
            self.promote(ACCESS);
        }
        let state = &mut self.access[ACCESS.index()];
        state.secured = true;
        if let Some(k_gnb) = fresh {
            state.as_count = None;
            self.nh = Some(NhChain::start(k_gnb));
        }
        self.settle(from.side);
    }
}
