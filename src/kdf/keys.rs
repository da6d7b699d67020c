//! The keys of TS 33.501 6.2, one type each, so that a key cannot stand where another belongs.

use crate::base::Secret;
use core::fmt;

macro_rules! key {
    ($(#[$doc:meta])* $name:ident, $len:literal) => {
        $(#[$doc])*
        ///
        /// Wiped on drop, compared in constant time, printed as its name only.
        #[derive(Clone, PartialEq, Eq)]
        #[repr(transparent)]
        pub struct $name(Secret<$len>);

        impl $name {
            /// Octets of this key.
            pub const LEN: usize = $len;

            /// Takes `bytes` as this key. The caller's copy stays the caller's to wipe.
            #[must_use]
            pub const fn new(bytes: [u8; $len]) -> Self {
                Self(Secret::new(bytes))
            }

            /// Copies a slice of exactly [`Self::LEN`] octets; `None` for any other length.
            #[must_use]
            pub fn from_slice(bytes: &[u8]) -> Option<Self> {
                Secret::from_slice(bytes).map(Self)
            }

            /// The octets, for the code that must compute with them.
            #[must_use]
            pub const fn expose(&self) -> &[u8; $len] {
                self.0.expose()
            }

            /// Takes the last octets of a KDF output: all 32, or the 128 least significant bits.
            pub(super) fn of_output(output: &[u8; 32]) -> Self {
                let mut key = Self::new([0; $len]);
                key.0.expose_mut().copy_from_slice(&output[32 - $len..]);
                key
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($name), "(..)"))
            }
        }
    };
}

key!(
    /// CK || IK of one authentication, or CK' || IK' (TS 33.501 A.2 to A.4).
    CkIk, 32
);
key!(
    /// RES* or XRES* (TS 33.501 A.4).
    ResStar, 16
);
key!(
    /// HRES* or HXRES* (TS 33.501 A.5).
    HresStar, 16
);
key!(
    /// K_AUSF (TS 33.501 A.2, 6.1.3.1).
    KAusf, 32
);
key!(
    /// K_SEAF (TS 33.501 A.6).
    KSeaf, 32
);
key!(
    /// K_AMF (TS 33.501 A.7), K_AMF' (A.13) or a mapped K_AMF' (A.15).
    KAmf, 32
);
key!(
    /// K_NASenc for the 128-bit algorithms (TS 33.501 A.8).
    KNasEnc, 16
);
key!(
    /// K_NASint for the 128-bit algorithms (TS 33.501 A.8).
    KNasInt, 16
);
key!(
    /// K_gNB, and its siblings K_N3IWF, K_WAGF, K_TNGF, K_TWIF (TS 33.501 A.9) and K_NG-RAN* (A.11, A.12).
    KGnb, 32
);
key!(
    /// Next hop parameter NH (TS 33.501 A.10).
    Nh, 32
);
key!(
    /// K_ASME of EPS, mapped (TS 33.501 A.14) or K_ASME_SRVCC (A.21).
    KAsme, 32
);

impl KNasEnc {
    /// The place that a kernel writes the key to.
    pub(super) fn expose_mut(&mut self) -> &mut [u8; 16] {
        self.0.expose_mut()
    }
}

impl KNasInt {
    /// The place that a kernel writes the key to.
    pub(super) fn expose_mut(&mut self) -> &mut [u8; 16] {
        self.0.expose_mut()
    }
}

impl CkIk {
    /// Joins CK and IK.
    #[must_use]
    pub fn join(ck: &[u8; 16], ik: &[u8; 16]) -> Self {
        let mut joined = Self::new([0; 32]);
        let (first, last) = joined.0.expose_mut().split_at_mut(16);
        first.copy_from_slice(ck);
        last.copy_from_slice(ik);
        joined
    }

    /// CK and IK, 16 octets each.
    #[must_use]
    pub fn split(&self) -> (&[u8], &[u8]) {
        self.expose().split_at(16)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r52_debug_shows_the_name_only() {
        assert_eq!(format!("{:?}", KAmf::new([0xAB; 32])), "KAmf(..)");
        assert_eq!(format!("{:?}", KNasInt::new([0xAB; 16])), "KNasInt(..)");
    }

    #[test]
    fn lengths_and_equality() {
        assert!(KAmf::from_slice(&[1; 31]).is_none() && KAmf::from_slice(&[1; 33]).is_none());
        assert!(KNasEnc::from_slice(&[1; 32]).is_none());
        assert_eq!(KAmf::from_slice(&[1; 32]), Some(KAmf::new([1; 32])));
        let mut other = [1; 32];
        other[31] = 0;
        assert_ne!(KAmf::new([1; 32]), KAmf::new(other));
    }

    #[test]
    fn ck_ik_joins_in_this_order() {
        let joined = CkIk::join(&[1; 16], &[2; 16]);
        assert_eq!(joined.split(), (&[1; 16][..], &[2; 16][..]));
    }

    #[test]
    fn a_16_octet_key_is_the_least_significant_half() {
        let output: [u8; 32] = core::array::from_fn(|i| i as u8);
        assert_eq!(KNasEnc::of_output(&output).expose()[..], output[16..]);
        assert_eq!(KAmf::of_output(&output).expose(), &output);
    }
}
