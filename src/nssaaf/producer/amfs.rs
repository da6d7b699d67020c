//! Which AMF serves a UE: what it told with its requests, else what the UDM and the NRF know (TS 23.502 4.2.9.3 step 2).

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use hyper::{Method, StatusCode, Uri};
use serde::Deserialize;

use super::config::Amf;
use crate::nas::nssaa::SNssai;
use crate::nssaaf::http::Client;
use crate::nssaaf::service::{self, NotificationType, SliceAuthInfo};

/// AMFs remembered for one UE and slice: one for each access.
const EACH: usize = 2;

/// Where an AMF takes notifications.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) instance: Option<String>,
    pub(super) reauth: Option<Uri>,
    pub(super) revoc: Option<Uri>,
}

impl Place {
    pub(super) fn of(&self, what: NotificationType) -> Option<&Uri> {
        match what {
            NotificationType::SliceReAuth => self.reauth.as_ref(),
            NotificationType::SliceRevocation => self.revoc.as_ref(),
        }
    }
}

type Key = (String, SNssai);

#[derive(Default)]
struct Memory {
    places: HashMap<Key, (u64, Vec<Place>)>,
    /// Oldest first.
    ages: BTreeMap<u64, Key>,
    number: u64,
}

/// What is known of AMFs.
pub(super) struct Amfs {
    most: usize,
    known: HashMap<String, Place>,
    udm: Option<Uri>,
    nrf: Option<Uri>,
    memory: Mutex<Memory>,
}

impl Amfs {
    pub(super) fn new(config: &super::config::Notify, amfs: &[Amf]) -> Result<Self, String> {
        let uri = |text: &String| {
            let uri: Result<Uri, _> = text.parse();
            let uri = uri
                .ok()
                .filter(|uri| uri.host().is_some() && uri.scheme().is_some());
            uri.ok_or_else(|| format!("{text:?} is no absolute URI"))
        };
        let mut known = HashMap::new();
        for amf in amfs {
            let (reauth, revoc) = (Some(uri(&amf.reauth)?), Some(uri(&amf.revoc)?));
            let instance = Some(amf.instance.clone());
            known.insert(
                amf.instance.clone(),
                Place {
                    instance,
                    reauth,
                    revoc,
                },
            );
        }
        Ok(Self {
            most: config.remembered,
            known,
            udm: config.udm.as_ref().map(uri).transpose()?,
            nrf: config.nrf.as_ref().map(uri).transpose()?,
            memory: Mutex::default(),
        })
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An AMF asks for a UE and slice: it is the one to notify.
    pub(super) fn remember(&self, info: &SliceAuthInfo) {
        let uri = |text: &Option<String>| text.as_ref().and_then(|text| text.parse::<Uri>().ok());
        let place = Place {
            instance: info.amf_instance_id.clone(),
            reauth: uri(&info.reauth_notif_uri),
            revoc: uri(&info.revoc_notif_uri),
        };
        if place.reauth.is_none() && place.revoc.is_none() {
            return;
        }
        let key = (info.gpsi.clone(), info.snssai);
        let mut memory = self.memory();
        memory.number += 1;
        let number = memory.number;
        let (age, places) = memory.places.entry(key.clone()).or_default();
        let old = std::mem::replace(age, number);
        // Anew by the same AMF, and the latest two.
        places.retain(|known| match (&known.instance, &place.instance) {
            (Some(a), Some(b)) => a != b,
            _ => known != &place,
        });
        places.push(place);
        if places.len() > EACH {
            places.remove(0);
        }
        memory.ages.remove(&old);
        memory.ages.insert(number, key);
        if memory.places.len() > self.most
            && let Some((_, oldest)) = memory.ages.pop_first()
        {
            memory.places.remove(&oldest);
        }
    }

    /// AMFs that asked for this UE and slice.
    pub(super) fn remembered(&self, gpsi: &str, s_nssai: SNssai) -> Vec<Place> {
        let memory = self.memory();
        let places = memory.places.get(&(gpsi.to_owned(), s_nssai));
        places.map(|(_, places)| places.clone()).unwrap_or_default()
    }

    /// These do not serve it any more.
    pub(super) fn forget(&self, gpsi: &str, s_nssai: SNssai) {
        let mut memory = self.memory();
        if let Some((age, _)) = memory.places.remove(&(gpsi.to_owned(), s_nssai)) {
            memory.ages.remove(&age);
        }
    }

    /// The AMFs that the UDM names for the two accesses (Nudm_UECM_Get), each once.
    pub(super) async fn asked(&self, client: &Client, gpsi: &str) -> Vec<Place> {
        let Some(udm) = &self.udm else {
            return Vec::new();
        };
        let mut instances: Vec<String> = Vec::new();
        for access in ["amf-3gpp-access", "amf-non-3gpp-access"] {
            let path = format!("/nudm-uecm/v1/{}/registrations/{access}", escaped(gpsi));
            let registration: Option<Registration> = get(client, udm, &path).await;
            let instance = registration.map(|registration| registration.amf_instance_id);
            instances.extend(instance.filter(|instance| !instances.contains(instance)));
        }
        let mut places = Vec::new();
        for instance in instances {
            if let Some(place) = self.known.get(&instance) {
                places.push(place.clone());
            } else if let Some(nrf) = &self.nrf {
                places.extend(discovered(client, nrf, &instance).await);
            }
        }
        places
    }
}

/// Amf3GppAccessRegistration and AmfNon3GppAccessRegistration (TS 29.503 6.2.6.2.2), the member that counts here.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Registration {
    amf_instance_id: String,
}

/// SearchResult of the NRF (TS 29.510 6.2.6.2.2).
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SearchResult {
    nf_instances: Vec<NfProfile>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct NfProfile {
    nf_instance_id: String,
    #[serde(default)]
    default_notification_subscriptions: Vec<Subscription>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Subscription {
    notification_type: String,
    callback_uri: String,
}

/// Where an AMF takes notifications by default, as the NRF knows it.
async fn discovered(client: &Client, nrf: &Uri, instance: &str) -> Option<Place> {
    let path = format!(
        "/nnrf-disc/v1/nf-instances?target-nf-type=AMF&requester-nf-type=NSSAAF&target-nf-instance-id={}",
        escaped(instance)
    );
    let result: SearchResult = get(client, nrf, &path).await?;
    let profile = result
        .nf_instances
        .into_iter()
        .find(|profile| profile.nf_instance_id == instance)?;
    let of = |kind: &str| {
        let all = &profile.default_notification_subscriptions;
        let one = all
            .iter()
            .find(|subscription| subscription.notification_type == kind);
        one.and_then(|subscription| subscription.callback_uri.parse().ok())
    };
    let place = Place {
        instance: Some(instance.to_owned()),
        reauth: of("NSSAA_REAUTH_NOTIFICATION"),
        revoc: of("NSSAA_REVOC_NOTIFICATION"),
    };
    Some(place)
}

async fn get<T: serde::de::DeserializeOwned>(client: &Client, root: &Uri, path: &str) -> Option<T> {
    let whole = format!("{}{path}", root.path().trim_end_matches('/'));
    let mut parts = root.clone().into_parts();
    parts.path_and_query = Some(whole.parse().ok()?);
    let uri = Uri::from_parts(parts).ok()?;
    let answer = client.ask(&Method::GET, &uri, &Bytes::new()).await.ok()?;
    (answer.status == StatusCode::OK).then_some(())?;
    service::read(&answer.body).ok()
}

/// Percent-encoded for a path segment or a query value (RFC 3986 2.1).
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for octet in text.bytes() {
        match octet {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'@' => {
                out.push(octet.into())
            }
            _ => out.push_str(&format!("%{octet:02X}")),
        }
    }
    out
}
