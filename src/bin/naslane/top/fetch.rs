//! One GET over plain HTTP.

use std::fmt;
use std::io::{ErrorKind, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::str::FromStr;
use std::time::{Duration, Instant};

use httparse::{EMPTY_HEADER, Response, Status};

const PATIENCE: Duration = Duration::from_secs(5);

/// Octets of an answer: some hundred times what a sidecar says.
const LONGEST: usize = 4 << 20;

/// Host with port, and path.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Endpoint {
    host: String,
    path: String,
}

impl FromStr for Endpoint {
    type Err = String;

    fn from_str(url: &str) -> Result<Self, String> {
        let wrong = || format!("{url} is no address; write http://HOST:PORT/metrics");
        if url.starts_with("https://") {
            return Err("no TLS here; go through a proxy that ends it".to_owned());
        }
        let rest = url.strip_prefix("http://").unwrap_or(url);
        let (host, path) = match rest.find('/') {
            Some(slash) => rest.split_at(slash),
            None => (rest, "/metrics"),
        };
        let plain = |text: &str| text.chars().all(|c| c.is_ascii_graphic() && c != '@');
        if host.is_empty() || !plain(host) || !plain(path) || path.contains('#') {
            return Err(wrong());
        }
        // A port behind the last colon, unless that colon is inside an IPv6 address.
        let port = host
            .rsplit_once(':')
            .filter(|(_, port)| !port.contains(']'));
        let host = match port {
            Some((_, port)) => {
                port.parse::<u16>().map_err(|_| wrong())?;
                host.to_owned()
            }
            None => format!("{host}:80"),
        };
        Ok(Self {
            host,
            path: path.to_owned(),
        })
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.host)
    }
}

impl Endpoint {
    /// The body of the answer.
    pub(super) fn get(&self) -> Result<String, String> {
        let mut stream = self.connect()?;
        let told = |error: std::io::Error| format!("{self} does not answer: {error}");
        let request = format!(
            "GET {} HTTP/1.1\r\nHost: {}\r\nAccept: text/plain\r\nConnection: close\r\n\r\n",
            self.path, self.host
        );
        stream.set_write_timeout(Some(PATIENCE)).map_err(told)?;
        stream.write_all(request.as_bytes()).map_err(told)?;
        let begin = Instant::now();
        let (mut answer, mut piece) = (Vec::new(), [0; 16 * 1024]);
        loop {
            let left = PATIENCE.saturating_sub(begin.elapsed());
            let late = || format!("{self} does not finish its answer");
            if left.is_zero() {
                return Err(late());
            }
            stream.set_read_timeout(Some(left)).map_err(told)?;
            match stream.read(&mut piece) {
                Ok(0) => break,
                Ok(len) => answer.extend_from_slice(&piece[..len]),
                Err(error) => match error.kind() {
                    ErrorKind::Interrupted => {}
                    ErrorKind::WouldBlock | ErrorKind::TimedOut => return Err(late()),
                    _ => return Err(told(error)),
                },
            }
            if answer.len() > LONGEST {
                return Err(format!("{self} answers more than {LONGEST} octets"));
            }
        }
        body(&answer).map_err(|why| format!("{self}: {why}"))
    }

    fn connect(&self) -> Result<TcpStream, String> {
        let told = |error: std::io::Error| {
            format!(
                "no sidecar at {self}: {error}; is it running, and is this its `listen` address?"
            )
        };
        let mut last = std::io::Error::other("the name has no address");
        for address in self.host.to_socket_addrs().map_err(told)? {
            match TcpStream::connect_timeout(&address, PATIENCE) {
                Ok(stream) => return Ok(stream),
                Err(error) => last = error,
            }
        }
        Err(told(last))
    }
}

/// The body of a whole answer, if it is a good one.
fn body(answer: &[u8]) -> Result<String, String> {
    let mut headers = [EMPTY_HEADER; 64];
    let mut response = Response::new(&mut headers);
    let Ok(Status::Complete(head)) = response.parse(answer) else {
        return Err("the answer is not HTTP".to_owned());
    };
    if response.code != Some(200) {
        let code = response.code.unwrap_or_default();
        return Err(format!(
            "answers {code} {}",
            response.reason.unwrap_or_default()
        ));
    }
    let body = &answer[head..];
    for header in response.headers.iter() {
        if header.name.eq_ignore_ascii_case("transfer-encoding") {
            return Err("answers in chunks, which a sidecar never does".to_owned());
        }
        let length = header.name.eq_ignore_ascii_case("content-length");
        let said = std::str::from_utf8(header.value)
            .ok()
            .and_then(|text| text.trim().parse().ok());
        if length && said != Some(body.len()) {
            return Err("the answer is cut short".to_owned());
        }
    }
    String::from_utf8(body.to_vec()).map_err(|_| "the answer is not text".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls() {
        let endpoint = |host: &str, path: &str| Endpoint {
            host: host.to_owned(),
            path: path.to_owned(),
        };
        for (url, expected) in [
            ("http://a:1/metrics", Some(endpoint("a:1", "/metrics"))),
            ("a:1", Some(endpoint("a:1", "/metrics"))),
            ("http://a/x?y", Some(endpoint("a:80", "/x?y"))),
            ("http://[::1]:5", Some(endpoint("[::1]:5", "/metrics"))),
            ("http://[::1]/m", Some(endpoint("[::1]:80", "/m"))),
            ("https://a:1", None),
            ("http://", None),
            ("http://a:b/", None),
            ("http://a:1/x y", None),
            ("http://u@a:1/", None),
            ("http://a:1/\r\nX: y", None),
        ] {
            assert_eq!(url.parse().ok(), expected, "{url}");
        }
    }

    #[test]
    fn answers() {
        assert_eq!(
            body(b"HTTP/1.1 200 OK\r\n\r\nx 1\n"),
            Ok("x 1\n".to_owned())
        );
        assert!(body(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx 1\n").is_err());
        assert!(body(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n").is_err());
        assert!(body(b"HTTP/1.1 503 No\r\n\r\n").is_err_and(|why| why.contains("503")));
        assert!(body(b"SSH-2.0-x\r\n").is_err());
    }
}
