//! The daemon's metrics as Prometheus would read them.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpStream;

use crate::ports::free_port;

/// Where a daemon's page is.
pub struct Page(String);

impl Page {
    pub fn free() -> Self {
        Self(format!("127.0.0.1:{}", free_port()))
    }

    pub fn address(&self) -> &str {
        &self.0
    }

    pub fn text(&self) -> String {
        let mut stream = TcpStream::connect(&self.0).unwrap();
        write!(
            stream,
            "GET /metrics HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n"
        )
        .unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        text
    }

    /// The samples of one metric by their labels.
    pub fn family(&self, name: &str) -> BTreeMap<String, u64> {
        let text = self.text();
        let lines = text.lines().filter_map(|line| line.strip_prefix(name));
        lines
            .filter_map(|rest| {
                let (labels, value) = rest.rsplit_once(' ')?;
                let labels = labels.trim_start_matches('{').trim_end_matches('}');
                Some((labels.to_owned(), value.parse().ok()?))
            })
            .collect()
    }
}
