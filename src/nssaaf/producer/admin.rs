//! What an operator may ask: RADIUS has no request for re-authentication in Release 18 (TS 29.561 16.3), so it starts here.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use hyper::{Method, StatusCode};
use serde::Serialize;

use super::{Shared, notify};
use crate::nssaaf::http::{Handler, Reply, Request};
use crate::nssaaf::service::{self, Cause, NotificationType, Subject};

pub(super) struct Admin(pub(super) Arc<Shared>);

#[derive(Serialize)]
struct Notified {
    notified: usize,
}

impl Handler for Admin {
    async fn handle(&self, request: Request) -> Reply {
        let what = match (request.path.as_str(), &request.method) {
            ("/status", &Method::GET) => {
                return Reply::json(StatusCode::OK, service::write(&self.0.status()));
            }
            ("/re-authentication", &Method::POST) => NotificationType::SliceReAuth,
            ("/revocation", &Method::POST) => NotificationType::SliceRevocation,
            ("/status" | "/re-authentication" | "/revocation", _) => {
                return Reply::empty(StatusCode::METHOD_NOT_ALLOWED);
            }
            _ => return Reply::empty(StatusCode::NOT_FOUND),
        };
        let subject: Subject = match service::read(&request.body) {
            Ok(subject) => subject,
            Err(why) => {
                self.0.tally.malformed.fetch_add(1, Relaxed);
                return Reply::problem(&Cause::InvalidMsgFormat.problem(&why.to_string()));
            }
        };
        let Ok(_place) = self.0.notifying.clone().try_acquire_owned() else {
            return Reply::problem(&Cause::NfCongestion.problem("too many notifications"));
        };
        let notified = notify::notify(&self.0, what, &subject.gpsi, subject.snssai).await;
        Reply::json(StatusCode::OK, service::write(&Notified { notified }))
    }
}
