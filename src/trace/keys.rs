//! The keys that the operator gives: for each security context K_AMF, K_SEAF, K_AUSF or the two NAS keys.

use crate::algorithm::{Key, Nea, Nia};
use crate::base::Secret;
use crate::kdf::{
    Abba, AlgorithmId, KAmf, KAusf, KNasEnc, KNasInt, KSeaf, Supi, derive, k_amf, k_nas_enc,
    k_nas_int,
};

/// FC of K_SEAF and of K_AMF (TS 33.501 A.6, A.7): for the names that no conforming network sends.
const FC_K_SEAF: u8 = 0x6C;
const FC_K_AMF: u8 = 0x6D;

/// One security context of a subscriber, as far as it is known.
#[derive(Clone, Default)]
pub struct Entry {
    /// `imsi-...`, or as [`Supi::parse`] takes it.
    pub supi: Option<String>,
    /// Digits of the MNC in the SUPI, 2 when absent: for K_AUSF only.
    pub mnc_digits: Option<usize>,
    /// ABBA; 0x0000 when absent.
    pub abba: Option<Vec<u8>>,
    /// K_AUSF.
    pub k_ausf: Option<KAusf>,
    /// K_SEAF.
    pub k_seaf: Option<KSeaf>,
    /// K_AMF.
    pub k_amf: Option<KAmf>,
    /// K_NASint, for [`Entry::nia`].
    pub k_nas_int: Option<KNasInt>,
    /// K_NASenc, for [`Entry::nea`].
    pub k_nas_enc: Option<KNasEnc>,
    /// The integrity algorithm of K_NASint.
    pub nia: Option<u8>,
    /// The ciphering algorithm of K_NASenc.
    pub nea: Option<u8>,
    /// COUNT of the next uplink and downlink message, when the capture begins in the middle of a context.
    pub next: [Option<u32>; 2],
}

/// A K_AMF, or NAS keys without one, and how they came about.
#[derive(Clone)]
pub(super) struct Root<'a> {
    entry: &'a Entry,
    k_amf: Option<KAmf>,
    /// Empty for the keys as given; else what an engineer would say of the difference.
    pub(super) how: &'static str,
}

impl core::fmt::Debug for Entry {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Entry(..)")
    }
}

impl Entry {
    /// True when nothing can be verified with it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.root().is_none()
    }

    /// The keys as given: K_AMF before what it is derived from, NAS keys last.
    pub(super) fn root(&self) -> Option<Root<'_>> {
        let k_amf = self.k_amf.clone().or_else(|| {
            let supi = Supi::parse(self.supi.as_deref()?).ok()?;
            Some(k_amf(&self.seaf()?, supi, self.abba()?))
        });
        let root = Root {
            entry: self,
            k_amf,
            how: "",
        };
        (root.k_amf.is_some() || self.k_nas_int.is_some()).then_some(root)
    }

    /// K_AMF as derived with the usual mistakes.
    pub(super) fn mistaken(&self) -> Vec<Root<'_>> {
        let mut out = Vec::new();
        let mut push = |k_amf: Option<KAmf>, how| {
            out.extend(k_amf.map(|k_amf| Root {
                entry: self,
                k_amf: Some(k_amf),
                how,
            }));
        };
        let supi = self.supi.as_deref().unwrap_or_default();
        let bare = supi.strip_prefix("imsi-").unwrap_or(supi);
        let prefixed = format!("imsi-{bare}");
        let abba = self.abba.as_deref().unwrap_or(&[0, 0]);
        if let Some(seaf) = self.seaf() {
            push(
                amf(&seaf, prefixed.as_bytes(), abba),
                "K_AMF derived from the SUPI with its prefix `imsi-` (TS 33.501 A.7.0: digits only)",
            );
            for wrong in [&[][..], &[0], &[0, 1], &[1, 0]] {
                push(
                    amf(&seaf, bare.as_bytes(), wrong),
                    "K_AMF derived with another ABBA (TS 33.501 A.7.1: 0000)",
                );
            }
            if self.k_amf.is_some() {
                push(
                    amf(&seaf, bare.as_bytes(), abba),
                    "K_AMF as K_SEAF, SUPI and ABBA give it; the K_AMF given is another one",
                );
            }
        }
        if let Some(ausf) = &self.k_ausf {
            for digits in [2, 3] {
                let Some(snn) = short_name(bare, digits) else {
                    continue;
                };
                let Ok(seaf) = derive(ausf.expose(), FC_K_SEAF, &[snn.as_bytes()]) else {
                    continue;
                };
                push(
                    amf(&KSeaf::new(*seaf.expose()), bare.as_bytes(), abba),
                    "K_AMF derived under a serving network name with a two-digit MNC (TS 24.501 9.12.1: three digits)",
                );
            }
        }
        out
    }

    fn seaf(&self) -> Option<KSeaf> {
        let from_ausf = || {
            let supi = self.supi.as_deref()?;
            let snn = name(
                supi.strip_prefix("imsi-").unwrap_or(supi),
                self.mnc_digits.unwrap_or(2),
            )?;
            let seaf = derive(self.k_ausf.as_ref()?.expose(), FC_K_SEAF, &[snn.as_bytes()]).ok()?;
            Some(KSeaf::new(*seaf.expose()))
        };
        self.k_seaf.clone().or_else(from_ausf)
    }

    fn abba(&self) -> Option<Abba<'_>> {
        match &self.abba {
            Some(abba) => Abba::new(abba).ok(),
            None => Some(Abba::INITIAL),
        }
    }
}

/// Serving network name of the home network, its MNC of `digits` digits written as three.
fn name(imsi: &str, digits: usize) -> Option<String> {
    let (mcc, mnc) = plmn(imsi, digits)?;
    Some(format!("5G:mnc{mnc:0>3}.mcc{mcc}.3gppnetwork.org"))
}

/// The same with the MNC as it is, or cut to two digits.
fn short_name(imsi: &str, digits: usize) -> Option<String> {
    let (mcc, mnc) = plmn(imsi, digits)?;
    let mnc = &mnc[mnc.len() - 2..];
    Some(format!("5G:mnc{mnc}.mcc{mcc}.3gppnetwork.org"))
}

/// MCC, and an MNC of so many digits.
fn plmn(imsi: &str, digits: usize) -> Option<(&str, &str)> {
    let (mcc, mnc) = (imsi.get(..3)?, imsi.get(3..3 + digits)?);
    let mut octets = imsi.bytes().take(3 + digits);
    octets
        .all(|octet| octet.is_ascii_digit())
        .then_some((mcc, mnc))
}

fn amf(seaf: &KSeaf, supi: &[u8], abba: &[u8]) -> Option<KAmf> {
    let key: Secret<32> = derive(seaf.expose(), FC_K_AMF, &[supi, abba]).ok()?;
    Some(KAmf::new(*key.expose()))
}

impl Root<'_> {
    pub(super) const fn k_amf(&self) -> Option<&KAmf> {
        self.k_amf.as_ref()
    }

    /// K_NASint for `nia`; `None` when only the key of another algorithm is known.
    pub(super) fn int(&self, nia: Nia) -> Option<Key> {
        let key = match (&self.k_amf, &self.entry.k_nas_int) {
            (Some(k_amf), _) => k_nas_int(k_amf, AlgorithmId::new(nia.id())?),
            (None, Some(key)) if self.entry.nia.is_none_or(|id| id == nia.id()) => key.clone(),
            _ => return None,
        };
        Some(Key::for_nia(nia, key.expose()))
    }

    /// K_NASenc for `nea`, likewise.
    pub(super) fn enc(&self, nea: Nea) -> Option<Key> {
        let key = match (&self.k_amf, &self.entry.k_nas_enc) {
            (Some(k_amf), _) => k_nas_enc(k_amf, AlgorithmId::new(nea.id())?),
            (None, Some(key)) if self.entry.nea.is_none_or(|id| id == nea.id()) => key.clone(),
            (None, None) if nea == Nea::Nea0 => return Some(Key::for_nea(nea, &[0; 16])),
            _ => return None,
        };
        Some(Key::for_nea(nea, key.expose()))
    }

    /// K_NASenc of `nia`'s number used as the integrity key: distinguishers of TS 33.501 A.8 mixed up.
    pub(super) fn mixed(&self, nia: Nia) -> Option<Key> {
        let key = k_nas_enc(self.k_amf.as_ref()?, AlgorithmId::new(nia.id())?);
        Some(Key::for_nia(nia, key.expose()))
    }

    /// The same K_AMF, or the same NAS key.
    pub(super) fn same(&self, other: &Self) -> bool {
        match (&self.k_amf, &other.k_amf) {
            (Some(mine), Some(theirs)) => mine == theirs,
            (None, None) => self.entry.k_nas_int == other.entry.k_nas_int,
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_the_serving_network() {
        assert_eq!(
            name("999700000000001", 2).as_deref(),
            Some("5G:mnc070.mcc999.3gppnetwork.org")
        );
        assert_eq!(
            short_name("999700000000001", 2).as_deref(),
            Some("5G:mnc70.mcc999.3gppnetwork.org")
        );
        assert_eq!(
            (name("99", 2), short_name("123é1", 3), name("999é", 2)),
            (None, None, None)
        );
    }

    #[test]
    fn k_amf_comes_from_what_is_there() {
        let seaf = KSeaf::new([7; 32]);
        let supi = "imsi-999700000000001";
        let wanted = k_amf(&seaf, Supi::parse(supi).unwrap(), Abba::INITIAL);
        let entry = Entry {
            supi: Some(supi.into()),
            k_seaf: Some(seaf.clone()),
            ..Entry::default()
        };
        assert_eq!(entry.root().unwrap().k_amf, Some(wanted.clone()));
        let bare = amf(&seaf, b"999700000000001", &[0, 0]);
        assert_eq!(bare, Some(wanted));
        let hows: Vec<_> = entry.mistaken().iter().map(|root| root.how).collect();
        assert!(hows[0].contains("imsi-") && hows.len() == 5);
        assert!(Entry::default().is_empty());
        assert_eq!(format!("{entry:?}"), "Entry(..)");
    }
}
