//! Registration up to SECURITY MODE COMPLETE.

use naslane::base::{Error, Result};
use naslane::engine::job::{SmcJob, event, op, smc_flag};
use naslane::nas::{FollowUp, MessageType, MobileIdentity, SecurityModeComplete};
use naslane::procedure::smc::{Answer, InitialMessageToSend, same_initial_message};

use super::figures::{Verb, status_name};
use super::lane::{ACCESS, AUTHENTICATIONS, Item, Lane};
use super::messages::{ROOM, capability};
use super::siege::Phase;

impl Lane<'_> {
    /// All UEs of the window: REGISTRATION REQUEST, authentication, security mode procedure.
    pub(super) fn register(&mut self) {
        let mut waiting = self.live();
        while !waiting.is_empty() {
            let mut left: Vec<usize> = Vec::new();
            for chunk in waiting.chunks(self.plan.batch) {
                self.first_requests(chunk, &mut left);
            }
            self.amf.figures.retransmissions += left.len() as u64;
            waiting = left;
        }
        let mut fresh = self.live();
        while !fresh.is_empty() {
            self.authenticate(&fresh);
            fresh.retain(|who| !self.people[*who].lost);
            fresh = self.security_mode(fresh);
            self.amf.figures.commands_timed_out += fresh.len() as u64;
            for who in &fresh {
                self.again(*who);
            }
            fresh.retain(|who| !self.people[*who].lost);
        }
    }

    /// The procedure timed out: a new authentication, a new key set identifier.
    fn again(&mut self, who: usize) {
        let person = &mut self.people[who].person;
        person.round += 1;
        person.ksi = (person.ksi + 1) % 7;
        if person.round.is_multiple_of(AUTHENTICATIONS) {
            self.lose(who, "no authentication led to a security context");
        }
    }

    /// REGISTRATION REQUEST without a context, plain. `left`: those whose message was lost on the air.
    fn first_requests(&mut self, chunk: &[usize], left: &mut Vec<usize>) {
        let mut sent = Vec::with_capacity(chunk.len());
        self.amf.clear();
        for who in chunk {
            match self.first_request(*who) {
                Err(error) => self.lose(*who, format_args!("REGISTRATION REQUEST: {error}")),
                Ok(_) if !self.arrives(*who) => left.push(*who),
                Ok(pdu) => {
                    self.amf
                        .load((op::VERIFY, ACCESS), self.people[*who].amf, &pdu);
                    sent.push((*who, pdu));
                }
            }
        }
        if sent.is_empty() {
            return;
        }
        self.amf.run(Verb::Verify);
        for (place, (who, pdu)) in sent.into_iter().enumerate() {
            let job = *self.amf.job(place);
            let expected = FollowUp::AuthenticateThenSmcRinmr as u8;
            let same = same_initial_message(&pdu, &self.people[who].whole) == Ok(true);
            if job.status != Error::PlainAllowed.code() || job.follow_up != expected || !same {
                let name = status_name(job.status);
                self.lose(
                    who,
                    format_args!("REGISTRATION REQUEST: the AMF half says {name}"),
                );
            }
        }
    }

    fn first_request(&self, who: usize) -> Result<Vec<u8>> {
        let subscriber = &self.people[who];
        let mut plain = [0; 128];
        let len = subscriber.person.first_request(&mut plain)?;
        let message = InitialMessageToSend {
            access: ACCESS,
            message: &plain[..len],
            container: None,
        };
        let mut pdu = vec![0; ROOM];
        let env = self.ues.ue_env(capability()?);
        let sent = self
            .ues
            .ue_initial(subscriber.ue, &message, &env, &mut pdu)?;
        pdu.truncate(sent.len);
        Ok(pdu)
    }

    /// Commands and their retransmissions until every UE has answered; returns those whose procedure timed out.
    fn security_mode(&mut self, fresh: Vec<usize>) -> Vec<usize> {
        let mut timed_out = Vec::new();
        let mut waiting = fresh;
        let mut verb = Verb::Command;
        while !waiting.is_empty() {
            let mut left: Vec<usize> = Vec::new();
            for chunk in waiting.chunks(self.plan.batch) {
                let mut commands = self.commands(chunk, (verb, &mut timed_out));
                commands.retain(|item| self.arrives(item.who));
                self.besiege_ues(&commands, Phase::Procedure);
                let mut completes: Vec<Item> = commands
                    .iter()
                    .filter_map(|item| self.answer(item))
                    .collect();
                self.besiege_ues(&commands, Phase::After);
                completes.retain(|item| self.arrives(item.who));
                let done = self.completes(&completes);
                left.extend(chunk.iter().filter(|who| done.binary_search(who).is_err()));
            }
            left.retain(|who| !self.people[*who].lost && !timed_out.contains(who));
            waiting = left;
            verb = Verb::Resend;
        }
        timed_out
    }

    /// SECURITY MODE COMMAND, or the same again because T3560 expired.
    fn commands(
        &mut self,
        chunk: &[usize],
        (verb, timed_out): (Verb, &mut Vec<usize>),
    ) -> Vec<Item> {
        self.amf.clear();
        let mut items = Vec::with_capacity(chunk.len());
        for who in chunk {
            let subscriber = &self.people[*who];
            let algorithms = self.plan.mix[subscriber.pair].algorithms;
            let job = SmcJob {
                nea: algorithms.nea.id(),
                nia: algorithms.nia.id(),
                ng_ksi: subscriber.person.ksi,
                ongoing: MessageType::REGISTRATION_REQUEST.0,
                flags: smc_flag::RINMR | smc_flag::IMEISV,
                ..SmcJob::default()
            };
            match verb {
                Verb::Resend => {
                    self.amf.load((op::SMC_RESEND, ACCESS), subscriber.amf, &[]);
                    self.amf.figures.retransmissions += 1;
                }
                _ => self.amf.load_command(ACCESS, subscriber.amf, &job),
            }
            let (plain, pdu) = (Vec::new(), Vec::new());
            items.push(Item {
                who: *who,
                plain,
                container: None,
                pdu,
                count: 0,
            });
        }
        self.amf.run(verb);
        let mut place = 0..;
        let mut kept = Vec::with_capacity(items.len());
        // T3560 expired for the last time: no PDU, and no failure of the UE either.
        for item in &items {
            let ended = place
                .next()
                .is_some_and(|at| self.amf.job(at).status == Error::Timeout.code());
            if ended {
                timed_out.push(item.who);
            }
            kept.push(!ended);
        }
        self.take_commands(items, &kept)
    }

    fn take_commands(&mut self, mut items: Vec<Item>, kept: &[bool]) -> Vec<Item> {
        for (place, item) in items.iter_mut().enumerate().filter(|(at, _)| kept[*at]) {
            let job = *self.amf.job(place);
            let expected = self.people[item.who].dl_count;
            if job.status != 0 || job.count != expected || job.sht != 3 && self.plan.batch > 1 {
                let (name, count) = (status_name(job.status), job.count);
                self.lose(
                    item.who,
                    format_args!("command: {name}, COUNT {count} of {expected}"),
                );
                continue;
            }
            self.amf.figures.count_checks += 1;
            self.people[item.who].dl_count += 1;
            item.count = job.count;
            item.pdu = self.amf.out(place).to_vec();
            item.plain = item.pdu[7..].to_vec();
        }
        items.retain(|item| !item.pdu.is_empty());
        items
    }

    /// The UE's answer to a command; a UE that does not complete is lost.
    fn answer(&mut self, command: &Item) -> Option<Item> {
        let who = command.who;
        match self.try_answer(command) {
            Ok(Ok(item)) => return Some(item),
            Ok(Err(answer)) => {
                self.lose(who, format_args!("the command is answered by {answer:?}"))
            }
            Err(error) => self.lose(who, format_args!("no answer to the command: {error}")),
        }
        None
    }

    fn try_answer(&self, command: &Item) -> Result<std::result::Result<Item, Answer>> {
        let mut pdu = vec![0; 512];
        let answer = self.ue_answers(command.who, &command.pdu, &mut pdu)?;
        let Answer::Complete(sent) = answer else {
            return Ok(Err(answer));
        };
        pdu.truncate(sent.len);
        let subscriber = &self.people[command.who];
        let imeisv = subscriber.person.imeisv()?;
        let complete = SecurityModeComplete {
            imeisv: Some(MobileIdentity::new(&imeisv)?),
            container: Some(&subscriber.whole),
            pei: None,
        };
        let mut plain = vec![0; 512];
        let (len, container) = complete.encode(&mut plain)?;
        plain.truncate(len);
        let count = sent.count.unwrap_or(u32::MAX);
        Ok(Ok(Item {
            who: command.who,
            plain,
            container,
            pdu,
            count,
        }))
    }

    /// A UE looks at what may be a SECURITY MODE COMMAND.
    pub(super) fn ue_answers(&self, who: usize, pdu: &[u8], out: &mut [u8]) -> Result<Answer> {
        let subscriber = &self.people[who];
        let imeisv = subscriber.person.imeisv()?;
        let mut env = self.ues.ue_env(capability()?);
        env.imeisv = Some(MobileIdentity::new(&imeisv)?);
        env.whole_initial = Some(&subscriber.whole);
        self.ues.ue_command(subscriber.ue, (ACCESS, pdu), &env, out)
    }

    /// SECURITY MODE COMPLETE at the AMF half; returns the UEs whose context is in use.
    fn completes(&mut self, items: &[Item]) -> Vec<usize> {
        if items.is_empty() {
            return Vec::new();
        }
        self.besiege_amf(items, Phase::Procedure);
        self.amf.clear();
        for item in items {
            self.amf
                .load((op::VERIFY, ACCESS), self.people[item.who].amf, &item.pdu);
        }
        self.amf.run(Verb::Verify);
        let mut done = Vec::with_capacity(items.len());
        for (place, item) in items.iter().enumerate() {
            let problem = self.complete_problem(place, item);
            let pair = self.people[item.who].pair;
            match problem {
                Some(problem) => self.lose(item.who, format_args!("complete: {problem}")),
                None => {
                    // Command and complete.
                    self.amf.figures.pairs[pair].1 += 2;
                    done.push(item.who);
                }
            }
        }
        self.besiege_amf(items, Phase::After);
        done
    }

    fn complete_problem(&mut self, place: usize, item: &Item) -> Option<String> {
        let job = *self.amf.job(place);
        let whole = &self.people[item.who].whole;
        let out = self.amf.out(place);
        let part = out
            .get(job.part_offset as usize..)
            .and_then(|p| p.get(..job.part_len as usize));
        let problem = if job.status != 0 || job.event != event::COMPLETED {
            format!(
                "the AMF half says {}, event {}",
                status_name(job.status),
                job.event
            )
        } else if job.count != item.count {
            format!(
                "sent under COUNT {}, verified under {}",
                item.count, job.count
            )
        } else if out != item.plain || part != Some(whole.as_slice()) {
            "other content than was sent".into()
        } else {
            self.amf.figures.content_checks += 1;
            self.amf.figures.count_checks += 1;
            return None;
        };
        Some(problem)
    }
}
