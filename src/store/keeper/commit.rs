//! Lines and records on their way into the store.

use std::collections::HashSet;

use super::super::lease::{Event, Request};
use super::super::{Change, Group, Key, Line, Outcome, Result, Revision, Store};
use super::Keeper;

impl<S: Store> Keeper<S> {
    pub(super) fn carry_out_commits(&mut self, commits: &[(u64, Revision, Line)]) -> Result<()> {
        if commits.is_empty() {
            return Ok(());
        }
        let mut groups = Vec::with_capacity(commits.len());
        let mut sent = Vec::with_capacity(commits.len());
        let mut sessions = HashSet::new();
        for (id, expect, line) in commits {
            let Some(held) = self.held.get_mut(id) else {
                continue;
            };
            let erase = held.erase && held.record_revision != Revision::ABSENT;
            if (held.record.is_some() || erase) && !sessions.insert(held.tenure.terms().session) {
                // A record stands in one group of a commit: this one waits for the next.
                let request = Request::Commit {
                    expect: *expect,
                    line: *line,
                };
                self.due.insert(*id, request);
                continue;
            }
            sent.push(*id);
            let mut changes = vec![Change {
                key: Key::Line(held.tenure.terms().print),
                expect: *expect,
                value: Some(line.to_bytes().to_vec()),
            }];
            if let Some(sealed) = &held.record {
                held.record_sent = true;
                changes.push(Change {
                    key: Key::Record(held.tenure.terms().session),
                    expect: held.record_revision,
                    value: Some(sealed.clone()),
                });
            } else if erase {
                held.record_sent = true;
                changes.push(Change {
                    key: Key::Record(held.tenure.terms().session),
                    expect: held.record_revision,
                    value: None,
                });
            }
            groups.push(Group(changes));
        }
        if groups.is_empty() {
            return Ok(());
        }
        self.figures.commits += 1;
        let outcomes = self.store.commit(&groups)?;
        for (id, outcome) in sent.into_iter().zip(outcomes) {
            self.committed(id, outcome);
        }
        Ok(())
    }

    fn committed(&mut self, id: u64, outcome: Outcome) {
        if let Some(held) = self.held.get_mut(&id) {
            match &outcome {
                Outcome::Done(revision) => {
                    self.figures.writes += 1;
                    if held.record_sent && held.record.take().is_some() {
                        held.record_revision = *revision;
                    }
                    held.erase = false;
                }
                Outcome::Stale(there) => {
                    self.figures.stale += 1;
                    // Whoever owns the line writes the record. Whether it is still this node, the line says.
                    if let Some(entry) = there.get(1) {
                        let revision = entry.as_ref().map(|entry| entry.revision);
                        let revision = revision.unwrap_or(Revision::ABSENT);
                        // A record that somebody wrote meanwhile is not this session's.
                        held.erase &= held.record_revision == revision;
                        held.record_revision = revision;
                    }
                }
            }
            held.record_sent = false;
        }
        self.tell(id, Event::Answered(outcome));
    }
}
