//! From the octets of a request to those of the answer: no socket, no clock.

use httparse::{EMPTY_HEADER, Request, Status};

use super::State;
use crate::sidecar::exposition;

/// Octets of a request's line and headers.
pub const LONGEST_HEAD: usize = 4096;

const MOST_HEADERS: usize = 32;

/// What to do with what has arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Wait for the rest of the request.
    More,
    /// Send this and end the connection.
    Reply(Vec<u8>),
}

/// The answer to `octets`, all that has arrived on a connection.
#[must_use]
pub fn answer(octets: &[u8], state: &dyn State) -> Answer {
    let mut headers = [EMPTY_HEADER; MOST_HEADERS];
    let mut request = Request::new(&mut headers);
    let reply = match request.parse(octets) {
        Ok(Status::Partial) if octets.len() <= LONGEST_HEAD => return Answer::More,
        Ok(Status::Partial) | Err(httparse::Error::TooManyHeaders) => TOO_LARGE.into(),
        Ok(Status::Complete(len)) if len > LONGEST_HEAD => TOO_LARGE.into(),
        Ok(Status::Complete(_)) => routed(&request, state),
        Err(httparse::Error::Version) => {
            Reply::text("505 HTTP Version Not Supported", "HTTP/1.0 or HTTP/1.1\n")
        }
        Err(_) => Reply::text("400 Bad Request", "not an HTTP request\n"),
    };
    Answer::Reply(reply.octets(request.method == Some("HEAD")))
}

/// The answer to a request that did not arrive in time.
pub(super) fn timeout() -> Vec<u8> {
    Reply::text(
        "408 Request Timeout",
        "the request did not arrive in time\n",
    )
    .octets(false)
}

struct Reply {
    status: &'static str,
    kind: &'static str,
    more: &'static str,
    body: String,
}

/// Status and body of an answer without more to say.
struct Fixed(&'static str, &'static str);

const TOO_LARGE: Fixed = Fixed(
    "431 Request Header Fields Too Large",
    "at most 4096 octets and 32 headers\n",
);

impl From<Fixed> for Reply {
    fn from(fixed: Fixed) -> Self {
        Self::text(fixed.0, fixed.1)
    }
}

impl Reply {
    fn text(status: &'static str, body: impl Into<String>) -> Self {
        Self {
            status,
            kind: "text/plain; charset=utf-8",
            more: "",
            body: body.into(),
        }
    }

    fn octets(&self, head_only: bool) -> Vec<u8> {
        let Self {
            status,
            kind,
            more,
            body,
        } = self;
        let len = body.len();
        let mut out = format!(
            "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len}\r\n\
             Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n{more}Connection: close\r\n\r\n"
        );
        if !head_only {
            out.push_str(body);
        }
        out.into_bytes()
    }
}

fn routed(request: &Request<'_, '_>, state: &dyn State) -> Reply {
    let hosts = request.headers.iter();
    let hosts = hosts.filter(|header| header.name.eq_ignore_ascii_case("host"));
    // RFC 9112 3.2: exactly one in HTTP/1.1.
    if request.version == Some(1) && hosts.count() != 1 {
        return Reply::text("400 Bad Request", "one Host header is needed\n");
    }
    let path = path(request.path.unwrap_or_default());
    if !matches!(path, "/livez" | "/readyz" | "/metrics") {
        return Reply::text("404 Not Found", "/livez, /readyz, /metrics\n");
    }
    if !matches!(request.method, Some("GET" | "HEAD")) {
        return Reply {
            more: "Allow: GET, HEAD\r\n",
            ..Reply::text("405 Method Not Allowed", "GET or HEAD\n")
        };
    }
    match path {
        "/livez" => health(state.live()),
        "/readyz" => health(state.ready()),
        _ => Reply {
            kind: exposition::CONTENT_TYPE,
            ..Reply::text("200 OK", metrics(state))
        },
    }
}

fn metrics(state: &dyn State) -> String {
    let mut text = exposition::write(&state.snapshot());
    if let Some(standing) = state.standing() {
        text += &exposition::write_standing(&standing);
    }
    if let Some(figures) = state.slices() {
        text += &exposition::write_slices(&figures);
    }
    text
}

/// The path of a target in origin form or absolute form (RFC 9112 3.2), without its query.
fn path(target: &str) -> &str {
    let path = match target.strip_prefix("http://") {
        Some(rest) => rest.find('/').map_or("/", |slash| &rest[slash..]),
        None => target,
    };
    path.split('?').next().unwrap_or_default()
}

fn health(state: Result<(), String>) -> Reply {
    match state {
        Ok(()) => Reply::text("200 OK", "ok\n"),
        Err(why) => Reply::text("503 Service Unavailable", format!("{why}\n")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::metrics::Snapshot;
    use proptest::prelude::*;

    struct Sick;

    impl State for Sick {
        fn ready(&self) -> Result<(), String> {
            Err("draining".to_owned())
        }
        fn snapshot(&self) -> Snapshot {
            Snapshot::default()
        }
    }

    fn reply(request: &str) -> String {
        match answer(request.as_bytes(), &Sick) {
            Answer::More => "more".to_owned(),
            Answer::Reply(octets) => String::from_utf8(octets).expect("text"),
        }
    }

    fn status(request: &str) -> String {
        let reply = reply(request);
        let status = reply.strip_prefix("HTTP/1.1 ").unwrap_or(&reply);
        status.chars().take(3).collect()
    }

    #[test]
    fn statuses() {
        let long = format!(
            "GET /livez HTTP/1.1\r\nHost: a\r\nX: {}",
            "y".repeat(LONGEST_HEAD)
        );
        let many = format!(
            "GET /livez HTTP/1.1\r\nHost: a\r\n{}\r\n",
            "X: y\r\n".repeat(40)
        );
        for (request, expected) in [
            ("GET /livez HTTP/1.1\r\nHost: a\r\n\r\n", "200"),
            ("GET /livez HTTP/1.0\r\n\r\n", "200"),
            ("GET /metrics?x=/livez HTTP/1.1\r\nhost: a\r\n\r\n", "200"),
            ("GET http://a:1/livez HTTP/1.1\r\nHost: a\r\n\r\n", "200"),
            ("GET /readyz HTTP/1.1\r\nHost: a\r\n\r\n", "503"),
            ("POST /livez HTTP/1.1\r\nHost: a\r\n\r\n", "405"),
            ("GET / HTTP/1.1\r\nHost: a\r\n\r\n", "404"),
            ("GET /livez/ HTTP/1.1\r\nHost: a\r\n\r\n", "404"),
            ("GET /../livez HTTP/1.1\r\nHost: a\r\n\r\n", "404"),
            ("GET http://livez HTTP/1.1\r\nHost: a\r\n\r\n", "404"),
            ("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", "404"),
            ("GET /livez HTTP/1.1\r\n\r\n", "400"),
            ("GET /livez HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "400"),
            ("GET /livez HTTP/2.0\r\nHost: a\r\n\r\n", "505"),
            ("\x16\x03\x01 hello", "400"),
            ("GET /livez\r\n\r\n", "400"),
            ("GET /livez HTTP/1.1\r\nHost: a\r\n", "mor"),
            ("", "mor"),
            (&long, "431"),
            (&many, "431"),
        ] {
            assert_eq!(status(request), expected, "{request:?}");
        }
    }

    #[test]
    fn head_is_get_without_the_body() {
        let get = reply("GET /readyz HTTP/1.1\r\nHost: a\r\n\r\n");
        let head = reply("HEAD /readyz HTTP/1.1\r\nHost: a\r\n\r\n");
        assert_eq!(format!("{head}draining\n"), get);
        assert!(head.contains("\r\nContent-Length: 9\r\n") && head.ends_with("\r\n\r\n"));
    }

    proptest! {
        #[test]
        fn any_octets_have_an_answer(octets in proptest::collection::vec(any::<u8>(), 0..5000)) {
            check(&octets)?;
        }

        #[test]
        fn any_damage_has_an_answer(
            at in 0_usize..80,
            octet in any::<u8>(),
            cut in 0_usize..120,
        ) {
            let mut request = b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nUser-Agent: a\r\nAccept: */*\r\n\r\n".to_vec();
            let place = at % request.len();
            request[place] = octet;
            request.truncate(cut);
            check(&request)?;
        }
    }

    fn check(octets: &[u8]) -> Result<(), TestCaseError> {
        match answer(octets, &Sick) {
            Answer::More => prop_assert!(octets.len() <= LONGEST_HEAD),
            Answer::Reply(reply) => {
                prop_assert!(reply.starts_with(b"HTTP/1.1 "));
                prop_assert!(reply.windows(4).any(|four| four == b"\r\n\r\n"));
            }
        }
        Ok(())
    }
}
