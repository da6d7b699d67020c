//! Whether the initial message that came first and the one in SECURITY MODE COMPLETE are the same (R47).

use sha2::{Digest, Sha256};

use crate::base::Result;
use crate::nas::initial::is_cleartext;
use crate::nas::{InitialMessage, ie};

/// SHA-256, cut to 128 bits, over what an initial message may carry in the open (TS 24.501 4.4.6), without its NAS
/// message container: 16 octets for the AMF to keep instead of the first, unverified message.
///
/// # Errors
/// Those of [`InitialMessage::parse`].
pub fn cleartext_digest(message: &[u8]) -> Result<[u8; 16]> {
    let initial = InitialMessage::parse(message)?;
    let mut sha = Sha256::new();
    let mut add = |iei: u8, value: &[u8]| {
        sha.update([iei]);
        sha.update((value.len() as u32).to_be_bytes());
        sha.update(value);
    };
    add(
        0,
        &[initial.message_type.0, initial.kind, initial.ng_ksi.bits()],
    );
    add(
        0,
        initial
            .identity
            .as_ref()
            .map_or(&[], |identity| identity.value()),
    );
    for ie in ie::Ies::of(message)? {
        let ie = ie?;
        if ie.iei != ie::NAS_MESSAGE_CONTAINER && is_cleartext(initial.message_type, ie.iei) {
            add(ie.iei, ie.value);
        }
    }
    let mut digest = [0; 16];
    digest.copy_from_slice(&sha.finalize()[..16]);
    Ok(digest)
}

/// True when both messages say the same in the open. False means that somebody changed the first one on its way:
/// act on the verified one only.
///
/// # Errors
/// Those of [`InitialMessage::parse`], for either message.
pub fn same_initial_message(first: &[u8], verified: &[u8]) -> Result<bool> {
    Ok(cleartext_digest(first)? == cleartext_digest(verified)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// REGISTRATION REQUEST with GUTI, ngKSI 7 and capability f070, and further octets.
    fn registration(capability: [u8; 2], rest: &[u8]) -> Vec<u8> {
        let mut message = vec![
            0x7E, 0, 0x41, 0x79, 0, 11, 0xF2, 0, 0xF1, 0x10, 2, 0, 0x40, 0xC0, 0, 0, 1,
        ];
        message.extend([0x2E, 2, capability[0], capability[1]]);
        message.extend(rest);
        message
    }

    #[test]
    fn r47_the_complete_message_is_compared_with_the_plain_one() {
        let first = registration([0xF0, 0x70], &[]);
        // 5GMM capability and requested NSSAI are no cleartext elements.
        let whole = registration([0xF0, 0x70], &[0x2F, 2, 1, 1]);
        assert_eq!(same_initial_message(&first, &whole), Ok(true));
        let contained = registration([0xF0, 0x70], &[0x71, 0, 1, 9]);
        assert_eq!(same_initial_message(&contained, &whole), Ok(true));
    }

    #[test]
    fn r47_bidding_down_of_the_first_message_shows() {
        let whole = registration([0xF0, 0x70], &[0x2F, 2, 1, 1]);
        assert_eq!(
            same_initial_message(&registration([0x80, 0x70], &[]), &whole),
            Ok(false)
        );
        assert_eq!(
            same_initial_message(&registration([0xF0, 0x70], &[0x2B, 1, 1]), &whole),
            Ok(false)
        );
        let mut other = registration([0xF0, 0x70], &[]);
        for octet in [3, 16] {
            other[octet] ^= 1;
            assert_eq!(same_initial_message(&other, &whole), Ok(false), "{octet}");
            other[octet] ^= 1;
        }
        assert_eq!(
            same_initial_message(&whole[..17], &whole),
            Ok(false),
            "capability stripped"
        );
        assert!(same_initial_message(&whole[..10], &whole).is_err());
    }
}
