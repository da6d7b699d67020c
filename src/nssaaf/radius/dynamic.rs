//! Dynamic authorisation (RFC 5176): the AAA server asks, and is answered ACK or NAK. Of its requests only the
//! Disconnect-Request has a meaning here: revocation (TS 29.561 16.3).

use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use super::client::SharedSecret;
use super::packet::{Authenticator, Builder, Packet, RadiusError};
use super::{attribute, code, slice};
use crate::nas::nssaa::SNssai;

/// Error-Cause (RFC 5176 3.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum ErrorCause {
    /// An attribute that must be there is missing.
    MissingAttribute = 402,
    /// A request of another kind.
    UnsupportedExtension = 406,
    /// An attribute says nothing that can be.
    InvalidAttributeValue = 407,
    /// This server may not ask for this slice.
    AdministrativelyProhibited = 501,
    /// No room for it now.
    ResourcesUnavailable = 506,
}

/// Someone who may ask.
#[derive(Clone)]
pub struct Asker {
    /// Where from.
    pub from: IpAddr,
    /// The secret shared with it.
    pub secret: SharedSecret,
    /// True: a request without Message-Authenticator is not answered.
    pub message_authenticator: bool,
    /// For which slices it may ask.
    pub slices: Vec<SNssai>,
}

impl std::fmt::Debug for Asker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Asker({}, {:?})", self.from, self.slices)
    }
}

/// Why a packet is not answered at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Silence {
    /// From an address of nobody who may ask.
    Stranger,
    /// Malformed, or not authentic.
    Packet(RadiusError),
    /// Not a request.
    Code,
    /// Its Event-Timestamp is too far from this clock: replayed, or clocks differ (RFC 5176 6.3).
    Stale,
}

/// A revocation that was asked for with every right.
#[derive(Clone, PartialEq, Eq)]
pub struct Revocation {
    /// The subscription.
    pub gpsi: String,
    /// The slice in the HPLMN.
    pub s_nssai: SNssai,
}

impl std::fmt::Debug for Revocation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Revocation({}, ..)", self.s_nssai)
    }
}

/// What a packet led to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// To be sent back.
    pub octets: Vec<u8>,
    /// To be carried out; none for a NAK and for a request that came again.
    pub revocation: Option<Revocation>,
}

/// How far an Event-Timestamp may be off (RFC 5176 6.3 recommends 300 s).
const SKEW: u64 = 300;
/// How long the answer to a request is kept for its retransmissions.
const KEPT: Duration = Duration::from_secs(30);
/// How many are kept.
const MOST_KEPT: usize = 1024;

struct Known {
    from: SocketAddr,
    authenticator: Authenticator,
    answer: Vec<u8>,
    at: Instant,
}

/// The side that is asked.
#[derive(Default)]
pub struct Dynamic {
    askers: Vec<Asker>,
    answered: VecDeque<Known>,
}

impl std::fmt::Debug for Dynamic {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(&self.askers).finish()
    }
}

impl Dynamic {
    /// Who may ask for what.
    #[must_use]
    pub fn new(askers: Vec<Asker>) -> Self {
        Self {
            askers,
            answered: VecDeque::new(),
        }
    }

    /// One packet. `now` is the clock's time in seconds since 1970, `room` whether a revocation can be taken.
    ///
    /// # Errors
    /// Why it is not answered.
    pub fn receive(
        &mut self,
        octets: &[u8],
        from: SocketAddr,
        now: u64,
        room: bool,
    ) -> Result<Answer, Silence> {
        let packet = Packet::parse(octets).map_err(Silence::Packet)?;
        let nak = match packet.code() {
            code::DISCONNECT_REQUEST => code::DISCONNECT_NAK,
            code::COA_REQUEST => code::COA_NAK,
            _ => return Err(Silence::Code),
        };
        let (secret, slices) = self.authentic(&packet, from.ip())?;
        if let Some(time) = packet.attribute(attribute::EVENT_TIMESTAMP) {
            let time: [u8; 4] = time
                .try_into()
                .map_err(|_| Silence::Packet(RadiusError::Attribute))?;
            if now.abs_diff(u32::from_be_bytes(time).into()) > SKEW {
                return Err(Silence::Stale);
            }
        }
        self.answered.retain(|known| known.at.elapsed() < KEPT);
        let same =
            |known: &&Known| known.from == from && known.authenticator == packet.authenticator();
        if let Some(known) = self.answered.iter().find(same) {
            return Ok(Answer {
                octets: known.answer.clone(),
                revocation: None,
            });
        }
        let wanted = wanted(&packet, &slices).and_then(|wanted| match room {
            true => Ok(wanted),
            false => Err(ErrorCause::ResourcesUnavailable),
        });
        let reply = reply(&packet, nak, wanted.as_ref().err().copied());
        let octets = reply
            .map_err(Silence::Packet)?
            .reply(&secret, &packet.authenticator());
        if self.answered.len() >= MOST_KEPT {
            self.answered.pop_front();
        }
        self.answered.push_back(Known {
            from,
            authenticator: packet.authenticator(),
            answer: octets.clone(),
            at: Instant::now(),
        });
        Ok(Answer {
            octets,
            revocation: wanted.ok(),
        })
    }

    /// The secret under which the packet is authentic, and all slices that this secret may ask for from there.
    fn authentic(
        &self,
        packet: &Packet<'_>,
        from: IpAddr,
    ) -> Result<(SharedSecret, Vec<SNssai>), Silence> {
        let mut why = Silence::Stranger;
        let mut known: Option<(SharedSecret, Vec<SNssai>)> = None;
        for asker in self.askers.iter().filter(|asker| asker.from == from) {
            match packet.verify_dynamic(&asker.secret, asker.message_authenticator) {
                // Under another one's secret the authenticator is wrong; what is told is what was wrong under its own.
                Err(RadiusError::Authenticator) if why != Silence::Stranger => (),
                Err(error) => why = Silence::Packet(error),
                Ok(()) => {
                    let (_, slices) = known.get_or_insert((asker.secret.clone(), Vec::new()));
                    slices.extend(&asker.slices);
                }
            }
        }
        known.ok_or(why)
    }
}

fn wanted(packet: &Packet<'_>, slices: &[SNssai]) -> Result<Revocation, ErrorCause> {
    if packet.code() != code::DISCONNECT_REQUEST {
        return Err(ErrorCause::UnsupportedExtension);
    }
    let named = [attribute::CALLING_STATION_ID, attribute::VENDOR_SPECIFIC];
    if !packet.attributes().any(|(kind, _)| named.contains(&kind)) {
        return Err(ErrorCause::MissingAttribute);
    }
    let s_nssai = slice::s_nssai(packet).ok_or(ErrorCause::MissingAttribute)?;
    if !slices.contains(&s_nssai) {
        return Err(ErrorCause::AdministrativelyProhibited);
    }
    let gpsi =
        slice::gpsi(packet).ok_or(match packet.attribute(attribute::CALLING_STATION_ID) {
            Some(_) => ErrorCause::InvalidAttributeValue,
            None => ErrorCause::MissingAttribute,
        })?;
    Ok(Revocation { gpsi, s_nssai })
}

fn reply(
    packet: &Packet<'_>,
    nak: u8,
    refused: Option<ErrorCause>,
) -> Result<Builder, RadiusError> {
    let code = if refused.is_some() {
        nak
    } else {
        code::DISCONNECT_ACK
    };
    let mut reply = Builder::new(code, packet.identifier());
    // Those of proxies, all and in order (RFC 5176 3.1).
    for (_, value) in packet
        .attributes()
        .filter(|(kind, _)| *kind == attribute::PROXY_STATE)
    {
        if !value.is_empty() {
            reply.attribute(attribute::PROXY_STATE, value)?;
        }
    }
    if let Some(cause) = refused {
        reply.attribute(attribute::ERROR_CAUSE, &(cause as u32).to_be_bytes())?;
    }
    Ok(reply)
}
