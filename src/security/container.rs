//! Containers that are protected beside or inside a NAS message: the initial message's (TS 24.501 4.4.6) and those
//! of handovers (TS 24.501 9.11.2.6, 9.11.2.9).

use std::ops::Range;

use crate::algorithm::{self, CipherLane, Input, MacLane, Nia};
use crate::base::secret::ct_eq;
use crate::base::{AccessType, Direction, Error, Result};
use crate::nas::{self, Carrier, InitialMessage, MessageType, SecurityModeComplete};

use super::ue::{Place, PlainSum, UeSecurity};

/// Deciphers, in place, the value of the NAS message container of the message that was verified last on `access`.
/// `message` is that message's plain content, `count` its COUNT. Returns where the container value lies and the
/// type of the message in it; a container in a SECURITY MODE COMPLETE is not ciphered on its own and must hold
/// `ongoing`.
///
/// Deciphering twice would cipher again, so a call is good for one message once.
///
/// # Errors
/// [`Error::ContainerUnverified`] when `count` or `message` is not that of the message verified last (R46);
/// [`Error::ContainerMissing`]; [`Error::ContainerMismatch`] when what was deciphered is no message of the same
/// procedure (ask for the complete message with RINMR); the message is as before then, but for the last case,
/// in which the value is ciphered again.
pub fn decipher_container(
    ue: &mut UeSecurity,
    (access, count): (AccessType, u32),
    message: &mut [u8],
    ongoing: Option<MessageType>,
) -> Result<(Range<usize>, MessageType)> {
    let last = ue.access[access.index()]
        .last
        .filter(|last| last.count == count)
        .ok_or(Error::ContainerUnverified)?;
    let outer = nas::inner_type(message)?;
    let range = container_range(message)?.ok_or(Error::ContainerMissing)?;
    // A message of the caller's own under this COUNT would show the keystream.
    if !last.whole_ciphered_new && last.sum != PlainSum::of(message) {
        return Err(Error::ContainerUnverified);
    }
    if last.whole_ciphered_new {
        let value = message.get(range.clone()).ok_or(Error::MalformedIe)?;
        let inner = nas::check_container(
            ongoing.unwrap_or(MessageType::REGISTRATION_REQUEST),
            Carrier::SecurityModeComplete,
            value,
        )?;
        return Ok((range, inner));
    }
    let keys = ue.context(last.place).ok_or(Error::NoContext)?.keys()?;
    let input = Input {
        count,
        bearer: access.bearer(),
        direction: ue.role().receives(),
    };
    let nea = keys.algorithms.nea;
    let value = message.get_mut(range.clone()).ok_or(Error::MalformedIe)?;
    algorithm::cipher(
        nea,
        &mut [CipherLane {
            key: keys.enc,
            input,
            data: value,
        }],
    );
    match nas::check_container(outer, Carrier::Initial, value) {
        Ok(inner) => {
            ue.access[access.index()].last = None;
            Ok((range, inner))
        }
        Err(_) => {
            let input = Input {
                count,
                bearer: access.bearer(),
                direction: ue.role().receives(),
            };
            algorithm::cipher(
                nea,
                &mut [CipherLane {
                    key: keys.enc,
                    input,
                    data: value,
                }],
            );
            Err(Error::ContainerMismatch)
        }
    }
}

/// Where the value of the NAS message container lies in a plain initial message or SECURITY MODE COMPLETE; `None`
/// when there is none, and in any other message.
///
/// # Errors
/// Those of the two messages' decoders.
pub fn container_range(message: &[u8]) -> Result<Option<Range<usize>>> {
    match nas::inner_type(message)? {
        MessageType::SECURITY_MODE_COMPLETE => Ok(SecurityModeComplete::decode(message)?
            .container
            .map(|value| place_in(message, value))),
        message_type if message_type.is_initial() => Ok(InitialMessage::parse(message)?.ciphered()),
        _ => Ok(None),
    }
}

/// Where `part`, a piece borrowed from `whole`, lies in it.
pub(crate) fn place_in(whole: &[u8], part: &[u8]) -> Range<usize> {
    let start = (part.as_ptr() as usize).saturating_sub(whole.as_ptr() as usize);
    start..start + part.len()
}

/// COUNT 2^32 - 1, which no 24-bit NAS COUNT can equal; BEARER 1 and DIRECTION 1 (TS 33.501 6.9.2.3.3).
const fn handover_input() -> Input {
    Input {
        count: u32::MAX,
        bearer: AccessType::ThreeGpp.bearer(),
        direction: Direction::Downlink,
    }
}

/// The MAC of a handover container: over the octets behind the MAC, with the integrity key of the context in
/// `place`, the one that will be used in the target.
///
/// # Errors
/// [`Error::NoContext`] when there is no full context in that place.
pub fn handover_mac(ue: &UeSecurity, place: Place, octets: &[u8]) -> Result<[u8; 4]> {
    let keys = ue.context(place).ok_or(Error::NoContext)?.keys()?;
    let mut lane = [MacLane::new(keys.int, handover_input(), octets)];
    algorithm::mac(keys.algorithms.nia, &mut lane);
    Ok(lane[0].mac)
}

/// Checks the MAC of a handover container, as the UE does. Under NIA0 the sender writes zeros and the receiver does not
/// look (TS 33.501 D.1); only an unauthenticated emergency session is there.
///
/// # Errors
/// [`Error::NoContext`], [`Error::Mac`].
pub fn check_handover_mac(
    ue: &UeSecurity,
    place: Place,
    (octets, mac): (&[u8], [u8; 4]),
) -> Result<()> {
    let context = ue.context(place).ok_or(Error::NoContext)?;
    let null = context.keys()?.algorithms.nia == Nia::Nia0;
    if null || ct_eq(&handover_mac(ue, place, octets)?, &mac) {
        Ok(())
    } else {
        Err(Error::Mac)
    }
}
