//! The NSSAAF between a RADIUS server, AMFs, a UDM and an NRF that the test plays.

use std::time::{Duration, Instant};

use naslane::nssaaf::http::client::Answer;
use naslane::nssaaf::http::{Client, Method, Reply, StatusCode, Uri};
use naslane::nssaaf::producer::Nssaaf;
use naslane::nssaaf::producer::config::Config;
use naslane::nssaaf::radius::attribute;
use naslane::nssaaf::service::PATH;
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::fake::{Heard, Http, Radius, SECRET, runtime};

const GPSI: &str = "msisdn-491700000001";
const IDENTITY: &str = "AgEACQFhQGJj"; // EAP-Response/Identity a@bc
const RESPONSE: &str = "AgIABg0A"; // EAP-Response, EAP-TLS acknowledgement

struct World {
    nssaaf: Nssaaf,
    client: Client,
    runtime: Runtime,
    radius: Radius,
}

impl World {
    fn start(before: &str, after: &str) -> Self {
        let radius = Radius::start();
        let text = format!(
            "listen = \"127.0.0.1:0\"\nadmin = \"127.0.0.1:0\"\n{before}\n[[aaa]]\nname = \"a\"\nslices = [\"1\"]\n\
             servers = [{{ address = \"{}\", secret = \"{SECRET}\" }}]\nfirst_ms = 100\ntransmissions = 3\n{after}",
            radius.address
        );
        let config = Config::parse(&text).unwrap();
        let nssaaf = Nssaaf::start(&config, Box::new(|_| ())).unwrap();
        let client = Client::new(None, Duration::from_secs(20));
        Self {
            nssaaf,
            client,
            runtime: runtime(),
            radius,
        }
    }

    fn ask(&self, method: &Method, uri: &str, body: &Value) -> Answer {
        let uri: Uri = match uri.strip_prefix('/') {
            Some(_) => format!("http://{}{uri}", self.nssaaf.address())
                .parse()
                .unwrap(),
            None => uri.parse().unwrap(),
        };
        let body = serde_json::to_vec(body).unwrap().into();
        self.runtime
            .block_on(self.client.ask(method, &uri, &body))
            .unwrap()
    }

    fn post(&self, more: &Value) -> Answer {
        let mut body = json!({ "gpsi": GPSI, "snssai": { "sst": 1 }, "eapIdRsp": IDENTITY });
        for (name, value) in more.as_object().unwrap() {
            body[name] = value.clone();
        }
        self.ask(&Method::POST, PATH, &body)
    }

    fn put(&self, place: &Uri, eap: &str) -> Answer {
        let body = json!({ "gpsi": GPSI, "snssai": { "sst": 1 }, "eapMessage": eap });
        self.ask(&Method::PUT, &place.to_string(), &body)
    }

    /// An operator asks for this; how many AMFs took it.
    fn notify(&self, what: &str) -> u64 {
        let uri = format!("http://{}/{what}", self.nssaaf.admin().unwrap());
        let answer = self.ask(
            &Method::POST,
            &uri,
            &json!({ "gpsi": GPSI, "snssai": { "sst": 1 } }),
        );
        body(&answer)["notified"].as_u64().unwrap()
    }
}

fn body(answer: &Answer) -> Value {
    serde_json::from_slice(&answer.body).unwrap()
}

fn cause(answer: &Answer) -> (u16, String) {
    (
        answer.status.as_u16(),
        body(answer)["cause"]
            .as_str()
            .unwrap_or_default()
            .to_owned(),
    )
}

fn takes_all() -> Http {
    Http::start(|_| Reply::empty(StatusCode::NO_CONTENT))
}

fn amf(instance: &str, at: &Http) -> Value {
    json!({
        "amfInstanceId": instance,
        "reauthNotifUri": format!("{}/re", at.root),
        "revocNotifUri": format!("{}/rv", at.root)
    })
}

#[test]
fn what_goes_into_radius() {
    let world = World::start("nas_identifier = \"here\"", "");
    let created = world.post(&json!({}));
    assert_eq!(created.status, StatusCode::CREATED);
    let place = created.location.clone().unwrap();
    assert!(
        place.path().starts_with(PATH)
            && place
                .path()
                .ends_with(body(&created)["authCtxId"].as_str().unwrap())
    );
    assert_eq!(body(&created)["eapMessage"], "AQIABg0g");
    let confirmed = world.put(&place, RESPONSE);
    assert_eq!(
        (confirmed.status, &body(&confirmed)["authResult"]),
        (StatusCode::OK, &json!("EAP_SUCCESS"))
    );
    let heard = world.radius.heard.lock().unwrap().clone();
    let value = |request: usize, kind: u8| {
        let found = heard[request].iter().find(|(k, _)| *k == kind);
        found.map(|(_, value)| value.clone())
    };
    for request in [0, 1] {
        assert_eq!(
            heard[request][0].0,
            attribute::MESSAGE_AUTHENTICATOR,
            "it stands first"
        );
        assert_eq!(value(request, attribute::USER_NAME), Some(b"a@bc".to_vec()));
        assert_eq!(
            value(request, attribute::CALLING_STATION_ID),
            Some(b"491700000001".to_vec())
        );
        assert_eq!(
            value(request, attribute::NAS_IDENTIFIER),
            Some(b"here".to_vec())
        );
        assert_eq!(
            value(request, attribute::FRAMED_MTU),
            Some(1400_u32.to_be_bytes().to_vec())
        );
    }
    let s_nssai = vec![0, 0, 0x28, 0xaf, 200, 3, 1];
    assert_eq!(value(0, attribute::VENDOR_SPECIFIC), Some(s_nssai));
    assert_eq!(
        (
            value(1, attribute::VENDOR_SPECIFIC),
            value(0, attribute::STATE)
        ),
        (None, None)
    );
    assert_eq!(value(1, attribute::STATE), Some(b"where we are".to_vec()));
}

#[test]
fn a_put_that_comes_again_gets_the_same_answer() {
    let world = World::start("", "");
    let place = world.post(&json!({})).location.unwrap();
    let first = world.put(&place, RESPONSE);
    let again = world.put(&place, RESPONSE);
    assert_eq!((first.status, &first.body), (again.status, &again.body));
    assert_eq!(
        world.radius.heard.lock().unwrap().len(),
        2,
        "the AAA server heard it once"
    );
    // It is over: another response finds nothing.
    assert_eq!(
        cause(&world.put(&place, "AgMABg0A")),
        (404, "CONTEXT_NOT_FOUND".into())
    );
}

#[test]
fn requests_that_are_refused() {
    let world = World::start("", "");
    let place = world.post(&json!({})).location.unwrap();
    for (more, expected) in [
        (json!({ "gpsi": "imsi-1" }), (404, "USER_NOT_FOUND")),
        (
            json!({ "snssai": { "sst": 9 } }),
            (403, "SLICE_AUTH_REJECTED"),
        ),
        (json!({ "eapIdRsp": null }), (400, "MANDATORY_IE_INCORRECT")),
        (
            json!({ "eapIdRsp": "AQEABQE=" }),
            (400, "MANDATORY_IE_INCORRECT"),
        ),
        (json!({ "snssai": 1 }), (400, "INVALID_MSG_FORMAT")),
    ] {
        let (status, name) = cause(&world.post(&more));
        assert_eq!((status, name.as_str()), expected, "{more}");
    }
    let long = world.post(&json!({ "later": "x".repeat(70_000) }));
    assert_eq!(long.status, StatusCode::PAYLOAD_TOO_LARGE);
    let missing = world.ask(&Method::POST, PATH, &json!({ "gpsi": GPSI }));
    assert_eq!(cause(&missing), (400, "MANDATORY_IE_MISSING".into()));
    let other =
        json!({ "gpsi": "msisdn-491700000002", "snssai": { "sst": 1 }, "eapMessage": RESPONSE });
    let stolen = world.ask(&Method::PUT, &place.to_string(), &other);
    assert_eq!(cause(&stolen), (400, "MANDATORY_IE_INCORRECT".into()));
    let unknown = format!("{PATH}/00000000000000000000000000000000");
    let unknown = world.ask(&Method::PUT, &unknown, &other);
    assert_eq!(cause(&unknown), (404, "CONTEXT_NOT_FOUND".into()));
    assert_eq!(
        world.ask(&Method::GET, PATH, &json!({})).status,
        StatusCode::METHOD_NOT_ALLOWED
    );
    assert_eq!(
        world.ask(&Method::POST, "/", &json!({})).status,
        StatusCode::NOT_FOUND
    );
    let status = world.nssaaf.status();
    assert_eq!(
        (status.contexts, status.malformed, status.refused),
        (1, 5, 3)
    );
    // It still goes on where it was.
    assert_eq!(world.put(&place, RESPONSE).status, StatusCode::OK);
}

#[test]
fn contexts_are_bounded_and_expire() {
    let world = World::start("[contexts]\nmost = 2\nseconds = 1\n", "");
    let begin = Instant::now();
    let place = world.post(&json!({})).location.unwrap();
    world.post(&json!({}));
    assert_eq!(
        cause(&world.post(&json!({}))),
        (503, "NF_CONGESTION".into())
    );
    while world.post(&json!({})).status != StatusCode::CREATED {
        assert!(begin.elapsed() < Duration::from_secs(20), "nothing expires");
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(
        cause(&world.put(&place, RESPONSE)),
        (404, "CONTEXT_NOT_FOUND".into())
    );
}

#[test]
fn the_amf_that_asked_is_told() {
    let world = World::start("", "");
    assert_eq!(world.notify("revocation"), 0, "nobody asked yet");
    let one = takes_all();
    world.post(&amf("a", &one));
    world.post(&amf("a", &one));
    assert_eq!(world.notify("re-authentication"), 1);
    assert_eq!(world.notify("revocation"), 1);
    let told = |kind: &str, path: &str| -> Heard {
        let body = json!({ "notifType": kind, "gpsi": GPSI, "snssai": { "sst": 1 } });
        (Method::POST, path.to_owned(), body)
    };
    assert_eq!(
        one.heard(),
        [
            told("SLICE_RE_AUTH", "/re"),
            told("SLICE_REVOCATION", "/rv")
        ]
    );
}

#[test]
fn two_amfs_are_told_together_or_in_turn() {
    for how in ["together", "in_turn"] {
        let world = World::start("", &format!("[notify]\ntwo_amfs = \"{how}\"\n"));
        let (one, two) = (takes_all(), takes_all());
        world.post(&amf("a", &one));
        world.post(&amf("b", &two));
        assert_eq!(world.notify("revocation"), 2, "{how}");
        assert_eq!((one.heard().len(), two.heard().len()), (1, 1));
    }
    // In turn: the second hears of it after the first has answered. One that is slow shows the order.
    let world = World::start("", "[notify]\ntwo_amfs = \"in_turn\"\n");
    let order = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let noting = |name: &'static str, pause: u64| {
        let order = order.clone();
        Http::start(move |_| {
            order.lock().unwrap().push((name, "asked"));
            std::thread::sleep(Duration::from_millis(pause));
            order.lock().unwrap().push((name, "answers"));
            Reply::empty(StatusCode::NO_CONTENT)
        })
    };
    let (one, two) = (noting("one", 100), noting("two", 0));
    world.post(&amf("a", &one));
    world.post(&amf("b", &two));
    assert_eq!(world.notify("revocation"), 2);
    let expected = [
        ("one", "asked"),
        ("one", "answers"),
        ("two", "asked"),
        ("two", "answers"),
    ];
    assert_eq!(*order.lock().unwrap(), expected);
}

#[test]
fn an_amf_that_is_gone_or_busy() {
    let world = World::start("", "[notify]\nattempts = 3\ntimeout_ms = 500\n");
    let gone = takes_all();
    world.post(&amf("a", &gone));
    drop(gone);
    assert_eq!(world.notify("revocation"), 0);
    let failures = std::sync::atomic::AtomicU32::new(2);
    let busy = Http::start(move |_| {
        use std::sync::atomic::Ordering::Relaxed;
        let fails = failures
            .fetch_update(Relaxed, Relaxed, |left| left.checked_sub(1))
            .is_ok();
        Reply::empty(if fails {
            StatusCode::SERVICE_UNAVAILABLE
        } else {
            StatusCode::NO_CONTENT
        })
    });
    world.post(&amf("b", &busy));
    assert_eq!(world.notify("revocation"), 1);
    assert_eq!(busy.heard().len(), 3);
}

/// Nobody asked this NSSAAF (it was restarted, say): the UDM knows who serves the UE, the NRF or the settings where
/// that AMF takes notifications.
#[test]
fn the_udm_and_the_nrf_are_asked() {
    let amf_of_nrf = takes_all();
    let amf_of_settings = takes_all();
    let udm = Http::start(|(_, path, _)| {
        let instance = match path.as_str() {
            "/nudm-uecm/v1/msisdn-491700000001/registrations/amf-3gpp-access" => "from-nrf",
            "/nudm-uecm/v1/msisdn-491700000001/registrations/amf-non-3gpp-access" => {
                "from-settings"
            }
            _ => return Reply::empty(StatusCode::NOT_FOUND),
        };
        let body =
            json!({ "amfInstanceId": instance, "deregCallbackUri": "http://x", "guami": {} });
        Reply::json(StatusCode::OK, serde_json::to_vec(&body).unwrap())
    });
    let root = amf_of_nrf.root.clone();
    let nrf = Http::start(move |_| {
        let body = json!({ "validityPeriod": 60, "nfInstances": [{
            "nfInstanceId": "from-nrf", "nfType": "AMF", "nfStatus": "REGISTERED",
            "defaultNotificationSubscriptions": [
                { "notificationType": "N1_MESSAGES", "callbackUri": "http://127.0.0.1:9/" },
                { "notificationType": "NSSAA_REAUTH_NOTIFICATION", "callbackUri": format!("{root}/nre") },
                { "notificationType": "NSSAA_REVOC_NOTIFICATION", "callbackUri": format!("{root}/nrv") }
            ]
        }] });
        Reply::json(StatusCode::OK, serde_json::to_vec(&body).unwrap())
    });
    let tables = format!(
        "[notify]\nudm = \"{}\"\nnrf = \"{}\"\n[[amf]]\ninstance = \"from-settings\"\nreauth = \"{s}/sre\"\nrevoc = \"{s}/srv\"\n",
        udm.root,
        nrf.root,
        s = amf_of_settings.root
    );
    let world = World::start("", &tables);
    assert_eq!(world.notify("revocation"), 2);
    let paths = |http: &Http| {
        http.heard()
            .into_iter()
            .map(|(_, path, _)| path)
            .collect::<Vec<_>>()
    };
    assert_eq!(
        (paths(&amf_of_nrf), paths(&amf_of_settings)),
        (vec!["/nrv".into()], vec!["/srv".into()])
    );
    // One that asked and is gone since: the UDM again.
    let gone = takes_all();
    world.post(&amf("gone", &gone));
    drop(gone);
    assert_eq!(world.notify("re-authentication"), 2);
    // A UE that is registered nowhere.
    let uri = format!("http://{}/revocation", world.nssaaf.admin().unwrap());
    let nobody = json!({ "gpsi": "msisdn-491700000099", "snssai": { "sst": 1 } });
    assert_eq!(
        body(&world.ask(&Method::POST, &uri, &nobody))["notified"],
        0
    );
    assert!(world.nssaaf.status().nobody >= 1);
}

#[test]
fn stopping_lets_the_aaa_server_finish() {
    let world = World::start("", "");
    world.post(&json!({}));
    let address = world.nssaaf.address();
    let begin = Instant::now();
    world.nssaaf.stop();
    assert!(begin.elapsed() < Duration::from_secs(15));
    assert!(std::net::TcpStream::connect(address).is_err());
}
