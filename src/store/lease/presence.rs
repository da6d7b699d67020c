//! Whether this node may still count on being present in the store.

use std::time::Duration;

/// A node's presence as it can be sure of it, by its own clock. Times are since any moment, on a clock that does not go
/// back.
///
/// The store counts `ttl` from some moment after [`Presence::sent`], so a node that counts from there ends first, if its
/// clock is slow by less than the margin, 1/8. COUNTs do not depend on this; only that an owner which cannot be reached
/// ends its uplink before another one begins.
#[derive(Clone, Copy, Debug)]
pub struct Presence {
    ttl: Duration,
    sent: Option<Duration>,
    until: Option<Duration>,
}

impl Presence {
    /// Not present yet.
    #[must_use]
    pub const fn new(ttl: Duration) -> Self {
        Self {
            ttl,
            sent: None,
            until: None,
        }
    }

    /// For how long a node is present after it held.
    #[must_use]
    pub const fn ttl(&self) -> Duration {
        self.ttl
    }

    /// `Store::hold` is called now.
    pub const fn sent(&mut self, now: Duration) {
        self.sent = Some(now);
    }

    /// The last call has succeeded.
    pub fn kept(&mut self) {
        if let Some(sent) = self.sent.take() {
            self.until = Some(sent + self.ttl - self.ttl / 8);
        }
    }

    /// The last call has failed, or nobody knows.
    pub const fn failed(&mut self) {
        self.sent = None;
    }

    /// True while the node is present for certain.
    #[must_use]
    pub fn certain(&self, now: Duration) -> bool {
        self.until.is_some_and(|until| now < until)
    }

    /// True when it is time to hold again: a third of the time is over.
    #[must_use]
    pub fn due(&self, now: Duration) -> bool {
        let third = self.ttl / 3;
        self.until
            .is_none_or(|until| now + (self.ttl - self.ttl / 8) >= until + third)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(number: u64) -> Duration {
        Duration::from_millis(number)
    }

    #[test]
    fn counted_from_the_sending_not_from_the_answer() {
        let mut presence = Presence::new(ms(800));
        assert!(!presence.certain(ms(0)) && presence.due(ms(0)));
        presence.sent(ms(100));
        presence.kept();
        assert!(presence.certain(ms(799)));
        assert!(!presence.certain(ms(800)));
        assert!(!presence.due(ms(300)) && presence.due(ms(400)));
    }

    #[test]
    fn a_failure_leaves_the_last_success() {
        let mut presence = Presence::new(ms(800));
        presence.sent(ms(0));
        presence.kept();
        presence.sent(ms(300));
        presence.failed();
        presence.kept();
        assert!(presence.certain(ms(699)) && !presence.certain(ms(700)));
    }
}
