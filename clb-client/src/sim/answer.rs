//! Answers one call: rate limit, faults, reads, and writes up to their acceptance.

use std::time::Duration;

use serde_json::{Value, json};

use super::{
    account::Account,
    action::{Action, Course, Read, Write},
    fault::{Applied, Fault},
    log::{Call, Outcome},
    refusal::Refusal,
    reply::{Content, Reply},
    shape::bend,
    task::Pending,
    write::Plan,
};

impl Account {
    /// Answers one call. `action` is the value of `X-TC-Action`, `body` the parsed JSON body; who calls was checked
    /// before.
    pub fn handle(&mut self, now: Duration, action: &str, body: &Value) -> Reply {
        self.advance(now);
        let request_id = self.request_id();
        let Ok(action) = action.parse::<Action>() else {
            let refusal = Refusal::new("InvalidAction", format!("The action {action:?} does not exist"));
            return Reply { after: Duration::ZERO, content: Content::refused(&refusal, &request_id) };
        };
        let owner = body.get("LoadBalancerId").or_else(|| body.get("TargetGroupId"));
        let balancer = owner.and_then(Value::as_str).map(str::to_owned);
        let answered = match self.admit(action, balancer.as_deref()) {
            Ok(fault) => self.answer(action, body, &request_id, fault),
            Err(refusal) => Answered::refused(&refusal, &request_id),
        };
        let (elements, targets) = size(body);
        self.calls.push(Call {
            at: self.now,
            action,
            load_balancer: balancer,
            elements,
            targets,
            request_id,
            outcome: answered.outcome,
        });
        answered.reply
    }

    /// The rate limit, then the faults that need no look at the call.
    fn admit(&mut self, action: Action, balancer: Option<&str>) -> Result<Option<Fault>, Refusal> {
        if let Some(limit) = self.config.limits.calls_per_second
            && !self.windows.entry(action).or_default().admit(self.now, limit)
        {
            return Err(Refusal::throttled(action.as_str()));
        }
        let fault = self.faults.take(action, balancer, &mut self.dice);
        match fault {
            Some(Fault::Busy) => Err(Refusal::busy(balancer.unwrap_or("resource"))),
            Some(Fault::Throttled) => Err(Refusal::throttled(action.as_str())),
            Some(Fault::InternalError) => Err(Refusal::internal()),
            Some(Fault::Error { code, message }) => Err(Refusal::new(code, message)),
            fault => Ok(fault),
        }
    }

    fn answer(&mut self, action: Action, body: &Value, request_id: &str, fault: Option<Fault>) -> Answered {
        match fault {
            Some(Fault::LostBeforeEffect) => return Answered::unanswered(Content::Lost),
            Some(Fault::Unreachable) => return Answered::unanswered(Content::Unreachable),
            _ => {}
        }
        let after = self.config.answer.draw(&mut self.dice);
        let done = match action.course() {
            Course::Read(what) => self.read(what, body).map(|fields| (fields, after, Outcome::Accepted)),
            Course::Write(write) => self.write((action, write), body, request_id, fault.as_ref(), after),
        };
        let (fields, mut after, outcome) = match done {
            Ok(done) => done,
            Err(refusal) => return Answered::refused(&refusal, request_id),
        };
        let answer = Content::answered(fields, request_id);
        let (content, outcome) = match fault {
            Some(Fault::LostAfterEffect | Fault::LateEffect(_)) => (Content::Lost, Outcome::Unanswered),
            Some(Fault::InternalErrorAfterEffect) => {
                let refusal = Refusal::internal();
                (Content::refused(&refusal, request_id), Outcome::Refused(refusal.code.into_owned()))
            }
            Some(Fault::Odd(shape)) => {
                let content = bend(answer, shape);
                let readable = matches!(content, Content::Json(_));
                (content, if readable { outcome } else { Outcome::Unanswered })
            }
            Some(Fault::SlowAnswer(longer)) => {
                after += longer;
                (Content::Json(answer), outcome)
            }
            _ => (Content::Json(answer), outcome),
        };
        Answered { reply: Reply { after, content }, outcome }
    }

    fn read(&mut self, what: Read, body: &Value) -> Result<Value, Refusal> {
        let now = self.now;
        match what {
            Read::LoadBalancers => self.describe_load_balancers(body),
            Read::Listeners => self.describe_listeners(body),
            Read::Targets => self.describe_targets(body, now),
            Read::Health => self.describe_target_health(body),
            Read::Task => self.describe_task_status(body),
            Read::Jobs => self.describe_async_jobs(body),
            Read::Reverse => self.describe_lb_listeners(body),
            Read::Quota => self.describe_quota(body),
            Read::Groups => self.describe_target_groups(body, true),
            Read::GroupList => self.describe_target_groups(body, false),
            Read::GroupMembers => self.describe_target_group_instances(body, now),
        }
    }

    /// Accepts a write: locks the load balancer and plans the effect. Returns fields, time of the answer, outcome.
    fn write(
        &mut self,
        (action, write): (Action, Write),
        body: &Value,
        request_id: &str,
        fault: Option<&Fault>,
        after: Duration,
    ) -> Result<(Value, Duration, Outcome), Refusal> {
        let mut plan = self.plan(write, body)?;
        if let Some(Fault::LateEffect(by)) = fault {
            let at = self.now + *by;
            self.accept(at, self.pending(plan, None, fault));
            return Ok((json!({}), after, Outcome::Accepted));
        }
        if self.is_busy(&plan.owner) {
            return Err(Refusal::busy(&plan.owner));
        }
        if !matches!(write, Write::Batch(_)) {
            self.start_task(plan, action, request_id, fault);
            return Ok((json!({}), after, Outcome::Accepted));
        }
        fail_listeners(&mut plan, fault, self.config.batch_is_async);
        let failed: Vec<&String> = plan.failed.iter().collect();
        let outcome = if failed.is_empty() { Outcome::Accepted } else { Outcome::Partial };
        let message = if failed.is_empty() { "" } else { "some listeners failed, please check them" };
        let fields = json!({"FailListenerIdSet": failed, "Message": message});
        if self.config.batch_is_async {
            self.start_task(plan, action, request_id, fault);
            return Ok((fields, after, outcome));
        }
        let takes = self.config.batch.draw(&mut self.dice);
        let settles = self.config.settle.draw(&mut self.dice);
        let end = self.now + takes;
        self.lock(&plan.owner, end + settles);
        // Whoever polls the request id of such a call nevertheless learns that it is done once it is.
        self.tasks.start(request_id, action, &plan.owner);
        self.accept(end, self.pending(plan, Some(request_id), fault));
        Ok((fields, takes.max(after), outcome))
    }

    fn start_task(&mut self, plan: Plan, action: Action, request_id: &str, fault: Option<&Fault>) {
        let drawn = self.config.task.draw(&mut self.dice);
        let (takes, fails) = match fault {
            Some(Fault::SlowTask(takes)) => (*takes, None),
            Some(Fault::FailedTask(applied)) => (drawn, Some(*applied)),
            _ => (drawn, None),
        };
        let end = self.now + takes;
        self.lock(&plan.owner, end);
        self.tasks.start(request_id, action, &plan.owner);
        self.accept(end, Pending { fails, ..self.pending(plan, Some(request_id), fault) });
    }

    fn pending(&self, plan: Plan, task: Option<&str>, fault: Option<&Fault>) -> Pending {
        let lag = match fault {
            Some(Fault::ReadLag(lag)) => *lag,
            _ => self.config.read_lag,
        };
        let Plan { owner, edits, associations, failed: _, broken } = plan;
        Pending { owner, edits, associations, broken, task: task.map(str::to_owned), fails: None, lag }
    }
}

/// A reply and how it goes into the log.
struct Answered {
    reply: Reply,
    outcome: Outcome,
}

impl Answered {
    fn refused(refusal: &Refusal, request_id: &str) -> Self {
        let content = Content::refused(refusal, request_id);
        let outcome = Outcome::Refused(refusal.code.clone().into_owned());
        Self { reply: Reply { after: Duration::ZERO, content }, outcome }
    }

    const fn unanswered(content: Content) -> Self {
        let reply = Reply { after: Duration::ZERO, content };
        Self { reply, outcome: Outcome::Unanswered }
    }
}

/// Lets a fault fail listeners of a batch. A task that fails does so at its end, not here.
fn fail_listeners(plan: &mut Plan, fault: Option<&Fault>, is_task: bool) {
    let listeners = |plan: &Plan| -> Vec<String> {
        plan.edits.iter().filter_map(|edit| edit.pool.listener_id().map(str::to_owned)).collect()
    };
    match fault {
        Some(Fault::PartialFailure(named)) if named.is_empty() => {
            listeners(plan).first().into_iter().for_each(|first| plan.fail(first));
        }
        Some(Fault::PartialFailure(named)) => named.iter().for_each(|listener| plan.fail(listener)),
        Some(Fault::FailedTask(applied)) if !is_task => {
            plan.failed.extend(listeners(plan));
            let done = match applied {
                Applied::Nothing => 0,
                Applied::Half => plan.edits.len() / 2,
                Applied::All => plan.edits.len(),
            };
            plan.edits.truncate(done);
        }
        _ => {}
    }
}

/// Elements and targets that a body names, whatever else is wrong with it.
fn size(body: &Value) -> (usize, usize) {
    let length = |value: &Value| {
        let lists = [value.get("Targets"), value.get("TargetGroupInstances")];
        lists.into_iter().flatten().filter_map(Value::as_array).map(Vec::len).sum()
    };
    match body.get("ModifyList").and_then(Value::as_array) {
        Some(elements) => (elements.len(), elements.iter().map(length).sum()),
        None => {
            let targets: usize = length(body);
            (usize::from(targets > 0), targets)
        }
    }
}
