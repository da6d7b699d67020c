//! Shares of clients and of their users.

use serde::Deserialize;

use super::super::region::MAX_ARENA;

/// Most that one client may have, and one user with all its clients: names cost nothing, so they must not multiply
/// what a user gets.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(default, deny_unknown_fields)]
pub struct Quota {
    /// Sessions.
    pub sessions: u32,
    /// Queues.
    pub queues: u32,
    /// Jobs at a time: entries of all rings of all its queues.
    pub outstanding: u32,
    /// Entries of one ring.
    pub entries: u32,
    /// Octets of one queue's arena.
    pub arena: u32,
    /// Sessions of one user, those that wait for a client included; none: four times a client's.
    pub user_sessions: Option<u32>,
    /// Jobs at a time of one user; none: four times a client's.
    pub user_outstanding: Option<u32>,
    /// Connections of one user at a time; none: all that there are.
    pub user_connections: Option<u32>,
}

impl Default for Quota {
    fn default() -> Self {
        Self {
            sessions: 65_536,
            queues: 16,
            outstanding: 65_536,
            entries: 1024,
            arena: 4 << 20,
            user_sessions: None,
            user_outstanding: None,
            user_connections: None,
        }
    }
}

/// What a user may have when nobody said: times a client's.
const CLIENTS: u32 = 4;

impl Quota {
    /// Sessions of one user.
    pub(crate) fn of_user_sessions(&self) -> usize {
        let four = self.sessions.saturating_mul(CLIENTS);
        self.user_sessions.unwrap_or(four) as usize
    }

    /// Jobs at a time of one user.
    pub(crate) fn of_user_outstanding(&self) -> u32 {
        let four = self.outstanding.saturating_mul(CLIENTS);
        self.user_outstanding.unwrap_or(four)
    }

    /// Connections at a time of one user.
    pub(crate) fn of_user_connections(&self) -> usize {
        self.user_connections
            .map_or(usize::MAX, |most| most as usize)
    }

    /// # Errors
    /// What is wrong, as a sentence.
    pub(super) fn check(&self) -> Result<(), &'static str> {
        let ring = crate::engine::ring::ENTRIES;
        if !self.entries.is_power_of_two() || !ring.contains(&self.entries) {
            return Err("quota.entries: a power of two from 8 to 4096");
        }
        if !(8..=MAX_ARENA).contains(&self.arena) {
            return Err("quota.arena: 8 to 2^30 octets");
        }
        if self.sessions == 0 || self.queues == 0 || self.outstanding < self.entries {
            return Err("quota: at least one session, one queue and one ring's entries");
        }
        let users = [
            self.user_sessions,
            self.user_outstanding,
            self.user_connections,
        ];
        if users.contains(&Some(0)) {
            return Err("quota.user_*: at least 1; leave it out for the default");
        }
        Ok(())
    }
}
