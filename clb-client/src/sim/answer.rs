//! Answers one call: rate limit, faults, reads, and writes up to their acceptance.

use std::time::Duration;

use serde_json::{Value, json};

use super::{
    account::Account,
    action::Action,
    fault::{Applied, Fault},
    log::{Call, Outcome},
    parameter::Parameters,
    refusal::Refusal,
    reply::{Content, Reply},
    shape::bend,
    task::Pending,
    write::{Edit, Plan},
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
        let balancer = body.get("LoadBalancerId").and_then(Value::as_str).map(str::to_owned);
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
        let read = |fields| (fields, after, Outcome::Accepted);
        let done = match action {
            Action::DescribeLoadBalancers => self.describe_load_balancers(body).map(read),
            Action::DescribeListeners => self.describe_listeners(body).map(read),
            Action::DescribeTargets => self.describe_targets(body, self.now).map(read),
            Action::DescribeTaskStatus => self.describe_task_status(body).map(read),
            Action::BatchRegisterTargets
            | Action::BatchDeregisterTargets
            | Action::BatchModifyTargetWeight => self.write(action, body, request_id, fault.as_ref(), after),
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

    fn describe_task_status(&mut self, body: &Value) -> Result<Value, Refusal> {
        let call = Parameters::of_body(body, &["TaskId", "DealName"])?;
        let Some(id) = call.text("TaskId")?.or(call.text("DealName")?) else {
            return Err(Refusal::new("InvalidParameter", "one of `TaskId` and `DealName` must be passed"));
        };
        let (fields, zeroed) = self.tasks.describe(id, self.now, self.config.task_retention)?;
        for (pool, key) in zeroed {
            if let Some(target) = self.targets_mut(&pool).and_then(|targets| targets.get_mut(&key)) {
                target.zero_acknowledged = target.weight == 0;
            }
        }
        Ok(fields)
    }

    /// Accepts a write: locks the load balancer and plans the effect. Returns fields, time of the answer, outcome.
    fn write(
        &mut self,
        action: Action,
        body: &Value,
        request_id: &str,
        fault: Option<&Fault>,
        after: Duration,
    ) -> Result<(Value, Duration, Outcome), Refusal> {
        let mut plan = self.plan(action, body)?;
        let late = match fault {
            Some(Fault::LateEffect(by)) => Some(*by),
            _ => None,
        };
        let busy = self.load_balancers.get(&plan.owner).is_some_and(|owner| owner.busy_until > self.now);
        if busy && late.is_none() {
            return Err(Refusal::busy(&plan.owner));
        }
        let lag = match fault {
            Some(Fault::ReadLag(lag)) => *lag,
            _ => self.config.read_lag,
        };
        if let Some(by) = late {
            let pending = Pending { edits: plan.edits, task: None, fails: None, lag };
            self.accept(self.now + by, pending);
            return Ok((json!({}), after, Outcome::Accepted));
        }
        if action == Action::BatchModifyTargetWeight {
            self.start_task(plan, request_id, fault, lag);
            return Ok((json!({}), after, Outcome::Accepted));
        }
        let applied = fail_listeners(&mut plan, fault);
        let failed: Vec<&String> = plan.failed.iter().collect();
        let outcome = if failed.is_empty() { Outcome::Accepted } else { Outcome::Partial };
        let message = if failed.is_empty() { "" } else { "some listeners failed, please check them" };
        let fields = json!({"FailListenerIdSet": failed, "Message": message});
        plan.edits = applied;
        if self.config.batch_is_async {
            self.start_task(plan, request_id, fault, lag);
            return Ok((fields, after, outcome));
        }
        let takes = self.config.batch.draw(&mut self.dice);
        let settles = self.config.settle.draw(&mut self.dice);
        let end = self.now + takes;
        self.lock(&plan.owner, end + settles);
        // Whoever polls the request id of such a call nevertheless learns that it is done once it is.
        self.tasks.start(request_id, &plan.owner);
        let pending = Pending { edits: plan.edits, task: Some(request_id.to_owned()), fails: None, lag };
        self.accept(end, pending);
        Ok((fields, takes.max(after), outcome))
    }

    fn start_task(&mut self, plan: Plan, request_id: &str, fault: Option<&Fault>, lag: Duration) {
        let drawn = self.config.task.draw(&mut self.dice);
        let (takes, fails) = match fault {
            Some(Fault::SlowTask(takes)) => (*takes, None),
            Some(Fault::FailedTask(applied)) => (drawn, Some(*applied)),
            _ => (drawn, None),
        };
        let end = self.now + takes;
        self.lock(&plan.owner, end);
        self.tasks.start(request_id, &plan.owner);
        self.accept(end, Pending { edits: plan.edits, task: Some(request_id.to_owned()), fails, lag });
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

/// Lets a fault fail listeners of a batch that has no task. Returns the edits that are done nevertheless.
fn fail_listeners(plan: &mut Plan, fault: Option<&Fault>) -> Vec<Edit> {
    match fault {
        Some(Fault::PartialFailure(listeners)) if listeners.is_empty() => {
            if let Some(first) = plan.edits.first().map(|edit| edit.pool.listener_id().to_owned()) {
                plan.fail(&first);
            }
        }
        Some(Fault::PartialFailure(listeners)) => listeners.iter().for_each(|listener| plan.fail(listener)),
        Some(Fault::FailedTask(applied)) => {
            let done = match applied {
                Applied::Nothing => 0,
                Applied::Half => plan.edits.len() / 2,
                Applied::All => plan.edits.len(),
            };
            let edits = plan.edits[..done].to_vec();
            plan.failed.extend(plan.edits.iter().map(|edit| edit.pool.listener_id().to_owned()));
            return edits;
        }
        _ => {}
    }
    std::mem::take(&mut plan.edits)
}

/// Elements and targets that a body names, whatever else is wrong with it.
fn size(body: &Value) -> (usize, usize) {
    let length = |value: &Value| value.get("Targets").and_then(Value::as_array).map_or(0, Vec::len);
    match body.get("ModifyList").and_then(Value::as_array) {
        Some(elements) => (elements.len(), elements.iter().map(length).sum()),
        None => {
            let targets = length(body);
            (usize::from(targets > 0), targets)
        }
    }
}
