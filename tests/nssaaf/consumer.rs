//! The AMF's side against NSSAAFs that redirect, forget, lie, hang or are gone.

use std::collections::VecDeque;
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use naslane::nas::nssaa::{EapCode, EapMessage, SNssai, eap_verdict};
use naslane::nssaaf::consumer::{Busy, Callbacks, Consumer, Event, Outcome, Settings, Trouble};
use naslane::nssaaf::http::{Client, Handler, Method, Reply, Request, Running, StatusCode, Uri};
use naslane::nssaaf::service::{self, Cause, NotificationType, ProblemDetails};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

const SLICE: SNssai = SNssai::new(1, 1);
const GPSI: &str = "msisdn-491700000001";
const IDENTITY: [u8; 9] = *b"\x02\x01\x00\x09\x01a@bc";
const REQUEST: &str = "AQIABg0g"; // EAP-Request, EAP-TLS start
const PATIENCE: Duration = Duration::from_secs(20);

fn identity() -> EapMessage<'static> {
    const MESSAGE: &[u8] = &IDENTITY;
    EapMessage::parse(MESSAGE).unwrap()
}

/// A server whose answers were written beforehand, one for each request.
struct Script {
    answers: Mutex<VecDeque<Reply>>,
    heard: Mutex<Vec<(Method, String, Value)>>,
}

impl Handler for Script {
    async fn handle(&self, request: Request) -> Reply {
        let body = serde_json::from_slice(&request.body).unwrap_or(Value::Null);
        self.heard
            .lock()
            .unwrap()
            .push((request.method, request.path, body));
        let next = self.answers.lock().unwrap().pop_front();
        match next {
            Some(reply) => reply,
            None => std::future::pending().await,
        }
    }
}

struct Fake {
    script: Arc<Script>,
    root: String,
    _running: Running,
    _runtime: Runtime,
}

impl Fake {
    fn start(answers: Vec<Reply>) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let script = Arc::new(Script {
            answers: Mutex::new(answers.into()),
            heard: Mutex::default(),
        });
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let root = format!("http://{}", listener.local_addr().unwrap());
        let inside = runtime.enter();
        let running = Running::start(listener, None, script.clone()).unwrap();
        drop(inside);
        Self {
            script,
            root,
            _running: running,
            _runtime: runtime,
        }
    }

    fn heard(&self) -> Vec<(Method, String, Value)> {
        self.script.heard.lock().unwrap().clone()
    }
}

fn created(location: &str) -> Reply {
    created_with(location, json!({}))
}

fn created_with(location: &str, changes: Value) -> Reply {
    let mut body = json!({
        "gpsi": GPSI, "snssai": { "sst": 1, "sd": "000001" }, "authCtxId": "c1", "eapMessage": REQUEST
    });
    merge(&mut body, changes);
    let mut reply = Reply::json(StatusCode::CREATED, serde_json::to_vec(&body).unwrap());
    reply.location = (!location.is_empty()).then(|| location.to_owned());
    reply
}

fn merge(body: &mut Value, changes: Value) {
    for (name, value) in changes.as_object().unwrap() {
        body[name] = value.clone();
    }
}

fn confirmed(changes: Value) -> Reply {
    let mut body =
        json!({ "gpsi": GPSI, "snssai": { "sst": 1, "sd": "000001" }, "eapMessage": REQUEST });
    merge(&mut body, changes);
    Reply::json(StatusCode::OK, serde_json::to_vec(&body).unwrap())
}

fn settings(roots: &[&str]) -> Settings {
    Settings {
        nssaaf: roots.iter().map(|root| (*root).to_owned()).collect(),
        timeout_ms: 2000,
        attempts: 2,
        backoff_ms: 10,
        ..Settings::new("")
    }
}

fn start(settings: Settings) -> Consumer {
    Consumer::start(settings, Box::new(|| ())).unwrap()
}

fn next(consumer: &Consumer) -> Outcome {
    match consumer.wait(PATIENCE) {
        Some(Event::Answer { outcome, .. }) => outcome,
        other => panic!("{other:?}"),
    }
}

/// What the first exchange with such answers leads to.
fn begin(answers: Vec<Reply>) -> Outcome {
    let fake = Fake::start(answers);
    let consumer = start(settings(&[&fake.root]));
    consumer.begin(1, (GPSI, SLICE), identity()).unwrap();
    next(&consumer)
}

/// What a second one leads to, after a first that went well.
fn proceed(answers: Vec<Reply>) -> Outcome {
    let mut all = vec![created("/nnssaaf-nssaa/v1/slice-authentications/c1")];
    all.extend(answers);
    let fake = Fake::start(all);
    let consumer = start(settings(&[&fake.root]));
    consumer.begin(1, (GPSI, SLICE), identity()).unwrap();
    assert!(matches!(next(&consumer), Outcome::Request(_)));
    consumer.proceed(1, identity()).unwrap();
    next(&consumer)
}

#[test]
fn post_put_and_the_place_that_the_server_named() {
    let fake = Fake::start(vec![
        created("/elsewhere/c1"),
        confirmed(json!({})),
        confirmed(json!({ "authResult": "EAP_SUCCESS", "eapMessage": null })),
    ]);
    let consumer = start(Settings {
        amf_instance_id: Some("amf".into()),
        ..settings(&[&fake.root])
    });
    consumer.begin(1, (GPSI, SLICE), identity()).unwrap();
    assert_eq!(
        next(&consumer),
        Outcome::Request(vec![1, 2, 0, 6, 13, 0x20])
    );
    consumer.proceed(1, identity()).unwrap();
    assert!(matches!(next(&consumer), Outcome::Request(_)));
    consumer.proceed(1, identity()).unwrap();
    // No EAP packet with the result: the UE gets one for the response it sent last.
    assert_eq!(
        next(&consumer),
        Outcome::Success(eap_verdict(EapCode::Success, 1).to_vec())
    );
    assert_eq!(consumer.runs(), 0);
    let heard = fake.heard();
    assert_eq!(
        (&heard[0].0, heard[0].1.as_str()),
        (&Method::POST, service::PATH)
    );
    assert_eq!(heard[0].2["amfInstanceId"], "amf");
    assert_eq!(heard[0].2["eapIdRsp"], "AgEACQFhQGJj");
    assert_eq!(
        (&heard[1].0, heard[1].1.as_str()),
        (&Method::PUT, "/elsewhere/c1")
    );
    assert_eq!(heard[1].2["eapMessage"], "AgEACQFhQGJj");
}

#[test]
fn release_16_and_redirects() {
    let mut hal = created("/c1");
    hal.content_type = service::HAL_JSON;
    assert!(matches!(begin(vec![hal]), Outcome::Request(_)));
    let fake = Fake::start(vec![created("/c1")]);
    for status in [
        StatusCode::TEMPORARY_REDIRECT,
        StatusCode::PERMANENT_REDIRECT,
    ] {
        let mut away = Reply::empty(status);
        away.location = Some(format!("{}/there", fake.root));
        let first = Fake::start(vec![away]);
        let consumer = start(settings(&[&first.root]));
        fake.script
            .answers
            .lock()
            .unwrap()
            .push_back(created("/c1"));
        consumer.begin(1, (GPSI, SLICE), identity()).unwrap();
        assert!(matches!(next(&consumer), Outcome::Request(_)));
        let heard = fake.heard();
        let last = heard.last().unwrap();
        assert_eq!(
            (&last.0, last.1.as_str(), &last.2["gpsi"]),
            (&Method::POST, "/there", &json!(GPSI))
        );
    }
    // In circles, and to nowhere.
    let mut round = Reply::empty(StatusCode::TEMPORARY_REDIRECT);
    round.location = Some("/again".into());
    assert_eq!(begin(vec![round; 20]), Outcome::Trouble(Trouble::Malformed));
    let nowhere = Reply::empty(StatusCode::PERMANENT_REDIRECT);
    assert_eq!(
        begin(vec![nowhere; 2]),
        Outcome::Trouble(Trouble::Malformed)
    );
}

#[test]
fn errors_by_their_names() {
    let problem = |cause: Cause| vec![Reply::problem(&cause.problem(""))];
    for (cause, trouble) in [
        (Cause::SliceAuthRejected, Trouble::Rejected),
        (Cause::UserNotFound, Trouble::UserNotFound),
        (Cause::ContextNotFound, Trouble::ContextNotFound),
        (
            Cause::TimedOutRequest,
            Trouble::Upstream(Cause::TimedOutRequest),
        ),
        (
            Cause::NetworkFailure,
            Trouble::Upstream(Cause::NetworkFailure),
        ),
        (
            Cause::UpstreamServerError,
            Trouble::Upstream(Cause::UpstreamServerError),
        ),
        (Cause::InvalidMsgFormat, Trouble::Status(400)),
    ] {
        assert_eq!(begin(problem(cause)), Outcome::Trouble(trouble));
        assert_eq!(proceed(problem(cause)), Outcome::Trouble(trouble));
    }
    let other_spelling = ProblemDetails {
        status: Some(504),
        cause: Some("TIME_OUT_REQUEST".into()),
        detail: None,
    };
    let timed_out = Outcome::Trouble(Trouble::Upstream(Cause::TimedOutRequest));
    assert_eq!(begin(vec![Reply::problem(&other_spelling)]), timed_out);
    let bare = |status| vec![Reply::empty(status)];
    let upstream = Outcome::Trouble(Trouble::Upstream(Cause::UpstreamServerError));
    assert_eq!(begin(bare(StatusCode::GATEWAY_TIMEOUT)), upstream);
    assert_eq!(
        proceed(bare(StatusCode::NOT_FOUND)),
        Outcome::Trouble(Trouble::ContextNotFound)
    );
}

#[test]
fn busy_servers_are_asked_again_and_others_instead() {
    let busy = || Reply::problem(&Cause::NfCongestion.problem(""));
    assert!(matches!(
        begin(vec![busy(), created("/c1")]),
        Outcome::Request(_)
    ));
    assert_eq!(
        begin(vec![busy(), busy()]),
        Outcome::Trouble(Trouble::Status(503))
    );
    let gone = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let fake = Fake::start(vec![created("/c1")]);
    let consumer = start(settings(&[&format!("http://{gone}"), &fake.root]));
    consumer.begin(1, (GPSI, SLICE), identity()).unwrap();
    assert!(matches!(next(&consumer), Outcome::Request(_)));
    assert_eq!(
        (consumer.counts().requests, consumer.counts().retries),
        (2, 1)
    );
    let consumer = start(settings(&[&format!("http://{gone}")]));
    consumer.begin(1, (GPSI, SLICE), identity()).unwrap();
    assert_eq!(next(&consumer), Outcome::Trouble(Trouble::Unreachable));
}

#[test]
fn answers_that_are_no_answers() {
    let malformed = Outcome::Trouble(Trouble::Malformed);
    for answer in [
        created(""),
        created_with("/c1", json!({ "gpsi": "msisdn-491700000002" })),
        created_with("/c1", json!({ "snssai": { "sst": 1 } })),
        created_with("/c1", json!({ "eapMessage": null })),
        created_with("/c1", json!({ "eapMessage": "AQIABw0g" })),
        created_with("/c1", json!({ "eapMessage": "AgIABg0g" })),
        created_with("/c1", json!({ "authCtxId": null })),
        Reply::json(StatusCode::CREATED, b"{".to_vec()),
        Reply::json(StatusCode::OK, b"{}".to_vec()),
        Reply {
            content_type: "text/html",
            ..created("/c1")
        },
    ] {
        let shown = format!("{answer:?}");
        assert_eq!(begin(vec![answer]), malformed, "{shown}");
    }
    for changes in [
        json!({ "gpsi": "msisdn-491700000002" }),
        json!({ "snssai": { "sst": 2 } }),
        json!({ "eapMessage": null }),
        // The result and the EAP packet disagree: nobody is authenticated.
        json!({ "authResult": "EAP_SUCCESS" }),
        json!({ "authResult": "EAP_SUCCESS", "eapMessage": "BAIABA==" }),
        json!({ "authResult": "EAP_FAILURE", "eapMessage": "AwIABA==" }),
        json!({ "eapMessage": "AwIABA==" }),
        json!({ "authResult": "PENDING" }),
    ] {
        assert_eq!(
            proceed(vec![confirmed(changes.clone())]),
            malformed,
            "{changes}"
        );
    }
    let long = Reply::json(StatusCode::CREATED, vec![b' '; service::LONGEST + 1]);
    assert_eq!(begin(vec![long.clone(), long]), malformed);
}

#[test]
fn hanging_and_cancelled() {
    let fake = Fake::start(vec![]);
    let quick = Settings {
        timeout_ms: 100,
        ..settings(&[&fake.root])
    };
    let consumer = start(quick);
    consumer.begin(1, (GPSI, SLICE), identity()).unwrap();
    assert_eq!(next(&consumer), Outcome::Trouble(Trouble::Unreachable));
    consumer.proceed(1, identity()).unwrap();
    assert_eq!(
        next(&consumer),
        Outcome::Trouble(Trouble::NoRun),
        "it ended"
    );
    let consumer = start(settings(&[&fake.root]));
    consumer.begin(2, (GPSI, SLICE), identity()).unwrap();
    consumer.cancel(2);
    assert_eq!(
        (consumer.runs(), consumer.wait(Duration::from_millis(100))),
        (0, None)
    );
    // A second run under the same ticket: only its answer comes.
    consumer.begin(3, (GPSI, SLICE), identity()).unwrap();
    fake.script
        .answers
        .lock()
        .unwrap()
        .push_back(created("/c1"));
    consumer.begin(3, (GPSI, SLICE), identity()).unwrap();
    // Whichever request was answered, at most one event comes, and dropping does not hang on what is under way.
    let first = consumer.wait(Duration::from_millis(300));
    assert!(matches!(
        first,
        None | Some(Event::Answer { ticket: 3, .. })
    ));
    assert_eq!(consumer.poll(), None);
    drop(consumer);
}

#[test]
fn there_is_a_bound() {
    let fake = Fake::start(vec![]);
    let consumer = start(Settings {
        queue: 3,
        ..settings(&[&fake.root])
    });
    for ticket in 0..3 {
        consumer.begin(ticket, (GPSI, SLICE), identity()).unwrap();
    }
    assert_eq!(consumer.begin(3, (GPSI, SLICE), identity()), Err(Busy));
    assert_eq!(consumer.counts().busy, 1);
    consumer.cancel(0);
    let end = std::time::Instant::now() + PATIENCE;
    while consumer.begin(3, (GPSI, SLICE), identity()).is_err() {
        assert!(
            std::time::Instant::now() < end,
            "the place does not come back"
        );
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn notifications() {
    let callbacks = Some(Callbacks {
        listen: ([127, 0, 0, 1], 0).into(),
        root: None,
    });
    let consumer = start(Settings {
        callbacks,
        queue: 2,
        ..settings(&["http://127.0.0.1:9"])
    });
    let root = format!("http://{}", consumer.callbacks().unwrap());
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let client = Client::new(None, PATIENCE);
    let send = |path: &str, body: &Value| {
        let uri: Uri = format!("{root}{path}").parse().unwrap();
        let body = serde_json::to_vec(body).unwrap().into();
        runtime
            .block_on(client.ask(&Method::POST, &uri, &body))
            .unwrap()
            .status
            .as_u16()
    };
    let revocation =
        json!({ "notifType": "SLICE_REVOCATION", "gpsi": GPSI, "snssai": { "sst": 2 } });
    let mut again = revocation.clone();
    again["notifType"] = "SLICE_RE_AUTH".into();
    assert_eq!(send("/nssaa/revocation", &again), 400);
    assert_eq!(send("/nssaa/re-authentication", &revocation), 400);
    assert_eq!(send("/nssaa/revocation", &json!({})), 400);
    assert_eq!(send("/elsewhere", &revocation), 404);
    assert_eq!(consumer.poll(), None);
    assert_eq!(send("/nssaa/revocation", &revocation), 204);
    assert_eq!(send("/nssaa/re-authentication", &again), 204);
    assert_eq!(send("/nssaa/revocation", &revocation), 503, "no room");
    for what in [
        NotificationType::SliceRevocation,
        NotificationType::SliceReAuth,
    ] {
        let expected = Event::Notification {
            what,
            gpsi: GPSI.into(),
            s_nssai: SNssai::sst(2),
        };
        assert_eq!(consumer.poll(), Some(expected));
    }
    assert_eq!(send("/nssaa/revocation", &revocation), 204, "room again");
}

#[test]
fn settings_that_cannot_be() {
    for wrong in [
        Settings {
            nssaaf: vec![],
            ..Settings::new("")
        },
        Settings::new("nssaaf.example"),
        Settings::new("ftp://nssaaf.example"),
        Settings::new("https://nssaaf.example"),
        Settings {
            attempts: 0,
            ..Settings::new("http://nssaaf.example")
        },
    ] {
        assert!(Consumer::start(wrong, Box::new(|| ())).is_err());
    }
}
