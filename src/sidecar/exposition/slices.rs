//! Slice authentication that the daemon drives itself.

use super::Page;

/// Its figures. No label of them is a subscriber's or a slice's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SliceFigures {
    /// Sessions that are watched.
    pub sessions: u64,
    /// Authentications, those that wait for the UE included.
    pub runs: u64,
    /// Requests that the NSSAAF has not answered yet.
    pub under_way: u64,
    /// Sessions that want something done by their client.
    pub waiting: u64,
    /// Requests sent, repetitions included.
    pub requests: u64,
    /// Repetitions among them.
    pub retries: u64,
    /// Answers by what they led to.
    pub answers: Vec<(&'static str, u64)>,
    /// Notifications that ask for another authentication.
    pub re_authentications: u64,
    /// Notifications that revoke.
    pub revocations: u64,
    /// Notifications that are none.
    pub malformed: u64,
    /// Requests and notifications that found no room.
    pub busy: u64,
}

/// The text that follows it when the daemon drives slice authentication.
#[must_use]
pub fn write_slices(figures: &SliceFigures) -> String {
    let mut page = Page(String::new());
    for (name, help, value) in [
        (
            "naslane_nssaa_sessions",
            "Sessions whose slice authentication this daemon drives.",
            figures.sessions,
        ),
        (
            "naslane_nssaa_runs",
            "Slice authentications under way at the NSSAAF, those that wait for the UE included.",
            figures.runs,
        ),
        (
            "naslane_nssaa_exchanges",
            "Requests that the NSSAAF has not answered yet.",
            figures.under_way,
        ),
        (
            "naslane_nssaa_waiting",
            "Sessions that want something of their client, which has not been told yet.",
            figures.waiting,
        ),
    ] {
        page.family(name, "gauge", help);
        page.sample(name, &[], value);
    }
    for (name, help, value) in [
        (
            "naslane_nssaa_requests_total",
            "Requests sent to the NSSAAF, repetitions included.",
            figures.requests,
        ),
        (
            "naslane_nssaa_retries_total",
            "Requests that were repeated.",
            figures.retries,
        ),
        (
            "naslane_nssaa_busy_total",
            "Requests and notifications that found no room.",
            figures.busy,
        ),
    ] {
        page.family(name, "counter", help);
        page.sample(name, &[], value);
    }
    let name = "naslane_nssaa_answers_total";
    page.family(
        name,
        "counter",
        "Answers of the NSSAAF by what they led to.",
    );
    for (outcome, number) in &figures.answers {
        page.sample(name, &[("outcome", outcome)], number);
    }
    let name = "naslane_nssaa_callbacks_total";
    page.family(name, "counter", "Notifications of the NSSAAF.");
    for (kind, number) in [
        ("re_authentication", figures.re_authentications),
        ("revocation", figures.revocations),
        ("malformed", figures.malformed),
    ] {
        page.sample(name, &[("kind", &kind)], number);
    }
    page.0
}
