//! The operator's ordered algorithm lists and the choice from them (TS 33.501 5.11, 6.7.1, 6.7.2, 10.2.2).

use arrayvec::ArrayVec;

use crate::algorithm::{Nea, Nia};
use crate::base::{Error, Result};
use crate::nas::UeSecurityCapability;
use crate::security::Algorithms;

/// Algorithms of one kind that exist: 0 to 3.
const KINDS: usize = 4;

/// Ciphering and integrity algorithms in the operator's order of preference, best first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    nea: ArrayVec<Nea, KINDS>,
    nia: ArrayVec<Nia, KINDS>,
}

impl Policy {
    /// Two lists of one to four different algorithms each. NIA0 in the list permits emergency sessions without
    /// authentication and nothing else; its rank does not matter.
    ///
    /// # Errors
    /// [`Error::Argument`] for an empty list, a repeated algorithm, or an integrity list of NIA0 alone.
    pub fn new(nea: &[Nea], nia: &[Nia]) -> Result<Self> {
        if nia == [Nia::Nia0] {
            return Err(Error::Argument);
        }
        Ok(Self {
            nea: list(nea)?,
            nia: list(nia)?,
        })
    }

    /// The same from the identities on the wire.
    ///
    /// # Errors
    /// [`Error::AlgorithmNotSupported`] for an identity above 3, and those of [`Policy::new`].
    pub fn from_ids(nea: &[u8], nia: &[u8]) -> Result<Self> {
        let nea = nea
            .iter()
            .map(|&id| Nea::from_id(id))
            .collect::<Option<Vec<_>>>();
        let nia = nia
            .iter()
            .map(|&id| Nia::from_id(id))
            .collect::<Option<Vec<_>>>();
        let (Some(nea), Some(nia)) = (nea, nia) else {
            return Err(Error::AlgorithmNotSupported);
        };
        Self::new(&nea, &nia)
    }

    /// Ciphering, best first.
    #[must_use]
    pub fn nea(&self) -> &[Nea] {
        &self.nea
    }

    /// Integrity, best first.
    #[must_use]
    pub fn nia(&self) -> &[Nia] {
        &self.nia
    }
}

impl Default for Policy {
    /// AES, SNOW 3G, ZUC; ciphering may be null when a UE has none of them; null integrity is not permitted.
    fn default() -> Self {
        Self {
            nea: [Nea::Nea2, Nea::Nea1, Nea::Nea3, Nea::Nea0]
                .into_iter()
                .collect(),
            nia: [Nia::Nia2, Nia::Nia1, Nia::Nia3].into_iter().collect(),
        }
    }
}

fn list<T: Copy + PartialEq>(given: &[T]) -> Result<ArrayVec<T, KINDS>> {
    let repeated = given
        .iter()
        .enumerate()
        .any(|(i, a)| given[..i].contains(a));
    let list = ArrayVec::try_from(given).map_err(|_| Error::Argument)?;
    if repeated || list.is_empty() {
        Err(Error::Argument)
    } else {
        Ok(list)
    }
}

/// Chooses the first algorithm of each list that the UE supports. Algorithms 4 to 7 of a capability are never
/// chosen. An unauthenticated emergency session has no key that the UE knows, so it gets NIA0 and NEA0 or nothing.
///
/// # Errors
/// [`Error::NoCommonIntegrity`], [`Error::NoCommonCiphering`]; [`Error::NullIntegrity`] for an emergency session
/// when the operator's list lacks NIA0.
pub fn choose(
    policy: &Policy,
    ue_sec_cap: &UeSecurityCapability,
    emergency: bool,
) -> Result<Algorithms> {
    if emergency {
        let permitted = policy.nia.contains(&Nia::Nia0);
        return if permitted {
            Ok(NULL)
        } else {
            Err(Error::NullIntegrity)
        };
    }
    let nia = policy
        .nia
        .iter()
        .copied()
        .find(|&nia| nia != Nia::Nia0 && ue_sec_cap.supports_nia(nia.id()));
    let nia = nia.ok_or(Error::NoCommonIntegrity)?;
    let nea = policy
        .nea
        .iter()
        .copied()
        .find(|nea| ue_sec_cap.supports_nea(nea.id()));
    Ok(Algorithms {
        nea: nea.ok_or(Error::NoCommonCiphering)?,
        nia,
    })
}

/// The algorithms that were asked for, when the UE supports them, else those of the operator's lists.
///
/// # Errors
/// Those of [`choose`] and `check_algorithms`.
pub(in crate::procedure) fn pick(
    asked: Option<Algorithms>,
    policy: &Policy,
    for_ue: (&UeSecurityCapability, bool),
) -> Result<Algorithms> {
    let (cap, emergency) = for_ue;
    match asked {
        Some(algorithms) => check_algorithms(algorithms, for_ue).map(|()| algorithms),
        None => choose(policy, cap, emergency),
    }
}

/// The rule before sending: what is selected must be in the capability that is replayed.
pub(in crate::procedure) fn check_algorithms(
    algorithms: Algorithms,
    (cap, emergency): (&UeSecurityCapability, bool),
) -> Result<()> {
    if algorithms.nia == Nia::Nia0 {
        // A UE without a valid context accepts null algorithms for emergency whatever bits it sets.
        return if emergency && algorithms == NULL {
            Ok(())
        } else {
            Err(Error::NullIntegrity)
        };
    }
    let supported = cap.supports_nia(algorithms.nia.id()) && cap.supports_nea(algorithms.nea.id());
    if supported {
        Ok(())
    } else {
        Err(Error::AlgorithmNotSupported)
    }
}

/// A K_AMF in use never falls back to a null algorithm (TS 33.501 6.7.1).
///
/// # Errors
/// [`Error::NullIntegrity`], [`Error::NoCommonCiphering`].
pub(in crate::procedure) fn check_no_fall(old: Algorithms, new: Algorithms) -> Result<()> {
    if new.nia == Nia::Nia0 && old.nia != Nia::Nia0 {
        return Err(Error::NullIntegrity);
    }
    if new.nea == Nea::Nea0 && old.nea != Nea::Nea0 {
        return Err(Error::NoCommonCiphering);
    }
    Ok(())
}

/// What an unauthenticated emergency session uses.
pub(super) const NULL: Algorithms = Algorithms {
    nea: Nea::Nea0,
    nia: Nia::Nia0,
};

#[cfg(test)]
mod tests {
    use super::*;

    fn cap(octets: &[u8]) -> UeSecurityCapability {
        UeSecurityCapability::from_value(octets).unwrap()
    }

    fn policy() -> Policy {
        Policy::from_ids(&[1, 2, 0], &[0, 3, 2]).unwrap()
    }

    #[test]
    fn lists_are_checked() {
        assert!(Policy::from_ids(&[], &[2]).is_err() && Policy::from_ids(&[2], &[]).is_err());
        assert!(
            Policy::from_ids(&[2, 1, 2], &[2]).is_err() && Policy::from_ids(&[0], &[1, 1]).is_err()
        );
        assert_eq!(Policy::from_ids(&[2], &[0]), Err(Error::Argument));
        assert_eq!(
            Policy::from_ids(&[4], &[2]),
            Err(Error::AlgorithmNotSupported)
        );
        assert_eq!(
            Policy::from_ids(&[0, 1, 2, 3], &[3, 2, 1, 0])
                .unwrap()
                .nea()
                .len(),
            4
        );
        assert_eq!(
            Policy::from_ids(&[0, 1, 2, 3, 0], &[2]),
            Err(Error::Argument)
        );
    }

    #[test]
    fn r44_algorithm_selection_takes_the_first_of_the_operator_that_the_ue_has() {
        // Every capability of algorithms 0..=3 against a reference that walks the list by hand.
        for bits in 0..=255_u8 {
            let cap = cap(&[bits & 0xF0, bits << 4]);
            let chosen = choose(&policy(), &cap, false);
            let nia = [3, 2].into_iter().find(|id| bits << 4 & 0x80 >> id != 0);
            let nea = [1, 2, 0].into_iter().find(|id| bits & 0x80 >> id != 0);
            match (nia, nea) {
                (None, _) => assert_eq!(chosen, Err(Error::NoCommonIntegrity)),
                (_, None) => assert_eq!(chosen, Err(Error::NoCommonCiphering)),
                (Some(nia), Some(nea)) => {
                    let chosen = chosen.unwrap();
                    assert_eq!((chosen.nia.id(), chosen.nea.id()), (nia, nea));
                }
            }
        }
    }

    #[test]
    fn algorithms_4_to_7_are_never_chosen() {
        assert_eq!(
            choose(&policy(), &cap(&[0x0F, 0x0F]), false),
            Err(Error::NoCommonIntegrity)
        );
        assert_eq!(
            choose(&policy(), &cap(&[0x0F, 0x2F]), false),
            Err(Error::NoCommonCiphering)
        );
        let all = choose(&policy(), &cap(&[0xFF, 0xFF]), false).unwrap();
        assert_eq!((all.nea, all.nia), (Nea::Nea1, Nia::Nia3));
    }

    #[test]
    fn r23_nas_null_integrity_protection_is_for_emergency_only() {
        let null_only = cap(&[0x80, 0x80]);
        assert_eq!(
            choose(&policy(), &null_only, false),
            Err(Error::NoCommonIntegrity)
        );
        assert_eq!(choose(&policy(), &cap(&[0xF0, 0xF0]), true), Ok(NULL));
        assert_eq!(
            choose(&Policy::default(), &cap(&[0xF0, 0xF0]), true),
            Err(Error::NullIntegrity)
        );
    }

    #[test]
    fn after_mobility_from_eps_algorithms_0_1_2_are_assumed() {
        let chosen = choose(&policy(), &UeSecurityCapability::ASSUMED_FROM_EPS, false).unwrap();
        assert_eq!((chosen.nea, chosen.nia), (Nea::Nea1, Nia::Nia2));
    }
}
