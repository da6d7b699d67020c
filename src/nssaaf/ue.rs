//! The UE half put together, for load generation and tests: a session's UE half, and an EAP peer for each slice.

use std::collections::HashMap;

use super::eap::{Credentials, Peer, Reply};
use crate::base::{AccessType, Error, Result};
use crate::engine::Engine;
use crate::engine::nssaa::NSSAA_ROOM;
use crate::nas::MessageType;
use crate::nas::nssaa::{EAP_IDENTITY, EapMessage, SNssai};
use crate::procedure::nssaa::UeAction;
use crate::session::Handle;

/// Who the UE is in a slice.
#[derive(Clone, Debug)]
pub struct Account {
    /// The EAP identity.
    pub identity: String,
    /// How it proves that.
    pub credentials: Credentials,
}

/// What a downlink message led to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// This PDU goes back.
    Complete(Vec<u8>),
    /// The run of a slice is over.
    Result {
        /// The slice of the HPLMN.
        s_nssai: SNssai,
        /// What the network says.
        success: bool,
        /// What the peer makes of it: `None` discards it.
        peer: Option<Reply>,
    },
    /// CONFIGURATION UPDATE COMMAND, DEREGISTRATION REQUEST or another message, plain.
    Other(MessageType, Vec<u8>),
    /// Nothing to do.
    Nothing,
}

/// A UE with accounts in slices.
pub struct Subscriber {
    handle: Handle,
    accounts: HashMap<SNssai, Account>,
    peers: HashMap<SNssai, Peer>,
}

impl std::fmt::Debug for Subscriber {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Subscriber({:?})", self.handle)
    }
}

impl Subscriber {
    /// The UE half of this session.
    #[must_use]
    pub fn new(handle: Handle) -> Self {
        Self {
            handle,
            accounts: HashMap::new(),
            peers: HashMap::new(),
        }
    }

    /// The session.
    #[must_use]
    pub fn handle(&self) -> Handle {
        self.handle
    }

    /// Gives the UE an account, or another one than it had.
    pub fn set(&mut self, s_nssai: SNssai, account: Account) {
        self.accounts.insert(s_nssai, account);
    }

    /// A downlink PDU.
    ///
    /// # Errors
    /// Those of [`Engine::verify`] and of the procedure's UE half; [`Error::Slice`] for a slice without an account.
    pub fn hear(&mut self, ues: &Engine, access: AccessType, pdu: &[u8]) -> Result<Heard> {
        let mut plain = vec![0; pdu.len()];
        let received = ues.verify(self.handle, access, pdu, &mut plain);
        received.verdict.result?;
        plain.truncate(received.verdict.len);
        match received.verdict.message_type {
            Some(MessageType::NSSAA_COMMAND) => self.command(ues, access, &plain),
            Some(MessageType::NSSAA_RESULT) => {
                let result = ues.nssaa_ue_result(self.handle, &plain)?;
                let (s_nssai, success) = (result.s_nssai, result.success());
                let peer = self.peers.remove(&s_nssai);
                let peer = peer.and_then(|mut peer| peer.receive(result.eap.octets()).ok());
                Ok(Heard::Result {
                    s_nssai,
                    success,
                    peer,
                })
            }
            Some(other) => Ok(Heard::Other(other, plain)),
            None => Ok(Heard::Nothing),
        }
    }

    fn command(&mut self, ues: &Engine, access: AccessType, plain: &[u8]) -> Result<Heard> {
        let mut out = vec![0; NSSAA_ROOM];
        let len = match ues.nssaa_ue_command(self.handle, (access, plain), &mut out)? {
            UeAction::Working => return Ok(Heard::Nothing),
            UeAction::Again { len } => len,
            UeAction::Peer { s_nssai, request } => {
                let Some(response) = self.respond(s_nssai, request)? else {
                    return Ok(Heard::Nothing);
                };
                ues.nssaa_ue_answer(self.handle, s_nssai, &response, &mut out)?
                    .1
            }
        };
        out.truncate(len);
        Ok(Heard::Complete(out))
    }

    /// The response of the slice's peer; `None`: it discards the request. The AMF's identity request begins anew.
    fn respond(&mut self, s_nssai: SNssai, request: EapMessage<'_>) -> Result<Option<Vec<u8>>> {
        let account = self.accounts.get(&s_nssai).ok_or(Error::Slice)?;
        if request.kind() == Some(EAP_IDENTITY) || !self.peers.contains_key(&s_nssai) {
            let peer = Peer::new(&account.identity, &account.credentials);
            self.peers
                .insert(s_nssai, peer.map_err(|_| Error::Argument)?);
        }
        let peer = self.peers.get_mut(&s_nssai).ok_or(Error::Slice)?;
        Ok(match peer.receive(request.octets()) {
            Ok(Reply::Response(response)) => Some(response),
            Ok(Reply::Success | Reply::Failure) | Err(_) => None,
        })
    }
}
