//! Re-authentication and revocation to the AMFs (TS 23.502 4.2.9.3, 4.2.9.4; TS 29.526 5.2.2.3, 5.2.2.4).

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use hyper::{Method, Uri};
use tokio::net::UdpSocket;

use super::Shared;
use super::amfs::Place;
use super::config::TwoAmfs;
use crate::nas::nssaa::SNssai;
use crate::nssaaf::radius::dynamic::{Dynamic, Silence};
use crate::nssaaf::service::{self, NotificationType, SliceAuthNotification};

/// A packet at the port for dynamic authorisation: answered here, carried out by a task.
pub(super) async fn asked(
    shared: &Arc<Shared>,
    dynamic: &mut Dynamic,
    (socket, from): (&UdpSocket, SocketAddr),
    octets: &[u8],
) {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |now| now.as_secs());
    let place = shared.notifying.clone().try_acquire_owned();
    let answer = match dynamic.receive(octets, from, now, place.is_ok()) {
        Ok(answer) => answer,
        Err(why) => {
            shared.tally.not_answered.fetch_add(1, Relaxed);
            let why = match why {
                Silence::Stranger => "nobody who may ask".to_owned(),
                Silence::Packet(error) => error.to_string(),
                Silence::Code => "no request".to_owned(),
                Silence::Stale => "Event-Timestamp too far off; compare the clocks".to_owned(),
            };
            shared.say(&format!(
                "dynamic authorisation from {from}: not answered: {why}"
            ));
            return;
        }
    };
    // The AAA server has its answer first, whatever becomes of the notification (4.2.9.4 step 3).
    let _ = socket.send_to(&answer.octets, from).await;
    let (Some(revocation), Ok(place)) = (answer.revocation, place) else {
        return;
    };
    shared.tally.revocations.fetch_add(1, Relaxed);
    let shared = shared.clone();
    tokio::spawn(async move {
        let what = NotificationType::SliceRevocation;
        notify(&shared, what, &revocation.gpsi, revocation.s_nssai).await;
        drop(place);
    });
}

/// Tells the AMFs; returns how many took it.
pub(super) async fn notify(
    shared: &Shared,
    what: NotificationType,
    gpsi: &str,
    s_nssai: SNssai,
) -> usize {
    let remembered = shared.amfs.remembered(gpsi, s_nssai);
    let mut told = tell_all(shared, &remembered, what, (gpsi, s_nssai)).await;
    if told == 0 {
        // Never asked, or gone since: who serves the UE now?
        if !remembered.is_empty() {
            shared.amfs.forget(gpsi, s_nssai);
        }
        let asked = shared.amfs.asked(&shared.client, gpsi).await;
        told = tell_all(shared, &asked, what, (gpsi, s_nssai)).await;
    }
    if told == 0 {
        shared.tally.nobody.fetch_add(1, Relaxed);
        shared.say(&format!(
            "{what:?} for slice {s_nssai}: no AMF is registered, or none took it"
        ));
    }
    told
}

async fn tell_all(
    shared: &Shared,
    places: &[Place],
    what: NotificationType,
    about: (&str, SNssai),
) -> usize {
    let mut uris: Vec<&Uri> = places.iter().filter_map(|place| place.of(what)).collect();
    uris.dedup(); // one AMF for both accesses is told once
    match (shared.notify.two_amfs, uris.as_slice()) {
        (TwoAmfs::Together, [one, other]) => {
            let both = tokio::join!(
                tell(shared, one, what, about),
                tell(shared, other, what, about)
            );
            usize::from(both.0) + usize::from(both.1)
        }
        _ => {
            let mut told = 0;
            for uri in uris {
                told += usize::from(tell(shared, uri, what, about).await);
            }
            told
        }
    }
}

/// One notification with its repetitions; true when the AMF took it.
async fn tell(
    shared: &Shared,
    uri: &Uri,
    what: NotificationType,
    (gpsi, s_nssai): (&str, SNssai),
) -> bool {
    let body = SliceAuthNotification {
        notif_type: what,
        gpsi: gpsi.to_owned(),
        snssai: s_nssai,
        supi: None,
    };
    let body = Bytes::from(service::write(&body));
    let mut pause = Duration::from_millis(100);
    for attempt in 0..shared.notify.attempts {
        if attempt > 0 {
            tokio::time::sleep(pause).await;
            pause *= 2;
        }
        match shared.client.ask(&Method::POST, uri, &body).await {
            Ok(answer) if answer.status.is_success() => {
                shared.tally.notified.fetch_add(1, Relaxed);
                return true;
            }
            // It does not know the UE, or not what this is.
            Ok(answer) if answer.status.is_client_error() && answer.status.as_u16() != 429 => {
                return false;
            }
            _ => (),
        }
    }
    false
}
