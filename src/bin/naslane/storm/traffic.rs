//! Messages after the security mode procedure, in either direction. Each is compared octet for octet with what was
//! sent, under the COUNT it was sent with.

use naslane::base::Result;
use naslane::engine::job::op;
use naslane::security::protect::Form;

use super::figures::{Verb, status_name};
use super::lane::{ACCESS, Item, Lane};
use super::messages::{Message, ROOM};
use super::siege::Phase;

impl Lane<'_> {
    /// These UEs send; returns those whose message the AMF half accepted.
    pub(super) fn uplink(&mut self, chunk: &[usize], message: Message) -> Vec<usize> {
        let mut items = Vec::with_capacity(chunk.len());
        for who in chunk {
            match self.ue_sends(*who, message) {
                Ok(item) if self.arrives(*who) => items.push(item),
                Ok(_) => {}
                Err(error) => self.lose(*who, format_args!("{message:?} not protected: {error}")),
            }
        }
        if items.is_empty() {
            return Vec::new();
        }
        self.besiege_amf(&items, Phase::Before(message));
        self.amf.clear();
        for item in &items {
            self.amf
                .load((op::VERIFY, ACCESS), self.people[item.who].amf, &item.pdu);
        }
        self.amf.run(Verb::Verify);
        let mut problems: Vec<_> = (0..items.len())
            .map(|place| self.uplink_problem(place, &items[place]))
            .collect();
        if message == Message::ServiceRequest {
            self.containers(&items, &mut problems);
        }
        self.after(&items, (message, problems), Self::besiege_amf)
    }

    /// The AMF half sends to these UEs; returns those that accepted the message.
    pub(super) fn downlink(&mut self, chunk: &[usize], message: Message) -> Vec<usize> {
        let mut items = self.amf_sends(chunk, message);
        items.retain(|item| self.arrives(item.who));
        if items.is_empty() {
            return Vec::new();
        }
        self.besiege_ues(&items, Phase::Before(message));
        let problems = items
            .iter()
            .map(|item| self.downlink_problem(item))
            .collect();
        self.after(&items, (message, problems), Self::besiege_ues)
    }

    /// Loses the UEs whose message had a problem, and lets the attacker use the other messages.
    fn after(
        &mut self,
        items: &[Item],
        (message, problems): (Message, Vec<Option<String>>),
        besiege: impl Fn(&mut Self, &[Item], Phase),
    ) -> Vec<usize> {
        let mut accepted = Vec::with_capacity(items.len());
        for (item, problem) in items.iter().zip(problems) {
            let pair = self.people[item.who].pair;
            match problem {
                Some(problem) => self.lose(item.who, format_args!("{message:?}: {problem}")),
                None => {
                    self.amf.figures.pairs[pair].1 += 1;
                    accepted.push(item.who);
                }
            }
        }
        besiege(self, items, Phase::After);
        accepted
    }

    /// A UE protects a message. While it is under attack, another one before it is held back on the air.
    fn ue_sends(&mut self, who: usize, message: Message) -> Result<Item> {
        if self.plan.hostile && matches!(message, Message::UlTransport(_)) {
            let held = self.ue_protects(who, Message::UlTransport(u8::MAX))?;
            self.people[who].heard_up.held_back = held.pdu;
        }
        self.ue_protects(who, message)
    }

    fn ue_protects(&self, who: usize, message: Message) -> Result<Item> {
        let subscriber = &self.people[who];
        let mut plain = vec![0; ROOM];
        let (len, container) = subscriber.person.write(message, &mut plain)?;
        plain.truncate(len);
        let form = match message {
            Message::ServiceRequest => Form::Initial(container.clone()),
            _ => Form::Auto,
        };
        let mut pdu = vec![0; len + 7];
        let sent = self
            .ues
            .protect_as(subscriber.ue, ACCESS, (&plain, form), &mut pdu)?;
        Ok(Item {
            who,
            plain,
            container,
            pdu,
            count: sent.count,
        })
    }

    fn uplink_problem(&mut self, place: usize, item: &Item) -> Option<String> {
        let job = self.amf.job(place);
        if job.status != 0 {
            return Some(format!("the AMF half says {}", status_name(job.status)));
        }
        if job.count != item.count {
            return Some(format!(
                "sent under COUNT {}, verified under {}",
                item.count, job.count
            ));
        }
        self.amf.figures.count_checks += 1;
        // A container comes out ciphered; it is compared once it is deciphered.
        if item.container.is_none() {
            self.amf.figures.content_checks += 1;
            if self.amf.out(place) != item.plain {
                return Some("other content than was sent".into());
            }
        }
        None
    }

    /// Deciphers the containers of the messages that verified.
    fn containers(&mut self, items: &[Item], problems: &mut [Option<String>]) {
        let messages: Vec<Vec<u8>> = (0..items.len())
            .map(|place| self.amf.out(place).to_vec())
            .collect();
        self.amf.clear();
        let mut loaded = Vec::with_capacity(items.len());
        for (place, item) in items
            .iter()
            .enumerate()
            .filter(|(at, _)| problems[*at].is_none())
        {
            let handle = self.people[item.who].amf;
            self.amf
                .load_container((ACCESS, item.count), handle, &messages[place]);
            loaded.push(place);
        }
        self.amf.run(Verb::Container);
        for (at, place) in loaded.into_iter().enumerate() {
            let status = self.amf.job(at).status;
            self.amf.figures.content_checks += 1;
            problems[place] = if status != 0 {
                Some(format!("the container is {}", status_name(status)))
            } else if self.amf.out(at) != items[place].plain {
                Some("other content in the container than was sent".into())
            } else {
                None
            };
        }
    }

    /// The AMF half protects a message for each of these UEs. Of those under attack, another one before it is held
    /// back on the air.
    fn amf_sends(&mut self, chunk: &[usize], message: Message) -> Vec<Item> {
        if self.plan.hostile && matches!(message, Message::DlTransport(_)) {
            for item in self.amf_protects(chunk, Message::DlTransport(u8::MAX)) {
                self.people[item.who].heard_down.held_back = item.pdu;
            }
        }
        let live: Vec<usize> = chunk
            .iter()
            .copied()
            .filter(|who| !self.people[*who].lost)
            .collect();
        self.amf_protects(&live, message)
    }

    fn amf_protects(&mut self, chunk: &[usize], message: Message) -> Vec<Item> {
        let mut items = Vec::with_capacity(chunk.len());
        let mut plain = [0; ROOM];
        self.amf.clear();
        for who in chunk {
            match self.people[*who].person.write(message, &mut plain) {
                Ok((len, _)) => {
                    let plain = &plain[..len];
                    self.amf
                        .load((op::PROTECT, ACCESS), self.people[*who].amf, plain);
                    items.push(Item {
                        who: *who,
                        plain: plain.to_vec(),
                        container: None,
                        pdu: Vec::new(),
                        count: 0,
                    });
                }
                Err(error) => self.lose(*who, format_args!("{message:?} not built: {error}")),
            }
        }
        if items.is_empty() {
            return items;
        }
        self.amf.run(Verb::Protect);
        self.take_sent(&mut items);
        items
    }

    /// Takes the PDUs that the AMF half sealed, and checks their COUNTs.
    pub(super) fn take_sent(&mut self, items: &mut Vec<Item>) {
        for (place, item) in items.iter_mut().enumerate() {
            let job = *self.amf.job(place);
            let expected = self.people[item.who].dl_count;
            if job.status != 0 {
                let name = status_name(job.status);
                self.lose(
                    item.who,
                    format_args!("not protected: the AMF half says {name}"),
                );
            } else if job.count != expected {
                let count = job.count;
                self.lose(
                    item.who,
                    format_args!("COUNT {count} used, {expected} was next"),
                );
            } else {
                self.amf.figures.count_checks += 1;
                self.people[item.who].dl_count += 1;
                item.count = job.count;
                item.pdu = self.amf.out(place).to_vec();
            }
        }
        items.retain(|item| !self.people[item.who].lost);
    }

    fn downlink_problem(&mut self, item: &Item) -> Option<String> {
        let mut out = [0; ROOM];
        let ue = self.people[item.who].ue;
        let verdict = self.ues.verify(ue, ACCESS, &item.pdu, &mut out).verdict;
        if let Err(error) = verdict.result {
            return Some(format!("the UE says {error}"));
        }
        self.amf.figures.content_checks += 1;
        self.amf.figures.count_checks += 1;
        if verdict.count != Some(item.count) {
            Some(format!(
                "sent under COUNT {}, verified under {:?}",
                item.count, verdict.count
            ))
        } else if out[..verdict.len] != item.plain {
            Some("other content than was sent".into())
        } else {
            None
        }
    }
}
