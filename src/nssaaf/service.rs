//! The bodies of Nnssaaf_NSSAA (TS 29.526 6.1.6, TS 29.571), read and written as JSON.
//!
//! Members that a later release adds are ignored; a mandatory member that is missing is an error that names it.

use core::fmt;

use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::nas::nssaa::SNssai;
use crate::procedure::nssaa::GPSI_MAX;

/// Path of the service below the API root.
pub const PATH: &str = "/nnssaaf-nssaa/v1/slice-authentications";
/// Media type of every body.
pub const JSON: &str = "application/json";
/// Media type of the error bodies.
pub const PROBLEM: &str = "application/problem+json";
/// What Release 16 called the body of a 201.
pub const HAL_JSON: &str = "application/3gppHal+json";

/// Octets of the longest body that is read: an EAP packet of 1500 octets in base64, names and URIs; or an NF profile.
pub const LONGEST: usize = 64 * 1024;

/// A body that is not what it should be: what, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JsonError(String);

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for JsonError {}

/// Reads a body.
///
/// # Errors
/// What is missing or malformed. Names members, shows no content.
pub fn read<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, JsonError> {
    if body.len() > LONGEST {
        return Err(JsonError(format!(
            "a body of {} octets; {LONGEST} are read",
            body.len()
        )));
    }
    // serde would read the members of an object from an array, in order.
    if body.trim_ascii_start().first() != Some(&b'{') {
        return Err(JsonError(format!("{OURS} an object: the body")));
    }
    serde_json::from_slice(body).map_err(|why| JsonError(described(&why)))
}

/// serde quotes the strings that it does not like; these may be subscribers' names.
fn described(why: &serde_json::Error) -> String {
    let text = why.to_string();
    let telling = ["missing field", "duplicate field", OURS];
    let place = format!("line {} column {}", why.line(), why.column());
    match telling.iter().find_map(|word| text.find(word)) {
        Some(at) => text[at..].to_owned(),
        None if why.is_data() => format!("a member of the wrong type at {place}"),
        None => format!("no JSON at {place}"),
    }
}

/// Begins our own descriptions, which show no content.
const OURS: &str = "must be";

/// Writes a body.
#[must_use]
pub fn write<T: Serialize>(body: &T) -> Vec<u8> {
    // Fails for maps with keys that are no strings and for a Serialize that fails: there is none here.
    serde_json::to_vec(body).unwrap_or_default()
}

/// True for the media types of a body, with or without parameters.
#[must_use]
pub fn is_json(content_type: &str) -> bool {
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    [JSON, PROBLEM, HAL_JSON]
        .iter()
        .any(|known| known.eq_ignore_ascii_case(essence))
}

/// Snssai (TS 29.571 5.4.4.2).
#[derive(Deserialize, Serialize)]
struct Snssai {
    sst: u8,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sd: Option<String>,
}

mod snssai {
    use super::{Deserialize, Deserializer, OURS, SNssai, Serialize, Serializer, Snssai};
    use serde::de::Error;

    pub(super) fn serialize<S: Serializer>(value: &SNssai, to: S) -> Result<S::Ok, S::Error> {
        let sd = value.sd.map(|[a, b, c]| format!("{a:02x}{b:02x}{c:02x}"));
        Snssai { sst: value.sst, sd }.serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<SNssai, D::Error> {
        // Through a map: from an array serde would read the members in order.
        let members = serde_json::Map::deserialize(from)?;
        let text = |why: serde_json::Error| D::Error::custom(super::described(&why));
        let members = serde_json::Value::Object(members);
        let Snssai { sst, sd } = Snssai::deserialize(members).map_err(text)?;
        let Some(sd) = sd else {
            return Ok(SNssai::sst(sst));
        };
        let wrong = || D::Error::custom(format_args!("{OURS} six hexadecimal digits: sd"));
        let hex = sd.len() == 6 && sd.bytes().all(|digit| digit.is_ascii_hexdigit());
        let sd = u32::from_str_radix(&sd, 16).ok().filter(|_| hex);
        Ok(SNssai::new(sst, sd.ok_or_else(wrong)?))
    }
}

mod gpsi {
    use super::{Deserialize, Deserializer, GPSI_MAX, OURS};
    use serde::de::Error;

    /// The pattern of TS 29.571 5.3.2 ends in `|.+`: anything but nothing. Control characters do not get on.
    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
        let text = String::deserialize(from)?;
        if text.is_empty() || text.len() > GPSI_MAX || text.contains(char::is_control) {
            return Err(D::Error::custom(format_args!(
                "{OURS} 1 to {GPSI_MAX} octets: gpsi"
            )));
        }
        Ok(text)
    }
}

/// EapMessage: base64, and null.
mod eap_message {
    use super::{Deserialize, Deserializer, OURS, STANDARD, Serializer};
    use base64::Engine as _;
    use serde::de::Error;

    #[expect(clippy::ref_option, reason = "the shape that serde calls")]
    pub(super) fn serialize<S: Serializer>(
        value: &Option<Vec<u8>>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        match value {
            Some(octets) => to.serialize_str(&STANDARD.encode(octets)),
            None => to.serialize_none(),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<Vec<u8>>, D::Error> {
        let Some(text) = Option::<String>::deserialize(from)? else {
            return Ok(None);
        };
        let wrong = |_| D::Error::custom(format_args!("{OURS} base64 or null: an EAP message"));
        STANDARD.decode(text).map(Some).map_err(wrong)
    }
}

/// Body of the POST (TS 29.526 6.1.6.2.2).
#[derive(Clone, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SliceAuthInfo {
    /// The subscription.
    #[serde(deserialize_with = "gpsi::deserialize")]
    pub gpsi: String,
    /// The slice in the HPLMN.
    #[serde(with = "snssai")]
    pub snssai: SNssai,
    /// EAP-Response/Identity.
    #[serde(with = "eap_message")]
    pub eap_id_rsp: Option<Vec<u8>>,
    /// Which AMF asks: a UUID.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amf_instance_id: Option<String>,
    /// Where it wants to hear of re-authentication.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reauth_notif_uri: Option<String>,
    /// Where it wants to hear of revocation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoc_notif_uri: Option<String>,
}

/// Body of the 201 (TS 29.526 6.1.6.2.3).
#[derive(Clone, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SliceAuthContext {
    /// The subscription.
    #[serde(deserialize_with = "gpsi::deserialize")]
    pub gpsi: String,
    /// The slice.
    #[serde(with = "snssai")]
    pub snssai: SNssai,
    /// Name of the context, the last part of the Location.
    pub auth_ctx_id: String,
    /// The first EAP packet of the AAA server.
    #[serde(with = "eap_message")]
    pub eap_message: Option<Vec<u8>>,
}

/// Body of the PUT (TS 29.526 6.1.6.2.4).
#[derive(Clone, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SliceAuthConfirmationData {
    /// The subscription.
    #[serde(deserialize_with = "gpsi::deserialize")]
    pub gpsi: String,
    /// The slice.
    #[serde(with = "snssai")]
    pub snssai: SNssai,
    /// The UE's EAP packet.
    #[serde(with = "eap_message")]
    pub eap_message: Option<Vec<u8>>,
}

/// AuthStatus of a finished authentication (TS 29.571 5.4.3).
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum AuthStatus {
    /// The AAA server accepts.
    EapSuccess,
    /// The AAA server refuses.
    EapFailure,
    /// Not finished. No answer of this service says so, but the type has it.
    Pending,
}

/// Body of the 200 (TS 29.526 6.1.6.2.5).
#[derive(Clone, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SliceAuthConfirmationResponse {
    /// The subscription.
    #[serde(deserialize_with = "gpsi::deserialize")]
    pub gpsi: String,
    /// The slice.
    #[serde(with = "snssai")]
    pub snssai: SNssai,
    /// The AAA server's EAP packet.
    #[serde(with = "eap_message")]
    pub eap_message: Option<Vec<u8>>,
    /// Absent while more rounds follow.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth_result: Option<AuthStatus>,
}

/// What a notification is about (TS 29.526 6.1.6.3.3).
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum NotificationType {
    /// Authenticate again.
    SliceReAuth,
    /// Authorization is withdrawn.
    SliceRevocation,
}

/// SliceAuthReauthNotification and SliceAuthRevocNotification (TS 29.526 6.1.6.2.6 and 6.1.6.2.7): one shape.
#[derive(Clone, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SliceAuthNotification {
    /// Which of the two.
    pub notif_type: NotificationType,
    /// The subscription.
    #[serde(deserialize_with = "gpsi::deserialize")]
    pub gpsi: String,
    /// The slice.
    #[serde(with = "snssai")]
    pub snssai: SNssai,
    /// The subscriber, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub supi: Option<String>,
}

/// Debug of the bodies: subscribers' names and EAP are left out.
macro_rules! discreet {
    ($($name:ident)*) => {$(
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({}, ..)", stringify!($name), self.snssai)
            }
        }
    )*};
}
discreet!(Subject SliceAuthInfo SliceAuthContext SliceAuthConfirmationData SliceAuthConfirmationResponse SliceAuthNotification);

/// ProblemDetails (TS 29.571 5.2.4.1), the members that this service uses.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ProblemDetails {
    /// HTTP status.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// Application error: [`Cause`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    /// For a human.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// Application errors (TS 29.526 6.1.7.3, TS 29.500 5.2.7.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    missing_docs,
    reason = "the names are the standard's, and the status says when"
)]
pub enum Cause {
    InvalidMsgFormat,
    MandatoryIeMissing,
    MandatoryIeIncorrect,
    SliceAuthRejected,
    ContextNotFound,
    UserNotFound,
    UpstreamServerError,
    NetworkFailure,
    TimedOutRequest,
    NfCongestion,
    SystemFailure,
}

impl Cause {
    /// Status and name.
    const TABLE: [(Self, u16, &'static str); 11] = [
        (Self::InvalidMsgFormat, 400, "INVALID_MSG_FORMAT"),
        (Self::MandatoryIeMissing, 400, "MANDATORY_IE_MISSING"),
        (Self::MandatoryIeIncorrect, 400, "MANDATORY_IE_INCORRECT"),
        (Self::SliceAuthRejected, 403, "SLICE_AUTH_REJECTED"),
        (Self::ContextNotFound, 404, "CONTEXT_NOT_FOUND"),
        (Self::UserNotFound, 404, "USER_NOT_FOUND"),
        (Self::UpstreamServerError, 504, "UPSTREAM_SERVER_ERROR"),
        (Self::NetworkFailure, 504, "NETWORK_FAILURE"),
        (Self::TimedOutRequest, 504, "TIMED_OUT_REQUEST"),
        (Self::NfCongestion, 503, "NF_CONGESTION"),
        (Self::SystemFailure, 500, "SYSTEM_FAILURE"),
    ];

    /// HTTP status of an answer with this cause.
    #[must_use]
    pub fn status(self) -> u16 {
        let row = Self::TABLE.iter().find(|(cause, ..)| *cause == self);
        row.map_or(500, |(_, status, _)| *status)
    }

    /// Its name in a body.
    #[must_use]
    pub fn name(self) -> &'static str {
        let row = Self::TABLE.iter().find(|(cause, ..)| *cause == self);
        row.map_or("SYSTEM_FAILURE", |(_, _, name)| name)
    }

    /// Reads a name. The POST table of TS 29.526 spells one of them `TIME_OUT_REQUEST`.
    #[must_use]
    pub fn of(name: &str) -> Option<Self> {
        if name == "TIME_OUT_REQUEST" {
            return Some(Self::TimedOutRequest);
        }
        let row = Self::TABLE.iter().find(|(_, _, known)| *known == name);
        row.map(|(cause, ..)| *cause)
    }

    /// The body that says so.
    #[must_use]
    pub fn problem(self, detail: &str) -> ProblemDetails {
        ProblemDetails {
            status: Some(self.status()),
            cause: Some(self.name().to_owned()),
            detail: (!detail.is_empty()).then(|| detail.to_owned()),
        }
    }
}

/// A subscription and a slice: what an operator names.
#[derive(Clone, Deserialize, PartialEq, Eq, Serialize)]
pub struct Subject {
    /// The subscription.
    #[serde(deserialize_with = "gpsi::deserialize")]
    pub gpsi: String,
    /// The slice.
    #[serde(with = "snssai")]
    pub snssai: SNssai,
}
