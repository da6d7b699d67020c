//! Notifications of the NSSAAF (TS 29.526 5.2.2.3, 5.2.2.4): taken when there is room for them, else 503.

use std::sync::Arc;

use hyper::{Method, StatusCode};

use super::{Counts, Event, Shared};
use crate::nssaaf::http::{Handler, Reply, Request};
use crate::nssaaf::service::{self, Cause, NotificationType, SliceAuthNotification};

/// Path of re-authentication, below the callbacks' root.
pub(super) const REAUTH: &str = "/nssaa/re-authentication";
/// Path of revocation.
pub(super) const REVOC: &str = "/nssaa/revocation";

pub(super) struct Callbacks(pub(super) Arc<Shared>);

impl Handler for Callbacks {
    async fn handle(&self, request: Request) -> Reply {
        let expected = match request.path.as_str() {
            REAUTH => NotificationType::SliceReAuth,
            REVOC => NotificationType::SliceRevocation,
            _ => return Reply::empty(StatusCode::NOT_FOUND),
        };
        if request.method != Method::POST {
            return Reply::empty(StatusCode::METHOD_NOT_ALLOWED);
        }
        let body: SliceAuthNotification = match service::read(&request.body) {
            Ok(body) => body,
            Err(why) => {
                self.0.count(malformed);
                return Reply::problem(&Cause::InvalidMsgFormat.problem(&why.to_string()));
            }
        };
        if body.notif_type != expected {
            self.0.count(malformed);
            let problem = Cause::MandatoryIeIncorrect.problem("notifType is not that of this URI");
            return Reply::problem(&problem);
        }
        let Ok(place) = self.0.place() else {
            return Reply::problem(&Cause::NfCongestion.problem("too many events wait"));
        };
        let revokes = body.notif_type == NotificationType::SliceRevocation;
        self.0.count(|counts| {
            counts.notifications += 1;
            counts.revocations += u64::from(revokes);
        });
        let event = Event::Notification {
            what: body.notif_type,
            gpsi: body.gpsi,
            s_nssai: body.snssai,
        };
        self.0.tell(event, 0, place);
        Reply::empty(StatusCode::NO_CONTENT)
    }
}

const fn malformed(counts: &mut Counts) {
    counts.malformed += 1;
    counts.malformed_notifications += 1;
}
