//! JSON of TS 29.526: what is read, what is written, what is refused and how that is told.

use naslane::nas::nssaa::SNssai;
use naslane::nssaaf::service::{
    AuthStatus, Cause, LONGEST, NotificationType, ProblemDetails, SliceAuthConfirmationData,
    SliceAuthConfirmationResponse, SliceAuthContext, SliceAuthInfo, SliceAuthNotification, is_json,
    read, write,
};
use proptest::prelude::*;
use serde_json::{Value, json};

fn info() -> Value {
    json!({
        "gpsi": "msisdn-491700000001",
        "snssai": { "sst": 1, "sd": "00A0ff" },
        "eapIdRsp": "AgEACQFhQGI=",
        "amfInstanceId": "8a4e3c1e-0001-4000-8000-000000000001",
        "reauthNotifUri": "http://amf/re",
        "revocNotifUri": "http://amf/rv"
    })
}

fn text(value: &Value) -> Vec<u8> {
    serde_json::to_vec(value).unwrap()
}

#[test]
fn slice_auth_info() {
    let read_info: SliceAuthInfo = read(&text(&info())).unwrap();
    assert_eq!(read_info.gpsi, "msisdn-491700000001");
    assert_eq!(read_info.snssai, SNssai::new(1, 0xA0FF));
    assert_eq!(
        read_info.eap_id_rsp.as_deref(),
        Some(&b"\x02\x01\x00\x09\x01a@b"[..])
    );
    assert_eq!(read_info.reauth_notif_uri.as_deref(), Some("http://amf/re"));
    let mut expected = info();
    expected["snssai"]["sd"] = "00a0ff".into();
    assert_eq!(
        serde_json::from_slice::<Value>(&write(&read_info)).unwrap(),
        expected
    );
}

#[test]
fn what_is_optional_may_be_missing_and_what_is_unknown_is_ignored() {
    let body =
        json!({ "gpsi": "extid-a@b", "snssai": { "sst": 255 }, "eapIdRsp": null, "later": [1, 2] });
    let info: SliceAuthInfo = read(&text(&body)).unwrap();
    assert_eq!(
        (info.snssai, info.eap_id_rsp, info.amf_instance_id),
        (SNssai::sst(255), None, None)
    );
}

/// Every mandatory member of every body, taken away one at a time.
#[test]
fn what_is_mandatory_is_named_when_missing() {
    fn without<T: serde::de::DeserializeOwned + std::fmt::Debug>(whole: &Value, members: &[&str]) {
        read::<T>(&text(whole)).unwrap();
        for member in members {
            let mut body = whole.clone();
            body.as_object_mut().unwrap().remove(*member);
            let why = read::<T>(&text(&body)).unwrap_err().to_string();
            assert!(
                why.contains("missing field") && why.contains(member),
                "{member}: {why}"
            );
        }
    }
    without::<SliceAuthInfo>(&info(), &["gpsi", "snssai", "eapIdRsp"]);
    let snssai = json!({ "sst": 1 });
    let context =
        json!({ "gpsi": "msisdn-12345", "snssai": snssai, "authCtxId": "x", "eapMessage": null });
    without::<SliceAuthContext>(&context, &["gpsi", "snssai", "authCtxId", "eapMessage"]);
    let data = json!({ "gpsi": "msisdn-12345", "snssai": snssai, "eapMessage": null });
    without::<SliceAuthConfirmationData>(&data, &["gpsi", "snssai", "eapMessage"]);
    without::<SliceAuthConfirmationResponse>(&data, &["gpsi", "snssai", "eapMessage"]);
    let notification =
        json!({ "notifType": "SLICE_REVOCATION", "gpsi": "msisdn-12345", "snssai": snssai });
    without::<SliceAuthNotification>(&notification, &["notifType", "gpsi", "snssai"]);
    without::<SliceAuthNotification>(&notification, &["notifType"]);
}

#[test]
fn members_that_are_wrong() {
    for (place, value) in [
        ("/snssai/sst", json!(256)),
        ("/snssai/sst", json!(-1)),
        ("/snssai/sst", json!("1")),
        ("/snssai/sd", json!("00000")),
        ("/snssai/sd", json!("0000000")),
        ("/snssai/sd", json!("00000g")),
        ("/snssai/sd", json!("+00001")),
        ("/snssai/sd", json!(1)),
        ("/snssai", json!([1])),
        ("/gpsi", json!("")),
        ("/gpsi", json!("a\u{0}b")),
        ("/gpsi", json!("x".repeat(300))),
        ("/gpsi", json!(null)),
        ("/eapIdRsp", json!("not base64!")),
        ("/eapIdRsp", json!("AgEACQFhQGI")),
        ("/eapIdRsp", json!([2, 1, 0, 4])),
    ] {
        let mut body = info();
        *body.pointer_mut(place).unwrap() = value.clone();
        let why = read::<SliceAuthInfo>(&text(&body)).unwrap_err().to_string();
        assert!(
            !why.contains("491700000001") && !why.contains("not base64!"),
            "shows content: {why}"
        );
    }
    let whole = text(&info());
    for len in 0..whole.len() {
        assert!(
            read::<SliceAuthInfo>(&whole[..len]).is_err(),
            "cut at {len}"
        );
    }
    let twice = br#"{"gpsi":"a","gpsi":"b","snssai":{"sst":1},"eapIdRsp":null}"#;
    assert!(read::<SliceAuthInfo>(twice).is_err());
    assert!(read::<SliceAuthInfo>(&vec![b' '; LONGEST + 1]).is_err());
    let deep = [br#"{"later":"#.to_vec(), b"[".repeat(60_000)].concat();
    assert!(read::<SliceAuthInfo>(&deep).is_err());
}

#[test]
fn results_and_notifications() {
    let mut body =
        json!({ "gpsi": "msisdn-12345", "snssai": { "sst": 1 }, "eapMessage": "AwEABA==" });
    let response: SliceAuthConfirmationResponse = read(&text(&body)).unwrap();
    assert_eq!(response.auth_result, None);
    assert_eq!(
        serde_json::from_slice::<Value>(&write(&response)).unwrap(),
        body
    );
    for (name, status) in [
        ("EAP_SUCCESS", AuthStatus::EapSuccess),
        ("EAP_FAILURE", AuthStatus::EapFailure),
        ("PENDING", AuthStatus::Pending),
    ] {
        body["authResult"] = name.into();
        let response: SliceAuthConfirmationResponse = read(&text(&body)).unwrap();
        assert_eq!(response.auth_result, Some(status));
    }
    body["authResult"] = "EAP_PERHAPS".into();
    assert!(read::<SliceAuthConfirmationResponse>(&text(&body)).is_err());
    for (name, what) in [
        ("SLICE_RE_AUTH", NotificationType::SliceReAuth),
        ("SLICE_REVOCATION", NotificationType::SliceRevocation),
    ] {
        let body =
            json!({ "notifType": name, "gpsi": "g", "snssai": { "sst": 1 }, "supi": "imsi-1" });
        let notification: SliceAuthNotification = read(&text(&body)).unwrap();
        assert_eq!(notification.notif_type, what);
        assert_eq!(
            serde_json::from_slice::<Value>(&write(&notification)).unwrap(),
            body
        );
        assert!(!format!("{notification:?}").contains("imsi"));
    }
}

#[test]
fn causes_and_media_types() {
    for (name, status, cause) in [
        ("SLICE_AUTH_REJECTED", 403, Cause::SliceAuthRejected),
        ("CONTEXT_NOT_FOUND", 404, Cause::ContextNotFound),
        ("USER_NOT_FOUND", 404, Cause::UserNotFound),
        ("UPSTREAM_SERVER_ERROR", 504, Cause::UpstreamServerError),
        ("NETWORK_FAILURE", 504, Cause::NetworkFailure),
        ("TIMED_OUT_REQUEST", 504, Cause::TimedOutRequest),
    ] {
        assert_eq!(
            (Cause::of(name), cause.status(), cause.name()),
            (Some(cause), status, name)
        );
        let problem: ProblemDetails = read(&write(&cause.problem("why"))).unwrap();
        assert_eq!(
            (problem.status, problem.cause.as_deref()),
            (Some(status), Some(name))
        );
    }
    assert_eq!(Cause::of("TIME_OUT_REQUEST"), Some(Cause::TimedOutRequest));
    assert_eq!(Cause::of("SOMETHING_ELSE"), None);
    for (name, known) in [
        ("application/json", true),
        ("Application/JSON; charset=utf-8", true),
        ("application/3gppHal+json", true),
        ("application/problem+json", true),
        ("text/html", false),
        ("", false),
    ] {
        assert_eq!(is_json(name), known, "{name}");
    }
}

proptest! {
    #[test]
    fn whatever_comes(octets in proptest::collection::vec(any::<u8>(), 0..256)) {
        let _ = read::<SliceAuthInfo>(&octets);
        let _ = read::<SliceAuthNotification>(&octets);
    }

    #[test]
    fn eap_survives(eap in proptest::option::of(proptest::collection::vec(any::<u8>(), 0..1500)), sst: u8, sd in 0_u32..0xFF_FFFF) {
        let data = SliceAuthConfirmationData { gpsi: "g".into(), snssai: SNssai::new(sst, sd), eap_message: eap };
        prop_assert_eq!(read::<SliceAuthConfirmationData>(&write(&data)).unwrap(), data);
    }
}
