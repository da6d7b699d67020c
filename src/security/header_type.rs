//! Header types 1 and 2 told apart by the content, because the MAC does not cover the header (TS 24.501 9.1.1).
//!
//! Whoever changes one type into the other makes a receiver read ciphertext as a message, or decipher a message in
//! the open. What comes out is noise that begins like a message once in 4096 times, under a valid MAC. So a message
//! whose other reading is the better one is refused.

use crate::algorithm::{self, CipherKey, CipherLane, Input, Nea};
use crate::base::{Direction, NgKsi};
use crate::nas::{self, InitialMessage, SecurityModeCommand, SecurityModeReject};

/// True when the body of a message that claims to be ciphered is a whole message in the open, of those that are
/// sent so. Ciphertext of a genuine message reads so less than once in 2^24 times.
pub(super) fn is_in_the_open(body: &[u8], ng_ksi: NgKsi) -> bool {
    InitialMessage::parse(body).is_ok_and(|initial| initial.ng_ksi == ng_ksi)
        || SecurityModeCommand::decode(body).is_ok_and(|command| command.ng_ksi == ng_ksi)
        || (body.len() == 4 && SecurityModeReject::decode(body).is_ok())
}

/// True when the body of a message that claims to be in the open begins like a message once it is deciphered, and is
/// no whole initial message as it stands. A genuine one is taken for that once in 2^19 times; it is sent again under
/// another COUNT then.
pub(super) fn is_ciphered(
    body: &[u8],
    ng_ksi: NgKsi,
    (nea, key): (Nea, &CipherKey),
    input: Input,
) -> bool {
    let Some(mut head) = body.first_chunk::<{ nas::header::PLAIN_MIN }>().copied() else {
        return false;
    };
    if nea == Nea::Nea0 || InitialMessage::parse(body).is_ok_and(|initial| initial.ng_ksi == ng_ksi)
    {
        return false;
    }
    let uplink = input.direction == Direction::Uplink;
    let lane = CipherLane {
        key,
        input,
        data: &mut head,
    };
    algorithm::cipher(nea, &mut [lane]);
    let fits = nas::inner_type(&head).is_ok_and(|message| {
        if uplink {
            message.is_uplink()
        } else {
            message.is_downlink()
        }
    });
    fits && head[1] == 0
}
