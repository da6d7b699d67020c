//! POST and PUT of slice-authentications (TS 29.526 5.2.2.2): the EAP packet into RADIUS, and what comes back.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use hyper::{Method, StatusCode};

use super::Shared;
use super::contexts::{Found, Talk};
use crate::nas::nssaa::{EapCode, EapMessage, eap_verdict};
use crate::nssaaf::eap;
use crate::nssaaf::http::{Handler, Reply, Request};
use crate::nssaaf::radius::client::AskError;
use crate::nssaaf::radius::slice::{self, Gpsi};
use crate::nssaaf::radius::{Builder, Packet, RadiusError, attribute, code};
use crate::nssaaf::service::{
    self, AuthStatus, Cause, JsonError, PATH, SliceAuthConfirmationData,
    SliceAuthConfirmationResponse, SliceAuthContext, SliceAuthInfo,
};

pub(super) struct Relay(pub(super) Arc<Shared>);

impl Handler for Relay {
    async fn handle(&self, request: Request) -> Reply {
        let shared = self.0.clone();
        // A task of its own: when the AMF goes away, what the AAA server says is kept for the AMF's next try.
        let work = match (request.path.strip_prefix(PATH), &request.method) {
            (Some("" | "/"), &Method::POST) => {
                tokio::spawn(async move { post(&shared, &request).await })
            }
            (Some(rest), &Method::PUT) if rest.len() > 1 && rest.starts_with('/') => {
                let name = rest[1..].to_owned();
                tokio::spawn(async move { put(&shared, &name, &request).await })
            }
            (Some(_), _) => return Reply::empty(StatusCode::METHOD_NOT_ALLOWED),
            (None, _) => return Reply::empty(StatusCode::NOT_FOUND),
        };
        let failed = |_| Reply::problem(&Cause::SystemFailure.problem(""));
        work.await.unwrap_or_else(failed)
    }
}

fn malformed(shared: &Shared, why: &JsonError) -> Reply {
    shared.tally.malformed.fetch_add(1, Relaxed);
    let why = why.to_string();
    let cause = if why.contains("missing field") {
        Cause::MandatoryIeMissing
    } else {
        Cause::InvalidMsgFormat
    };
    Reply::problem(&cause.problem(&why))
}

fn incorrect(shared: &Shared, why: &str) -> Reply {
    shared.tally.malformed.fetch_add(1, Relaxed);
    Reply::problem(&Cause::MandatoryIeIncorrect.problem(why))
}

fn refused(shared: &Shared, cause: Cause, why: &str) -> Reply {
    shared.tally.refused.fetch_add(1, Relaxed);
    Reply::problem(&cause.problem(why))
}

/// The EAP packet of a body: a response that NAS could have carried.
fn response(eap: Option<&Vec<u8>>) -> Option<EapMessage<'_>> {
    let message = EapMessage::parse(eap?).ok()?;
    (message.code() == EapCode::Response).then_some(message)
}

async fn post(shared: &Shared, request: &Request) -> Reply {
    let info: SliceAuthInfo = match service::read(&request.body) {
        Ok(info) => info,
        Err(why) => return malformed(shared, &why),
    };
    let Some(message) = response(info.eap_id_rsp.as_ref()) else {
        return incorrect(shared, "eapIdRsp is no EAP-Response");
    };
    if Gpsi::parse(&info.gpsi).is_none() {
        return refused(
            shared,
            Cause::UserNotFound,
            "RADIUS carries msisdn- and extid- only",
        );
    }
    let Some(group) = shared.group(info.snssai) else {
        return refused(
            shared,
            Cause::SliceAuthRejected,
            "no AAA server is configured for this S-NSSAI",
        );
    };
    if !shared.contexts().room() {
        return refused(shared, Cause::NfCongestion, "too many authentications");
    }
    shared.amfs.remember(&info);
    let talk = Talk {
        gpsi: info.gpsi.as_str().into(),
        s_nssai: info.snssai,
        group,
        server: None,
        state: None,
        identity: eap::identity(message).map(<[u8]>::to_vec),
    };
    let (talk, answer) = match ask(shared, talk, message).await {
        Ok(answered) => answered,
        Err(reply) => return reply,
    };
    shared.tally.begun.fetch_add(1, Relaxed);
    if answer.result == Some(AuthStatus::EapFailure) {
        // SliceAuthContext has no result that could say so.
        return refused(
            shared,
            Cause::SliceAuthRejected,
            "the AAA server rejects the user at once",
        );
    }
    let Some(name) = shared.contexts().open(talk, answer.result.is_some()) else {
        return refused(shared, Cause::NfCongestion, "too many authentications");
    };
    let location = format!("{}{PATH}/{name}", shared.api_root);
    let context = SliceAuthContext {
        gpsi: info.gpsi,
        snssai: info.snssai,
        auth_ctx_id: name.to_string(),
        eap_message: Some(answer.eap),
    };
    let mut reply = Reply::json(StatusCode::CREATED, service::write(&context));
    reply.location = Some(location);
    reply
}

async fn put(shared: &Shared, name: &str, request: &Request) -> Reply {
    let data: SliceAuthConfirmationData = match service::read(&request.body) {
        Ok(data) => data,
        Err(why) => return malformed(shared, &why),
    };
    let Some(message) = response(data.eap_message.as_ref()) else {
        return incorrect(shared, "eapMessage is no EAP-Response");
    };
    let found = shared
        .contexts()
        .enter(name, (&data.gpsi, data.snssai), message.octets());
    let talk = match found {
        Found::Talk(talk) => talk,
        Found::Again(reply) => return reply,
        Found::Busy => {
            return refused(shared, Cause::NfCongestion, "the AAA server is being asked");
        }
        Found::Other => return incorrect(shared, "gpsi or snssai is not that of this context"),
        Found::None => return refused(shared, Cause::ContextNotFound, ""),
    };
    let asked = ask(shared, talk, message).await;
    let eap = message.octets().to_vec();
    match asked {
        Err(reply) => {
            shared.contexts().done(name, None, (eap, &reply), false);
            reply
        }
        Ok((talk, answer)) => {
            shared.tally.rounds.fetch_add(1, Relaxed);
            let body = SliceAuthConfirmationResponse {
                gpsi: data.gpsi,
                snssai: data.snssai,
                eap_message: Some(answer.eap),
                auth_result: answer.result,
            };
            let reply = Reply::json(StatusCode::OK, service::write(&body));
            let finished = answer.result.is_some();
            shared
                .contexts()
                .done(name, Some(talk), (eap, &reply), finished);
            reply
        }
    }
}

/// What the AAA server says.
struct Answer {
    eap: Vec<u8>,
    result: Option<AuthStatus>,
}

/// One round with the AAA server. The error is the answer to the AMF.
async fn ask(
    shared: &Shared,
    mut talk: Talk,
    message: EapMessage<'_>,
) -> Result<(Talk, Answer), Reply> {
    let group = &shared.groups[talk.group];
    let first = talk.state.is_none();
    let build = |to: &mut Builder| -> Result<(), RadiusError> {
        if let Some(identity) = &talk.identity {
            to.attribute(attribute::USER_NAME, identity)?;
        }
        if let Some(gpsi) = Gpsi::parse(&talk.gpsi) {
            gpsi.put(to)?;
        }
        to.attribute(attribute::NAS_IDENTIFIER, shared.nas_identifier.as_bytes())?;
        to.attribute(
            attribute::FRAMED_MTU,
            &u32::from(group.framed_mtu).to_be_bytes(),
        )?;
        if first {
            slice::put_s_nssai(to, talk.s_nssai)?;
        }
        to.eap(message.octets())?;
        if let Some(state) = &talk.state {
            to.attribute(attribute::STATE, state)?;
        }
        Ok(())
    };
    let asked = group.radius.ask(talk.server, build).await;
    let (server, octets) = asked.map_err(|error| unanswered(shared, group.name.as_str(), error))?;
    let understood = Packet::parse(&octets).ok().and_then(|reply| {
        let state = reply.attribute(attribute::STATE).map(<[u8]>::to_vec);
        Some((state, understood(&reply, first, message.identifier())?))
    });
    let Some((state, answer)) = understood else {
        shared.tally.unanswered.fetch_add(1, Relaxed);
        shared.say(&format!(
            "aaa {:?}: a reply without a fitting EAP-Message",
            group.name
        ));
        return Err(Reply::problem(
            &Cause::UpstreamServerError.problem("the AAA server's reply makes no sense"),
        ));
    };
    match answer.result {
        Some(AuthStatus::EapSuccess) => shared.tally.succeeded.fetch_add(1, Relaxed),
        Some(_) => shared.tally.failed.fetch_add(1, Relaxed),
        None => 0,
    };
    // A challenge without State is answered without: the server keeps none.
    talk.state = state;
    talk.server = Some(server);
    Ok((talk, answer))
}

fn unanswered(shared: &Shared, group: &str, error: AskError) -> Reply {
    let cause = match error {
        AskError::Timeout => {
            shared.tally.unanswered.fetch_add(1, Relaxed);
            shared.say(&format!("aaa {group:?}: no answer"));
            Cause::TimedOutRequest
        }
        AskError::Full => {
            return refused(
                shared,
                Cause::NfCongestion,
                "too many questions to the AAA server",
            );
        }
        AskError::Packet(_) => return incorrect(shared, "does not fit into RADIUS"),
        AskError::System => Cause::NetworkFailure,
    };
    Reply::problem(&cause.problem(""))
}

/// What a reply means. `None`: it makes no sense. Where code and EAP packet disagree, nothing succeeds (RFC 3579 2.6.3).
///
/// In the middle of a conversation a reject without EAP-Message is no verdict on the UE: FreeRADIUS answers so when it
/// was restarted and knows the State no more. At the beginning it is one: the server wants no conversation.
fn understood(reply: &Packet<'_>, first: bool, asked: u8) -> Option<Answer> {
    let eap = reply.eap();
    let code = eap
        .as_ref()
        .map(|eap| EapMessage::parse(eap).map(|message| message.code()));
    let (eap, result) = match (reply.code(), code) {
        (code::ACCESS_CHALLENGE, Some(Ok(EapCode::Request))) => (eap?, None),
        (code::ACCESS_ACCEPT, Some(Ok(EapCode::Success))) => (eap?, Some(AuthStatus::EapSuccess)),
        (code::ACCESS_REJECT, Some(Ok(EapCode::Failure))) => (eap?, Some(AuthStatus::EapFailure)),
        (code::ACCESS_REJECT, None) if !first => return None,
        // A reject is a reject, whatever else it carries.
        (code::ACCESS_REJECT, _) => {
            let failure = eap_verdict(EapCode::Failure, asked).to_vec();
            (failure, Some(AuthStatus::EapFailure))
        }
        _ => return None,
    };
    Some(Answer { eap, result })
}
