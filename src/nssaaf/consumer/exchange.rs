//! One POST or PUT with its repetitions, and what its answer means.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hyper::{Method, StatusCode, Uri};
use tokio::sync::OwnedSemaphorePermit;

use super::{Event, Outcome, Shared, Trouble, callbacks};
use crate::base::random;
use crate::nas::nssaa::{EapCode, EapMessage, SNssai, eap_verdict};
use crate::nssaaf::http::HttpError;
use crate::nssaaf::http::client::Answer;
use crate::nssaaf::service::{
    self, AuthStatus, Cause, ProblemDetails, SliceAuthConfirmationData,
    SliceAuthConfirmationResponse, SliceAuthContext, SliceAuthInfo,
};

/// What is to be asked.
pub(super) struct Work {
    pub(super) ticket: u64,
    pub(super) run: u64,
    pub(super) gpsi: String,
    pub(super) s_nssai: SNssai,
    /// Where the NSSAAF keeps it; none: the first request.
    pub(super) context: Option<Uri>,
    /// The UE's EAP packet.
    pub(super) eap: Vec<u8>,
}

/// Longest pause between two attempts.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

pub(super) async fn exchange(shared: Arc<Shared>, work: Work, place: OwnedSemaphorePermit) {
    // Closed only when the runtime ends.
    let Ok(turn) = shared.under_way.acquire().await else {
        return;
    };
    let outcome = asked(&shared, &work).await;
    drop(turn);
    if outcome == Outcome::Trouble(Trouble::Malformed) {
        shared.count(|counts| counts.malformed += 1);
    }
    let ticket = work.ticket;
    shared.tell(Event::Answer { ticket, outcome }, work.run, place);
}

async fn asked(shared: &Shared, work: &Work) -> Outcome {
    match answered(shared, work).await {
        Err(trouble) => Outcome::Trouble(trouble),
        Ok(answer) if work.context.is_none() => begun(shared, work, &answer),
        Ok(answer) => confirmed(work, &answer).unwrap_or(Outcome::Trouble(Trouble::Malformed)),
    }
}

/// Asks until there is an answer worth reading.
async fn answered(shared: &Shared, work: &Work) -> Result<Answer, Trouble> {
    let (method, body) = match work.context {
        None => (Method::POST, service::write(&info(shared, work))),
        Some(_) => (Method::PUT, service::write(&confirmation(work))),
    };
    let body = Bytes::from(body);
    let mut last = Trouble::Unreachable;
    let mut pause = Duration::from_millis(shared.settings.backoff_ms);
    for attempt in 0..shared.settings.attempts as usize {
        if attempt > 0 {
            // Half of it by chance, so that many do not come back at one time.
            tokio::time::sleep(pause.mul_f64(0.5 + 0.5 * chance())).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
            shared.count(|counts| counts.retries += 1);
        }
        let uri = match &work.context {
            Some(context) => context.clone(),
            // The next NSSAAF, if there are several.
            None => first(&shared.roots[attempt % shared.roots.len()]),
        };
        shared.count(|counts| counts.requests += 1);
        match shared.client.ask(&method, &uri, &body).await {
            Ok(answer) => match busy(&answer) {
                None => return Ok(answer),
                Some(trouble) => last = trouble,
            },
            Err(HttpError::Redirect | HttpError::TooLong) => last = Trouble::Malformed,
            Err(HttpError::Uri) => return Err(Trouble::Malformed),
            Err(HttpError::Connect | HttpError::Broken | HttpError::Timeout) => {
                last = Trouble::Unreachable
            }
        }
    }
    Err(last)
}

/// Statuses after which asking again may help.
fn busy(answer: &Answer) -> Option<Trouble> {
    let again = [
        StatusCode::TOO_MANY_REQUESTS,
        StatusCode::INTERNAL_SERVER_ERROR,
        StatusCode::BAD_GATEWAY,
        StatusCode::SERVICE_UNAVAILABLE,
    ];
    again
        .contains(&answer.status)
        .then(|| Trouble::Status(answer.status.as_u16()))
}

fn chance() -> f64 {
    let mut octet = [0];
    // Without randomness all pause equally long: no harm.
    let _ = random::fill(&mut octet);
    f64::from(octet[0]) / 255.0
}

fn first(root: &Uri) -> Uri {
    let path = format!("{}{}", root.path().trim_end_matches('/'), service::PATH);
    let mut parts = root.clone().into_parts();
    parts.path_and_query = path.parse().ok();
    Uri::from_parts(parts).unwrap_or_default()
}

fn info(shared: &Shared, work: &Work) -> SliceAuthInfo {
    let uri = |path| {
        shared
            .callback_root
            .as_ref()
            .map(|root| format!("{root}{path}"))
    };
    SliceAuthInfo {
        gpsi: work.gpsi.clone(),
        snssai: work.s_nssai,
        eap_id_rsp: Some(work.eap.clone()),
        amf_instance_id: shared.settings.amf_instance_id.clone(),
        reauth_notif_uri: uri(callbacks::REAUTH),
        revoc_notif_uri: uri(callbacks::REVOC),
    }
}

fn confirmation(work: &Work) -> SliceAuthConfirmationData {
    SliceAuthConfirmationData {
        gpsi: work.gpsi.clone(),
        snssai: work.s_nssai,
        eap_message: Some(work.eap.clone()),
    }
}

/// The answer to the POST.
fn begun(shared: &Shared, work: &Work, answer: &Answer) -> Outcome {
    if answer.status != StatusCode::CREATED {
        return Outcome::Trouble(trouble(answer));
    }
    let read = || {
        let context: SliceAuthContext = body(answer)?;
        let same = context.gpsi == work.gpsi && context.snssai == work.s_nssai;
        let place = answer.location.clone().filter(|_| same)?;
        // This answer has no result: the EAP packet says it, if it says it already.
        let outcome = verdict(context.eap_message?, None)?;
        Some((place, outcome))
    };
    let Some((place, outcome)) = read() else {
        return Outcome::Trouble(Trouble::Malformed);
    };
    if let Some(run) = shared.runs().get_mut(&work.ticket)
        && run.number == work.run
    {
        run.context = Some(place);
    }
    outcome
}

/// The answer to a PUT.
fn confirmed(work: &Work, answer: &Answer) -> Option<Outcome> {
    if answer.status != StatusCode::OK {
        return Some(Outcome::Trouble(trouble(answer)));
    }
    let response: SliceAuthConfirmationResponse = body(answer)?;
    if response.gpsi != work.gpsi || response.snssai != work.s_nssai {
        return None;
    }
    let code = match response.auth_result {
        None => EapCode::Request,
        Some(AuthStatus::EapSuccess) => EapCode::Success,
        Some(AuthStatus::EapFailure) => EapCode::Failure,
        Some(AuthStatus::Pending) => return None,
    };
    match response.eap_message {
        Some(eap) => verdict(eap, Some(code)),
        // The UE gets one all the same, for the response it sent last.
        None if code != EapCode::Request => {
            let last = EapMessage::parse(&work.eap).ok()?;
            verdict(eap_verdict(code, last.identifier()).to_vec(), Some(code))
        }
        None => None,
    }
}

/// An EAP packet for the UE: a request, or a verdict that agrees with the result.
fn verdict(eap: Vec<u8>, expected: Option<EapCode>) -> Option<Outcome> {
    let code = EapMessage::parse(&eap).ok()?.code();
    if expected.is_some_and(|expected| expected != code) {
        return None;
    }
    match code {
        EapCode::Request => Some(Outcome::Request(eap)),
        EapCode::Success => Some(Outcome::Success(eap)),
        EapCode::Failure => Some(Outcome::Failure(eap)),
        EapCode::Response => None,
    }
}

fn body<T: serde::de::DeserializeOwned>(answer: &Answer) -> Option<T> {
    service::is_json(&answer.content_type).then_some(())?;
    service::read(&answer.body).ok()
}

fn trouble(answer: &Answer) -> Trouble {
    let problem: Option<ProblemDetails> = body(answer);
    let cause = problem.and_then(|problem| Cause::of(&problem.cause?));
    match (answer.status, cause) {
        (StatusCode::FORBIDDEN, _) => Trouble::Rejected,
        (StatusCode::NOT_FOUND, Some(Cause::UserNotFound)) => Trouble::UserNotFound,
        // Without a cause too: beginning anew is what helps.
        (StatusCode::NOT_FOUND, _) => Trouble::ContextNotFound,
        (StatusCode::GATEWAY_TIMEOUT, Some(cause)) => Trouble::Upstream(cause),
        (StatusCode::GATEWAY_TIMEOUT, None) => Trouble::Upstream(Cause::UpstreamServerError),
        (StatusCode::CREATED | StatusCode::OK, _) => Trouble::Malformed,
        (status, _) => Trouble::Status(status.as_u16()),
    }
}
